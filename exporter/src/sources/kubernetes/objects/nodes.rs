//! Nodes, and the usage of nodes and pods from the metrics API.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::kubernetes::quantity::Resources;
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub(super) metadata: Metadata,
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
    pub(super) metadata: Metadata,
    /// When it was measured, RFC 3339.
    pub timestamp: Option<Box<str>>,
    /// CPU and memory.
    #[serde(deserialize_with = "or_empty")]
    pub usage: Resources,
}

/// The usage of a pod, from the metrics API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodUsage {
    pub(super) metadata: Metadata,
    /// When it was measured, RFC 3339.
    pub timestamp: Option<Box<str>>,
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
    /// Returns CPU in cores and memory in bytes of all containers. A value is `None` if it is missing for one of them, or
    /// if there are none.
    pub fn total(&self) -> (Option<f64>, Option<f64>) {
        if self.containers.is_empty() {
            return (None, None);
        }
        let amounts = || self.containers.iter().map(|container| container.usage.amounts());
        (amounts().map(|(cpu, _)| cpu).sum(), amounts().map(|(_, memory)| memory).sum())
    }
}
