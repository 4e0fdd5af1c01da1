//! The few fields that the checks need; everything else of an object is skipped while decoding.

use super::cached::{ApiObject, CachedObject, Interner, Metadata};
use super::quantity::{self, Resources};
use crate::sources::null::or_empty;
use checklist::config::Texts;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// Small objects that are few: kept as they are decoded.
macro_rules! small_objects {
    ($($name:ident),*) => {$(
        impl ApiObject for $name {
            fn metadata(&self) -> &Metadata {
                &self.metadata
            }
        }

        impl CachedObject for $name {
            type Wire = Self;

            fn from_wire(mut raw: Self, _: &mut Interner) -> Self {
                raw.metadata.annotations = Texts::new();
                raw
            }

            fn bytes(&self) -> usize {
                size_of::<Self>() + written(self)
            }
        }
    )*};
}

/// How long a value is when it is written down, which is about what its texts take.
fn written(value: &impl fmt::Debug) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail.
    let _ = fmt::Write::write_fmt(&mut count, format_args!("{value:?}"));
    count.0
}

small_objects!(Service, Slice, Workload, Node, Autoscaler, Claim, NodeUsage, PodUsage);

/// A service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    metadata: Metadata,
    /// What it wants.
    #[serde(deserialize_with = "or_empty")]
    pub spec: ServiceSpec,
}

/// Spec of a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Labels of its pods; without a selector others keep its endpoints.
    pub selector: Option<BTreeMap<Box<str>, Box<str>>>,
}

/// An endpoint slice.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Slice {
    metadata: Metadata,
    /// `IPv4`, `IPv6` or `FQDN`. A pod with two kinds of addresses is in a slice of each.
    pub address_type: Box<str>,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(deserialize_with = "or_empty")]
    conditions: EndpointConditions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl Slice {
    /// The service it belongs to.
    pub fn service(&self) -> Option<&str> {
        self.metadata.service()
    }

    /// Endpoints that take traffic; an unknown state counts as ready, as the API defines it.
    pub fn ready(&self) -> usize {
        self.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready != Some(false)).count()
    }

    /// Endpoints that take traffic or should: all but those whose pod is ending.
    pub fn wanted(&self) -> usize {
        let ends = |endpoint: &&Endpoint| {
            endpoint.conditions.ready == Some(false) && endpoint.conditions.terminating == Some(true)
        };
        self.endpoints.iter().flatten().filter(|endpoint| !ends(endpoint)).count()
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
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    spec: WorkloadSpec,
    #[serde(deserialize_with = "or_empty")]
    status: WorkloadStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WorkloadSpec {
    replicas: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
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
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    status: NodeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    #[serde(deserialize_with = "or_empty")]
    allocatable: Resources,
    #[serde(deserialize_with = "or_empty")]
    addresses: Vec<Address>,
    #[serde(deserialize_with = "or_empty")]
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "type")]
    kind: Box<str>,
    address: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    kubelet_endpoint: KubeletEndpoint,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KubeletEndpoint {
    #[serde(rename = "Port")]
    port: u16,
}

impl Node {
    /// What it can give to pods: cores and bytes.
    pub fn allocatable(&self) -> (Option<f64>, Option<f64>) {
        self.status.allocatable.amounts()
    }

    /// Where its kubelet listens.
    pub fn kubelet(&self) -> Option<(&str, u16)> {
        let address = self.status.addresses.iter().find(|address| &*address.kind == "InternalIP")?;
        let port = self.status.daemon_endpoints.kubelet_endpoint.port;
        Some((&address.address, if port == 0 { 10250 } else { port }))
    }
}

/// What a node uses, from the metrics API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeUsage {
    metadata: Metadata,
    /// Cores and bytes.
    #[serde(deserialize_with = "or_empty")]
    pub usage: Resources,
}

/// What a pod uses, from the metrics API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodUsage {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    containers: Vec<ContainerUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerUsage {
    #[serde(deserialize_with = "or_empty")]
    usage: Resources,
}

impl PodUsage {
    /// Cores and bytes of all containers; nothing when one is not known.
    pub fn total(&self) -> (Option<f64>, Option<f64>) {
        let amounts = || self.containers.iter().map(|container| container.usage.amounts());
        (amounts().map(|(cpu, _)| cpu).sum(), amounts().map(|(_, memory)| memory).sum())
    }
}

/// A horizontal pod autoscaler.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Autoscaler {
    metadata: Metadata,
    /// Bounds.
    #[serde(deserialize_with = "or_empty")]
    pub spec: AutoscalerSpec,
    /// State.
    #[serde(deserialize_with = "or_empty")]
    pub status: AutoscalerStatus,
}

/// Bounds of an autoscaler.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerSpec {
    /// The API server fills in 1.
    pub min_replicas: Option<u32>,
    /// Most replicas.
    pub max_replicas: u32,
}

/// State of an autoscaler.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerStatus {
    /// Replicas now.
    pub current_replicas: u32,
    /// Replicas it wants.
    pub desired_replicas: u32,
    #[serde(deserialize_with = "or_empty")]
    conditions: Vec<AutoscalerCondition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AutoscalerCondition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Box<str>,
}

impl Autoscaler {
    fn condition(&self, kind: &str) -> Option<&AutoscalerCondition> {
        self.status.conditions.iter().find(|condition| &*condition.kind == kind)
    }

    /// Whether it wants more than its maximum.
    pub fn is_limited(&self) -> bool {
        let limited = self.condition("ScalingLimited");
        limited.is_some_and(|condition| &*condition.status == "True" && &*condition.reason == "TooManyReplicas")
    }

    /// Whether it reads its metrics and may change its target. One that is switched off by zero replicas is able.
    pub fn is_able(&self) -> bool {
        let fails = |kind| {
            let condition = self.condition(kind);
            condition.is_some_and(|condition| &*condition.status == "False" && &*condition.reason != "ScalingDisabled")
        };
        !fails("AbleToScale") && !fails("ScalingActive")
    }
}

/// A volume claim.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claim {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    spec: ClaimSpec,
    #[serde(deserialize_with = "or_empty")]
    status: ClaimStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
struct ClaimSpec {
    #[serde(deserialize_with = "or_empty")]
    resources: ClaimResources,
    volume_mode: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimResources {
    #[serde(deserialize_with = "or_empty")]
    requests: ClaimRequests,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimRequests {
    storage: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimStatus {
    phase: Box<str>,
}

impl Claim {
    /// Whether it has its volume.
    pub fn is_bound(&self) -> bool {
        &*self.status.phase == "Bound"
    }

    /// Whether it is a raw device, of which nobody but its user knows how full it is.
    pub fn is_block(&self) -> bool {
        self.spec.volume_mode.as_deref() == Some("Block")
    }

    /// Bytes that it asks for.
    pub fn requested(&self) -> Option<f64> {
        self.spec.resources.requests.storage.as_deref().and_then(quantity::parse)
    }
}
