//! The few fields that the checks need; everything else of an object is skipped while decoding.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A decoded object that knows its own name.
pub trait Lean: DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its metadata.
    fn metadata(&self) -> &Metadata;
}

/// Metadata without what nobody reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    pub name: Box<str>,
    /// Set while the object is being deleted.
    pub deletion_timestamp: Option<Box<str>>,
    /// Who made it.
    pub owner_references: Vec<Owner>,
    /// Labels, of which only `kubernetes.io/service-name` is kept.
    pub labels: ServiceLabel,
}

/// An owner.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`, `StatefulSet`, …
    pub kind: Box<str>,
    /// Name.
    pub name: Box<str>,
}

/// The label that ties an endpoint slice to its service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ServiceLabel {
    /// The service.
    #[serde(rename = "kubernetes.io/service-name")]
    pub service: Option<Box<str>>,
    /// The hash that a deployment puts into the names of its replica sets.
    #[serde(rename = "pod-template-hash")]
    pub template_hash: Option<Box<str>>,
}

macro_rules! lean {
    ($($name:ident),*) => {$(
        impl Lean for $name {
            fn metadata(&self) -> &Metadata {
                &self.metadata
            }
        }
    )*};
}

lean!(Pod, Service, Slice, Workload, Node);

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    metadata: Metadata,
    /// What the kubelet says.
    pub status: PodStatus,
}

/// Status of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Running`, `Pending`, …
    pub phase: Box<str>,
    /// Reason of the whole pod (`Evicted`).
    pub reason: Option<Box<str>>,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Containers.
    pub container_statuses: Vec<Container>,
    /// Init containers.
    pub init_container_statuses: Vec<Container>,
}

/// A condition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// `Ready`, `PodScheduled`, …
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// `True` or not.
    pub status: Box<str>,
    /// Why.
    pub reason: Option<Box<str>>,
}

/// A container's status.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Name.
    pub name: Box<str>,
    /// Restarts so far.
    pub restart_count: u32,
    /// What it does now.
    pub state: ContainerState,
    /// What it did before.
    pub last_state: ContainerState,
}

/// A container's state.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// Set while it waits.
    pub waiting: Option<Ended>,
    /// Set after it ended.
    pub terminated: Option<Ended>,
}

/// Reason and end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ended {
    /// `CrashLoopBackOff`, `OOMKilled`, …
    pub reason: Option<Box<str>>,
    /// RFC 3339.
    pub finished_at: Option<Box<str>>,
}

impl Pod {
    /// Whether the condition `Ready` holds.
    pub fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|condition| &*condition.kind == "Ready" && &*condition.status == "True")
    }

    /// The workload it belongs to: a deployment's name without the hash of its replica set.
    pub fn workload(&self) -> &str {
        let Some(owner) = self.metadata.owner_references.first() else { return &self.metadata.name };
        let hash = self.metadata.labels.template_hash.as_deref().unwrap_or_default();
        let stripped = owner.name.strip_suffix(hash).and_then(|name| name.strip_suffix('-'));
        if &*owner.kind == "ReplicaSet" && !hash.is_empty() { stripped.unwrap_or(&owner.name) } else { &owner.name }
    }

    /// Why it is not ready: the first container that says so, else the condition, else the phase.
    pub fn reason(&self) -> &str {
        let status = &self.status;
        let containers = || status.init_container_statuses.iter().chain(&status.container_statuses);
        let waiting = || containers().find_map(|container| container.state.waiting.as_ref()?.reason.as_deref());
        let condition = || {
            let not_true = |condition: &&Condition| &*condition.status != "True";
            status.conditions.iter().filter(not_true).find_map(|condition| condition.reason.as_deref())
        };
        status.reason.as_deref().or_else(waiting).or_else(condition).unwrap_or(&status.phase)
    }
}

/// A service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    metadata: Metadata,
    /// What it wants.
    pub spec: ServiceSpec,
}

/// Spec of a service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Labels of its pods; without a selector others keep its endpoints.
    pub selector: Option<BTreeMap<Box<str>, Box<str>>>,
}

/// An endpoint slice.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Slice {
    metadata: Metadata,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    conditions: EndpointConditions,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Option<bool>,
}

impl Slice {
    /// The service it belongs to.
    pub fn service(&self) -> Option<&str> {
        self.metadata.labels.service.as_deref()
    }

    /// Endpoints that take traffic; an unknown state counts as ready, as the API defines it.
    pub fn ready(&self) -> usize {
        self.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready != Some(false)).count()
    }
}

/// The kinds of workload with a number of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `Deployment`
    Deployment,
    /// `StatefulSet`
    StatefulSet,
    /// `DaemonSet`
    DaemonSet,
}

impl WorkloadKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    /// The word in the path.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
        }
    }
}

/// A deployment, stateful set or daemon set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    metadata: Metadata,
    spec: WorkloadSpec,
    status: WorkloadStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct WorkloadSpec {
    replicas: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WorkloadStatus {
    ready_replicas: u32,
    number_ready: u32,
    desired_number_scheduled: u32,
}

impl Workload {
    /// Pods it asks for and pods that are ready.
    pub fn replicas(&self, kind: WorkloadKind) -> (u32, u32) {
        match kind {
            WorkloadKind::DaemonSet => (self.status.desired_number_scheduled, self.status.number_ready),
            // The API server fills in 1 when nothing is written.
            _ => (self.spec.replicas.unwrap_or(1), self.status.ready_replicas),
        }
    }
}

/// A node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    metadata: Metadata,
    status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    addresses: Vec<Address>,
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "type")]
    kind: Box<str>,
    address: Box<str>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    kubelet_endpoint: KubeletEndpoint,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct KubeletEndpoint {
    #[serde(rename = "Port")]
    port: u16,
}

impl Node {
    /// Where its kubelet listens.
    pub fn kubelet(&self) -> Option<(&str, u16)> {
        let address = self.status.addresses.iter().find(|address| &*address.kind == "InternalIP")?;
        let port = self.status.daemon_endpoints.kubelet_endpoint.port;
        Some((&address.address, if port == 0 { 10250 } else { port }))
    }
}
