//! Pods: the only objects that come by the hundred thousand, so each is kept in some 200 bytes.

use super::objects::{Lean, Metadata, Raw, Resources, Words};
use serde::Deserialize;
use std::sync::Arc;

/// What is kept of a pod.
#[derive(Debug)]
pub struct Pod {
    /// The workload it belongs to: a deployment's name without the hash of its replica set.
    pub workload: Arc<str>,
    /// `Running`, `Pending`, …
    pub phase: Arc<str>,
    /// Why it is not ready; nothing when it is.
    pub not_ready: Option<Arc<str>>,
    /// CPU limit in cores, if every container has one.
    pub cpu_limit: Option<f32>,
    /// Memory limit in bytes, if every container has one.
    pub memory_limit: Option<f64>,
    /// Its containers.
    pub containers: Box<[Container]>,
}

/// What is kept of a container.
#[derive(Debug)]
pub struct Container {
    /// Name.
    pub name: Arc<str>,
    /// Restarts so far.
    pub restarts: u32,
    /// Its last end, if it ever ended.
    pub last: Option<Box<Termination>>,
}

/// The end of a container.
#[derive(Debug)]
pub struct Termination {
    /// Unix seconds.
    pub at: i64,
    /// `OOMKilled`, `Error`, …
    pub reason: Arc<str>,
}

impl Lean for Pod {
    type Raw = RawPod;

    fn keep(raw: RawPod, words: &mut Words) -> Self {
        // A sidecar stands among the init containers, and both can restart.
        let statuses = raw.status.init_container_statuses.iter().chain(&raw.status.container_statuses);
        let containers = statuses.map(|container| Container {
            name: words.share(&container.name),
            restarts: container.restart_count,
            last: container.last_state.terminated.as_ref().and_then(|ended| {
                let at = ended.finished_at.as_deref()?.parse::<jiff::Timestamp>().ok()?.as_second();
                Some(Box::new(Termination { at, reason: words.share(ended.reason.as_deref().unwrap_or("Unknown")) }))
            }),
        });
        let containers = containers.collect();
        let sidecars = || raw.spec.init_containers.iter().filter(|container| container.is_sidecar());
        let limits = || raw.spec.containers.iter().chain(sidecars()).map(|one| one.resources.limits.amounts());
        #[expect(clippy::cast_possible_truncation, reason = "seven digits of cores are plenty")]
        let cpu_limit = limits().map(|(cpu, _)| cpu).sum::<Option<f64>>().map(|cores| cores as f32);
        Self {
            cpu_limit: cpu_limit.filter(|cores| *cores > 0.0),
            memory_limit: limits().map(|(_, memory)| memory).sum::<Option<f64>>().filter(|bytes| *bytes > 0.0),
            workload: words.share(raw.workload()),
            phase: words.share(&raw.status.phase),
            not_ready: (!raw.is_ready()).then(|| words.share(raw.reason())),
            containers,
        }
    }
}

/// A pod as the API sends it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RawPod {
    metadata: Metadata,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    containers: Vec<ContainerSpec>,
    init_containers: Vec<ContainerSpec>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerSpec {
    resources: ContainerResources,
    restart_policy: Option<Box<str>>,
}

impl ContainerSpec {
    /// An init container that goes on beside the others.
    fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ContainerResources {
    limits: Resources,
}

impl Raw for RawPod {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: Box<str>,
    /// Reason of the whole pod (`Evicted`).
    reason: Option<Box<str>>,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Option<Box<str>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: Box<str>,
    restart_count: u32,
    state: ContainerState,
    last_state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Stopped>,
    terminated: Option<Stopped>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stopped {
    reason: Option<Box<str>>,
    /// RFC 3339.
    finished_at: Option<Box<str>>,
}

impl RawPod {
    fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|condition| &*condition.kind == "Ready" && &*condition.status == "True")
    }

    fn workload(&self) -> &str {
        let Some(owner) = self.metadata.owner_references.first() else { return &self.metadata.name };
        let hash = self.metadata.labels.template_hash.as_deref().unwrap_or_default();
        let stripped = owner.name.strip_suffix(hash).and_then(|name| name.strip_suffix('-'));
        if &*owner.kind == "ReplicaSet" && !hash.is_empty() { stripped.unwrap_or(&owner.name) } else { &owner.name }
    }

    /// Why it is not ready: the first container that says so, else the condition, else the phase.
    fn reason(&self) -> &str {
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
