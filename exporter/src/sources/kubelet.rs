//! Usage of volumes, from the stats summary of each kubelet. Needs only the right `nodes/stats`.

use crate::probe::Failure;
use crate::sources::freshness::not_of_now;
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
use std::collections::{BTreeMap, BTreeSet};

/// Maximum size of a summary in bytes. The summary of a node with 500 pods is below two megabytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Number of kubelets that are queried at a time.
const AT_A_TIME: usize = 8;

/// The usage of one volume, as the kubelet reports it.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Bytes used.
    pub used_bytes: Option<u64>,
    /// Bytes that an unprivileged user can still write.
    pub available_bytes: Option<u64>,
    /// Inodes used.
    pub inodes_used: Option<u64>,
    /// Inodes in total; 0 for file systems without a fixed number.
    pub inodes: Option<u64>,
    /// When the kubelet last looked, if it says so.
    time: Option<Box<str>>,
    pvc_ref: Option<Claim>,
}

impl Volume {
    /// Checks that the kubelet has looked at the volume lately.
    ///
    /// # Errors
    /// The text says when it did.
    pub fn is_of_now(&self) -> Result<(), String> {
        match not_of_now(self.time.as_deref()) {
            Some(time) => Err(format!("the figures of its kubelet are of {time}: does its mount hang?")),
            None => Ok(()),
        }
    }

    /// Returns used bytes and capacity.
    ///
    /// # Errors
    /// The text says why the kubelet does not know them.
    pub fn bytes(&self) -> Result<(u64, u64), String> {
        self.is_of_now()?;
        let sum = self.used_bytes.zip(self.available_bytes).map(|(used, free)| (used, used.saturating_add(free)));
        // Nothing of nothing is what some drivers report when they cannot look.
        let sum = sum.filter(|(_, capacity)| *capacity > 0);
        sum.ok_or_else(|| "its kubelet gives no figures, as some volume drivers do".to_owned())
    }
}

/// The key of a persistent volume claim.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub namespace: String,
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

/// The volumes that the kubelets report.
pub struct Volumes {
    /// Usage of the mounted claims in the watched namespaces.
    pub claims: BTreeMap<Claim, Volume>,
    /// Number of nodes whose kubelet answered.
    pub nodes: usize,
    /// Failures of the nodes whose kubelet could not be queried. The messages name the node.
    pub unreached: Vec<Failure>,
    /// Names of the nodes that `kubelet.nodeSelector` selects; `None` without that key.
    pub selected: Option<BTreeSet<Box<str>>>,
}

impl Volumes {
    /// Whether the kubelet of a node is not queried, because `kubelet.nodeSelector` leaves the node out.
    pub fn is_left_out(&self, node: &str) -> bool {
        self.selected.as_ref().is_some_and(|selected| !selected.contains(node))
    }
}

/// Asks every kubelet for its volumes. A kubelet that does not answer is reported, and the others still count.
///
/// # Errors
/// Fails when the nodes cannot be listed.
pub async fn volumes(cluster: &Cluster) -> Result<Volumes, Failure> {
    let watched = cluster.watched().await?;
    let tls = tls(cluster, &watched.config).await?;
    let nodes = watched.nodes(cluster.target.kubelet_node_selector.as_deref()).await?;
    let selected = cluster.target.kubelet_node_selector.as_ref().map(|_| nodes.keys().cloned().collect());
    let config = &watched.config;
    let request = |(name, node): (&str, &Node)| {
        let (name, url, tls) = (name.to_owned(), summary_url(node), tls.clone());
        async move {
            let result = match url {
                Some(url) => summary(url, tls, config).await,
                None => {
                    Err(Failure::new(Reason::NotFound, "the node has no InternalIP, so its kubelet cannot be queried"))
                }
            };
            result.map_err(|failure| failure.while_doing(format_args!("node {name}")))
        }
    };
    let requests: Vec<_> = nodes.iter().map(|(name, node)| request((name, node))).collect();
    let results: Vec<_> = stream::iter(requests).buffer_unordered(AT_A_TIME).collect().await;
    let (mut summaries, mut unreached) = (Vec::new(), Vec::new());
    for one in results {
        match one {
            Ok(summary) => summaries.push(summary),
            Err(failure) => unreached.push(failure),
        }
    }
    let nodes = summaries.len();
    let pods = summaries.into_iter().flat_map(|summary| summary.pods.unwrap_or_default());
    let volumes = pods.flat_map(|pod| pod.volume.unwrap_or_default());
    let claimed = volumes.filter_map(|volume| Some((volume.pvc_ref.clone()?, volume)));
    let mut claims: BTreeMap<Claim, Volume> = BTreeMap::new();
    for (claim, volume) in claimed.filter(|(claim, _)| cluster.target.namespaces.contains(&claim.namespace)) {
        // Several nodes may report a shared volume. The largest figures count, and any are better than none.
        let known = claims.entry(claim).or_insert_with(|| volume.clone());
        if known.bytes().ok() < volume.bytes().ok() {
            *known = volume;
        }
    }
    Ok(Volumes { claims, nodes, unreached, selected })
}

fn summary_url(node: &Node) -> Option<String> {
    let (address, port) = node.kubelet()?;
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("https://{host}:{port}/stats/summary"))
}

async fn summary(url: String, tls: ClientConfig, config: &kube::Config) -> Result<Summary, Failure> {
    let response = get(HttpRequest {
        url: &url,
        tls: Some(tls),
        bearer: token(config).await?,
        max_body: MAX_BODY,
        tenant: None,
        within_budget: true,
    })
    .await?;
    if let Some(failure) = refusal(&response) {
        return Err(failure.while_doing(format_args!("kubelet {url}")));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| Failure::new(Reason::Decode, format!("kubelet {url}: {error}")))
}

/// Returns the TLS configuration for kubelets: client certificate and trusted authorities of the API client, unless the
/// target names other authorities.
async fn tls(cluster: &Cluster, config: &kube::Config) -> Result<ClientConfig, Failure> {
    let mut config = config.clone();
    config.accept_invalid_certs = cluster.target.kubelet_insecure_skip_verify;
    let mut tls = config
        .rustls_client_config()
        .map_err(|error| Failure::new(Reason::Config, format!("cannot set up TLS for the kubelets: {error}")))?;
    if let Some(file) = &cluster.target.kubelet_ca_file {
        // The file may also hold the self-signed certificates of the kubelets themselves.
        tls.dangerous().set_certificate_verifier(trust::verifier(Some(file)).await?);
    }
    Ok(tls)
}

/// Returns the bearer token of the API client, if it uses one.
async fn token(config: &kube::Config) -> Result<Option<SecretString>, Failure> {
    if let Some(token) = &config.auth_info.token {
        use secrecy::ExposeSecret;
        return Ok(Some(SecretString::from(token.expose_secret().to_owned())));
    }
    match &config.auth_info.token_file {
        Some(path) => Ok(Some(secret::token(&SecretRef::File(path.into())).await?)),
        None => Ok(None),
    }
}
