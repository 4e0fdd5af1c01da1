//! Volume figures straight from each kubelet's stats summary, with the right `nodes/stats` alone.

use crate::probe::Failure;
use crate::sources::kubernetes::Cluster;
use crate::sources::kubernetes::objects::Node;
use checklist::Reason;
use checklist::config::SecretRef;
use clients::http::{Ask, get, refusal};
use clients::{secret, trust};
use futures::{StreamExt, TryStreamExt, stream};
use kube::client::ConfigExt;
use rustls::ClientConfig;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A summary of a node with 500 pods is below two megabytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Kubelets asked at a time.
const AT_A_TIME: usize = 8;

/// The figures of one claim.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Bytes used.
    pub used_bytes: Option<u64>,
    /// Bytes that an ordinary user can still take.
    pub available_bytes: Option<u64>,
    /// Inodes used.
    pub inodes_used: Option<u64>,
    /// All inodes.
    pub inodes: Option<u64>,
    pvc_ref: Option<Claim>,
}

/// A claim by namespace and name.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    pods: Vec<PodStats>,
}

#[derive(Deserialize)]
struct PodStats {
    #[serde(default)]
    volume: Vec<Volume>,
}

/// The volumes of the watched namespaces. One kubelet that cannot be asked fails the whole
/// check: a part of the truth would hide the full disk on the other part.
pub async fn volumes(cluster: &Cluster) -> Result<BTreeMap<Claim, Volume>, Failure> {
    let watched = cluster.watched().await?;
    let tls = tls(cluster, &watched.config)?;
    let nodes = watched.nodes().await?;
    let asks: Vec<String> = nodes.values().filter_map(summary_url).collect();
    let summaries: Vec<Summary> = stream::iter(asks)
        .map(|url| summary(url, tls.clone(), &watched.config))
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let volumes = summaries.into_iter().flat_map(|summary| summary.pods).flat_map(|pod| pod.volume);
    let claimed = volumes.filter_map(|volume| Some((volume.pvc_ref.clone()?, volume)));
    Ok(claimed.filter(|(claim, _)| cluster.target.namespaces.contains(&claim.namespace)).collect())
}

fn summary_url(node: &Node) -> Option<String> {
    let (address, port) = node.kubelet()?;
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("https://{host}:{port}/stats/summary"))
}

async fn summary(url: String, tls: ClientConfig, config: &kube::Config) -> Result<Summary, Failure> {
    let answer =
        get(Ask { url: &url, tls: Some(tls), bearer: token(config)?, max_body: MAX_BODY, tenant: None }).await?;
    if let Some(failure) = refusal(&answer) {
        return Err(failure.while_doing(format_args!("kubelet: GET {url}")));
    }
    serde_json::from_slice(&answer.body).map_err(|error| Failure::new(Reason::Decode, format!("GET {url}: {error}")))
}

/// The client certificate and the trust of the API client hold for kubelets too, unless the operator says whom
/// else to trust.
fn tls(cluster: &Cluster, config: &kube::Config) -> Result<ClientConfig, Failure> {
    let mut config = config.clone();
    config.accept_invalid_certs = cluster.target.kubelet_insecure_skip_verify;
    if let Some(file) = &cluster.target.kubelet_ca_file {
        let authorities = trust::certificates(file)?;
        config.root_cert = Some(authorities.iter().map(|der| der.to_vec()).collect());
    }
    config
        .rustls_client_config()
        .map_err(|error| Failure::new(Reason::Config, format!("cannot set up TLS for the kubelets: {error}")))
}

/// The token that the API client uses.
fn token(config: &kube::Config) -> Result<Option<SecretString>, Failure> {
    if let Some(token) = &config.auth_info.token {
        use secrecy::ExposeSecret;
        return Ok(Some(SecretString::from(token.expose_secret().to_owned())));
    }
    config.auth_info.token_file.as_ref().map(|path| secret::read(&SecretRef::File(path.into()))).transpose()
}
