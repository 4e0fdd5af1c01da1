//! Statistics of volumes straight from each kubelet's stats summary, with the right `nodes/stats` alone.

use crate::probe::Failure;
use crate::sources::kubernetes::Cluster;
use crate::sources::kubernetes::objects::Node;
use checklist::Reason;
use checklist::config::SecretRef;
use clients::http::{HttpRequest, get, refusal};
use clients::{secret, trust};
use futures::{StreamExt, stream};
use kube::client::ConfigExt;
use rustls::ClientConfig;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A summary of a node with 500 pods is below two megabytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Kubelets asked at a time.
const AT_A_TIME: usize = 8;

/// The usage of one claim.
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
    pods: Option<Vec<PodStats>>,
}

#[derive(Deserialize)]
struct PodStats {
    #[serde(default)]
    volume: Option<Vec<Volume>>,
}

/// What the kubelets say about volumes.
pub struct Volumes {
    /// The usage of the claims that pods have mounted, in the watched namespaces.
    pub claims: BTreeMap<Claim, Volume>,
    /// Nodes whose kubelet answered.
    pub nodes: usize,
    /// Nodes whose kubelet could not be asked: the reason, and what it means.
    pub unreached: Vec<Failure>,
}

/// Asks every kubelet. One that cannot be asked is reported by its node's name; the values of the others are still used.
///
/// # Errors
/// When the nodes cannot be listed.
pub async fn volumes(cluster: &Cluster) -> Result<Volumes, Failure> {
    let watched = cluster.watched().await?;
    let tls = tls(cluster, &watched.config)?;
    let nodes = watched.nodes(cluster.target.kubelet_node_selector.as_deref()).await?;
    let config = &watched.config;
    let ask = |(name, node): (&str, &Node)| {
        let (name, url, tls) = (name.to_owned(), summary_url(node), tls.clone());
        async move {
            let asked = match url {
                Some(url) => summary(url, tls, config).await,
                None => Err(Failure::new(Reason::NotFound, "it has no InternalIP, so its kubelet cannot be asked")),
            };
            asked.map_err(|failure| failure.while_doing(format_args!("node {name}")))
        }
    };
    let asks: Vec<_> = nodes.iter().map(|(name, node)| ask((name, node))).collect();
    let asked: Vec<_> = stream::iter(asks).buffer_unordered(AT_A_TIME).collect().await;
    let (mut summaries, mut unreached) = (Vec::new(), Vec::new());
    for one in asked {
        match one {
            Ok(summary) => summaries.push(summary),
            Err(failure) => unreached.push(failure),
        }
    }
    let nodes = summaries.len();
    let pods = summaries.into_iter().flat_map(|summary| summary.pods.unwrap_or_default());
    let volumes = pods.flat_map(|pod| pod.volume.unwrap_or_default());
    let claimed = volumes.filter_map(|volume| Some((volume.pvc_ref.clone()?, volume)));
    let claims = claimed.filter(|(claim, _)| cluster.target.namespaces.contains(&claim.namespace)).collect();
    Ok(Volumes { claims, nodes, unreached })
}

fn summary_url(node: &Node) -> Option<String> {
    let (address, port) = node.kubelet()?;
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("https://{host}:{port}/stats/summary"))
}

async fn summary(url: String, tls: ClientConfig, config: &kube::Config) -> Result<Summary, Failure> {
    let answer =
        get(HttpRequest { url: &url, tls: Some(tls), bearer: token(config).await?, max_body: MAX_BODY, tenant: None })
            .await?;
    if let Some(failure) = refusal(&answer) {
        return Err(failure.while_doing(format_args!("kubelet {url}")));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| Failure::new(Reason::Decode, format!("kubelet {url}: {error}")))
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
async fn token(config: &kube::Config) -> Result<Option<SecretString>, Failure> {
    if let Some(token) = &config.auth_info.token {
        use secrecy::ExposeSecret;
        return Ok(Some(SecretString::from(token.expose_secret().to_owned())));
    }
    match &config.auth_info.token_file {
        Some(path) => Ok(Some(secret::read(&SecretRef::File(path.into())).await?)),
        None => Ok(None),
    }
}
