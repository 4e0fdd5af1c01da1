//! The objects of the API other than pods, with the few fields that checks need. Other fields are skipped while
//! decoding.

use super::cached::{ApiObject, CachedObject, Interner, Metadata};
use super::quantity::{self, Resources};
use crate::sources::null::or_empty;
use checklist::config::Texts;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Implements the traits for small objects, which are cached as they are decoded.
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

/// Returns the length of a value's debug output, as an estimate of the size of its strings.
fn written(value: &impl fmt::Debug) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = fmt::Write::write_fmt(&mut count, format_args!("{value:?}"));
    count.0
}

small_objects!(Service, Slice, Workload, Node, Autoscaler, Claim, NodeUsage, PodUsage);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    pub spec: ServiceSpec,
}

/// The used fields of a service's spec.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Labels of the selected pods. The endpoints of a service without a selector are managed by others.
    pub selector: Option<BTreeMap<Box<str>, Box<str>>>,
    #[serde(deserialize_with = "or_empty")]
    ports: Vec<IgnoredAny>,
}

impl ServiceSpec {
    /// Whether the service has ports. One without an address of its own may have none.
    pub fn has_ports(&self) -> bool {
        !self.ports.is_empty()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Slice {
    metadata: Metadata,
    /// `IPv4`, `IPv6` or `FQDN`. A pod with addresses of two families is in a slice of each.
    pub address_type: Box<str>,
    endpoints: Option<Vec<Endpoint>>,
    #[serde(deserialize_with = "some_or_empty")]
    ports: Option<Vec<IgnoredAny>>,
}

/// Deserializes a list that is written, and `null` as the empty list.
fn some_or_empty<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<IgnoredAny>>, D::Error> {
    or_empty(input).map(Some)
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
    /// Returns the service that the slice belongs to.
    pub fn service(&self) -> Option<&str> {
        self.metadata.service()
    }

    /// Whether the endpoints have no ports. This is so when the service names a port that no container has.
    pub fn is_without_ports(&self) -> bool {
        self.ports.as_ref().is_some_and(Vec::is_empty)
    }

    /// Returns the number of endpoints that accept traffic. An unknown state counts as ready, as the API defines it.
    pub fn ready(&self) -> usize {
        self.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready != Some(false)).count()
    }

    /// Returns the number of endpoints that accept traffic or should: all except those of terminating pods.
    pub fn wanted(&self) -> usize {
        let ends = |endpoint: &&Endpoint| {
            endpoint.conditions.ready == Some(false) && endpoint.conditions.terminating == Some(true)
        };
        self.endpoints.iter().flatten().filter(|endpoint| !ends(endpoint)).count()
    }
}

/// The kinds of workloads that have a number of pods.
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
    pub const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    /// Returns the kind as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    /// Returns the plural in the path of the API.
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
    observed_generation: Option<i64>,
    ready_replicas: u32,
    number_ready: u32,
    desired_number_scheduled: u32,
}

impl Workload {
    /// Whether the status is that of the present spec. Otherwise its controller has not looked at it yet.
    pub fn is_observed(&self) -> bool {
        self.metadata.generation.is_none() || self.status.observed_generation >= self.metadata.generation
    }

    /// Returns the number of desired pods and of ready pods.
    pub fn replicas(&self, kind: WorkloadKind) -> (u32, u32) {
        match kind {
            WorkloadKind::DaemonSet => (self.status.desired_number_scheduled, self.status.number_ready),
            // The default of the API is 1.
            _ => (self.spec.replicas.unwrap_or(1), self.status.ready_replicas),
        }
    }
}

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
    /// Returns the CPU in cores and the memory in bytes that are available for pods.
    pub fn allocatable(&self) -> (Option<f64>, Option<f64>) {
        self.status.allocatable.amounts()
    }

    /// Returns address and port of the node's kubelet.
    pub fn kubelet(&self) -> Option<(&str, u16)> {
        let address = self.status.addresses.iter().find(|address| &*address.kind == "InternalIP")?;
        let port = self.status.daemon_endpoints.kubelet_endpoint.port;
        Some((&address.address, if port == 0 { 10250 } else { port }))
    }
}

/// The usage of a node, from the metrics API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeUsage {
    metadata: Metadata,
    /// CPU and memory.
    #[serde(deserialize_with = "or_empty")]
    pub usage: Resources,
}

/// The usage of a pod, from the metrics API.
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
    /// Returns CPU in cores and memory in bytes of all containers. A value is `None` if it is missing for one of them.
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
    #[serde(deserialize_with = "or_empty")]
    pub spec: AutoscalerSpec,
    #[serde(deserialize_with = "or_empty")]
    pub status: AutoscalerStatus,
}

/// The used fields of an autoscaler's spec.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerSpec {
    /// Minimum number of replicas. The default of the API is 1.
    pub min_replicas: Option<u32>,
    /// Maximum number of replicas.
    pub max_replicas: u32,
}

/// The used fields of an autoscaler's status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerStatus {
    /// Present number of replicas.
    pub current_replicas: u32,
    /// Desired number of replicas.
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

    /// Whether the autoscaler wants more replicas than its maximum.
    pub fn is_limited(&self) -> bool {
        let limited = self.condition("ScalingLimited");
        limited.is_some_and(|condition| &*condition.status == "True" && &*condition.reason == "TooManyReplicas")
    }

    /// Whether the autoscaler can read its metrics and scale its target. An autoscaler that is disabled because its
    /// target has zero replicas counts as able.
    pub fn is_able(&self) -> bool {
        let fails = |kind| {
            let condition = self.condition(kind);
            condition.is_some_and(|condition| &*condition.status == "False" && &*condition.reason != "ScalingDisabled")
        };
        !fails("AbleToScale") && !fails("ScalingActive")
    }
}

/// A persistent volume claim.
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
    /// Whether the claim is bound to a volume.
    pub fn is_bound(&self) -> bool {
        &*self.status.phase == "Bound"
    }

    /// Whether the claim is for a block device without a file system, whose usage no kubelet reports.
    pub fn is_block(&self) -> bool {
        self.spec.volume_mode.as_deref() == Some("Block")
    }

    /// Returns the requested bytes.
    pub fn requested(&self) -> Option<f64> {
        self.spec.resources.requests.storage.as_deref().and_then(quantity::parse)
    }
}
