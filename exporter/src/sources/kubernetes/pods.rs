//! Pods: the only objects that can be hundreds of thousands, so each is cached in some 200 bytes.

use super::cached::{ApiObject, CachedObject, Interner, Metadata, Owner};
use super::objects::WorkloadKind;
use super::quantity::{Resources, exact_cores};
use crate::sources::null::or_empty;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// The cached form of a pod.
#[derive(Debug)]
pub struct Pod {
    /// Name of the workload that the pod belongs to: for a deployment without the hash of the replica set, for a cron
    /// job without the number of the run.
    pub workload: Arc<str>,
    /// Who makes a new pod when this one is lost.
    pub keeper: Keeper,
    /// Time of creation, Unix seconds.
    pub created: i64,
    /// When the pod ended or stopped being ready, Unix seconds; 0 if unknown.
    pub changed: i64,
    /// The phase: `Running`, `Pending` and so on.
    pub phase: Arc<str>,
    /// Why the pod is not ready; `None` if it is ready.
    pub not_ready: Option<Arc<str>>,
    /// CPU limit in cores, if the pod or every container has one.
    pub cpu_limit: Option<f64>,
    /// Memory limit in bytes, if the pod or every container has one.
    pub memory_limit: Option<f64>,
    /// The node that the pod was assigned to; empty before that.
    pub node: Arc<str>,
    /// Names of the volume claims that the pod mounts.
    pub claims: Box<[Arc<str>]>,
    /// The containers by their status, including init containers that keep running (sidecars).
    pub containers: Box<[Container]>,
    /// Names of the containers in the pod's spec, with its sidecars.
    pub declared: Box<[Arc<str>]>,
    /// Whether the kubelet restarts the containers however they end.
    pub runs_for_ever: bool,
}

/// Who makes a new pod when a pod is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// A workload whose replicas are judged.
    Workload(WorkloadKind),
    /// A job: the pod is meant to end, and a failed one is tried again.
    Job,
    /// Another owner, such as the operator of a database.
    Operator,
    /// Nobody.
    Nobody,
}

impl Pod {
    /// Returns the kind of the workload (`Deployment`, `StatefulSet`, `DaemonSet` or `Job`); empty for other owners and
    /// for none.
    pub const fn workload_kind(&self) -> &'static str {
        match self.keeper {
            Keeper::Workload(kind) => kind.as_str(),
            Keeper::Job => "Job",
            Keeper::Operator | Keeper::Nobody => "",
        }
    }

    /// Whether the pod belongs to a job, so that it is meant to end.
    pub fn is_of_job(&self) -> bool {
        self.keeper == Keeper::Job
    }

    /// Returns the names of the containers that the status leaves out although their pod runs. A pod that waits, or was
    /// evicted before it ran, has no status of its containers.
    pub fn unreported(&self) -> impl Iterator<Item = &Arc<str>> {
        let runs = !matches!(&*self.phase, "Pending" | "Failed" | "Succeeded");
        let is_reported = |name: &Arc<str>| self.containers.iter().any(|container| container.name == *name);
        self.declared.iter().filter(move |name| runs && !is_reported(name))
    }

    /// Whether the pod has ended and was meant to run for ever.
    pub fn is_lost(&self) -> bool {
        let ended = match &*self.phase {
            "Failed" => self.keeper != Keeper::Nobody || self.runs_for_ever,
            // A node that shuts down can leave pods as if they had completed.
            "Succeeded" => self.runs_for_ever,
            _ => false,
        };
        ended && matches!(self.keeper, Keeper::Operator | Keeper::Nobody)
    }
}

/// The cached status of a container.
#[derive(Debug)]
pub struct Container {
    pub name: Arc<str>,
    /// Number of restarts.
    pub restarts: u32,
    /// The last termination, if any.
    pub last: Option<Box<Termination>>,
}

/// A termination of a container.
#[derive(Debug)]
pub struct Termination {
    /// Time of the termination, Unix seconds.
    pub at: i64,
    /// The reason: `OOMKilled`, `Error` and so on.
    pub reason: Arc<str>,
}

impl CachedObject for Pod {
    type Wire = WirePod;

    fn from_wire(raw: WirePod, interner: &mut Interner) -> Self {
        let sidecars = raw.status.init_container_statuses.iter().filter(|status| raw.is_sidecar(&status.name));
        let containers = raw.status.container_statuses.iter().chain(sidecars).map(|container| Container {
            name: interner.share(&container.name),
            restarts: container.restart_count,
            last: container
                .last_termination()
                .map(|(at, reason)| Box::new(Termination { at: at.as_second(), reason: interner.share(reason) })),
        });
        let containers = containers.collect();
        let declared = raw.lasting().map(|container| interner.share(&container.name)).collect();
        let claims =
            raw.spec.volumes.iter().filter_map(|volume| match (&volume.persistent_volume_claim, &volume.ephemeral) {
                (Some(claim), _) => Some(interner.share(&claim.claim_name)),
                // Kubernetes names it so.
                (None, Some(_)) => Some(interner.share(&format!("{}-{}", raw.metadata.name, volume.name))),
                (None, None) => None,
            });
        let claims = claims.collect();
        let (cpu_limit, memory_limit) = raw.limits();
        Self {
            cpu_limit,
            memory_limit,
            workload: interner.share(raw.workload()),
            keeper: raw.keeper(),
            changed: raw.changed(),
            runs_for_ever: raw.spec.restart_policy.as_deref().is_none_or(|policy| policy == "Always"),
            created: raw.metadata.created(),
            phase: interner.share(&raw.status.phase),
            node: interner.share(raw.spec.node_name.as_deref().unwrap_or_default()),
            not_ready: (!raw.is_ready()).then(|| interner.share(raw.reason())),
            claims,
            containers,
            declared,
        }
    }

    fn bytes(&self) -> usize {
        let ended = self.containers.iter().filter(|container| container.last.is_some()).count();
        size_of::<Self>()
            + size_of_val(&*self.containers)
            + size_of_val(&*self.claims)
            + size_of_val(&*self.declared)
            + ended * size_of::<Termination>()
    }

    fn of_workload(&self) -> Option<(&'static str, &str)> {
        Some((self.workload_kind(), &self.workload))
    }
}

/// A pod as the API server sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WirePod {
    metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    spec: PodSpec,
    #[serde(deserialize_with = "or_empty")]
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    #[serde(deserialize_with = "or_empty")]
    containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_empty")]
    init_containers: Vec<ContainerSpec>,
    /// Limits of the whole pod, which its containers share.
    #[serde(deserialize_with = "or_empty")]
    resources: ContainerResources,
    #[serde(deserialize_with = "or_empty")]
    volumes: Vec<PodVolume>,
    node_name: Option<Box<str>>,
    /// `Always` if it is missing.
    restart_policy: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodVolume {
    name: Box<str>,
    persistent_volume_claim: Option<ClaimSource>,
    /// A claim that is made and deleted with the pod.
    ephemeral: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSource {
    claim_name: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerSpec {
    name: Box<str>,
    #[serde(deserialize_with = "or_empty")]
    resources: ContainerResources,
    /// `Always` on an init container means that it keeps running beside the other containers.
    restart_policy: Option<Box<str>>,
}

impl ContainerSpec {
    fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerResources {
    #[serde(deserialize_with = "or_empty")]
    limits: Resources,
}

impl ApiObject for WirePod {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: Box<str>,
    /// Reason for the state of the whole pod, such as `Evicted`.
    reason: Option<Box<str>>,
    #[serde(deserialize_with = "or_empty")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_empty")]
    container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_empty")]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Option<Box<str>>,
    /// Time in RFC 3339.
    #[serde(rename = "lastTransitionTime")]
    changed: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: Box<str>,
    restart_count: u32,
    #[serde(deserialize_with = "or_empty")]
    state: ContainerState,
    #[serde(deserialize_with = "or_empty")]
    last_state: ContainerState,
}

impl ContainerStatus {
    /// Returns time and reason of the last termination. A kubelet that has lost the old container knows neither; then
    /// the container began again when the present one started.
    fn last_termination(&self) -> Option<(jiff::Timestamp, &str)> {
        let ended = self.last_state.terminated.as_ref();
        let begun = self.state.running.as_ref().filter(|_| self.restart_count > 0 || ended.is_some());
        let at = ended.and_then(|ended| ended.finished_at.as_deref()).or_else(|| begun?.started_at.as_deref())?;
        Some((at.parse().ok()?, ended.and_then(|ended| ended.reason.as_deref()).unwrap_or("Unknown")))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    running: Option<Running>,
    waiting: Option<Stopped>,
    terminated: Option<Stopped>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Running {
    /// Time in RFC 3339.
    started_at: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stopped {
    reason: Option<Box<str>>,
    /// Time in RFC 3339.
    finished_at: Option<Box<str>>,
}

/// Whether the last part of a job's name is the scheduled minute of a cron job's run: minutes since 1970, which have
/// eight digits until 2160.
fn is_run(part: &str) -> bool {
    part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit())
}

impl WirePod {
    fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|condition| &*condition.kind == "Ready" && &*condition.status == "True")
    }

    /// Returns the owner that manages the pod, else the first owner.
    fn owner(&self) -> Option<&Owner> {
        let owners = &self.metadata.owner_references;
        owners.iter().find(|owner| owner.controller).or_else(|| owners.first())
    }

    fn keeper(&self) -> Keeper {
        match self.owner().map(|owner| &*owner.kind) {
            // A deployment owns its pods through replica sets.
            Some("ReplicaSet" | "Deployment") => Keeper::Workload(WorkloadKind::Deployment),
            Some("StatefulSet") => Keeper::Workload(WorkloadKind::StatefulSet),
            Some("DaemonSet") => Keeper::Workload(WorkloadKind::DaemonSet),
            Some("Job") => Keeper::Job,
            Some(_) => Keeper::Operator,
            None => Keeper::Nobody,
        }
    }

    /// Returns when a container ended or a condition changed for the last time, Unix seconds; 0 if nothing says so.
    fn changed(&self) -> i64 {
        let ended = |container: &ContainerStatus| container.state.terminated.as_ref()?.finished_at.clone();
        let conditions = self.status.conditions.iter().filter_map(|condition| condition.changed.clone());
        let times = self.status.container_statuses.iter().filter_map(ended).chain(conditions);
        let times = times.filter_map(|at| at.parse::<jiff::Timestamp>().ok());
        times.map(jiff::Timestamp::as_second).max().unwrap_or_default()
    }

    fn workload(&self) -> &str {
        let Some(owner) = self.owner() else { return &self.metadata.name };
        let before =
            |name: &str, end: &str| -> Option<usize> { Some(name.strip_suffix(end)?.strip_suffix('-')?.len()) };
        let kept = match &*owner.kind {
            "ReplicaSet" => self.metadata.template_hash().and_then(|hash| before(&owner.name, hash)),
            "Job" => owner.name.rsplit_once('-').and_then(|(name, run)| is_run(run).then_some(name.len())),
            _ => None,
        };
        kept.map_or(&owner.name, |length| &owner.name[..length])
    }

    /// Returns the containers that run as long as the pod: all but the init containers that end before the others
    /// start.
    fn lasting(&self) -> impl Iterator<Item = &ContainerSpec> {
        let sidecars = self.spec.init_containers.iter().filter(|container| container.is_sidecar());
        self.spec.containers.iter().chain(sidecars)
    }

    fn is_sidecar(&self, name: &str) -> bool {
        self.spec.init_containers.iter().any(|container| *container.name == *name && container.is_sidecar())
    }

    /// Returns the limits of CPU in cores and memory in bytes: those of the pod itself, else the sum over containers
    /// and sidecars if each of them has one.
    fn limits(&self) -> (Option<f64>, Option<f64>) {
        let (pod_cpu, pod_memory) = self.spec.resources.limits.amounts();
        let each = || self.lasting().map(|container| container.resources.limits.amounts());
        let cpu = pod_cpu.or_else(|| each().map(|(cpu, _)| cpu).sum::<Option<f64>>().map(exact_cores));
        let memory = pod_memory.or_else(|| each().map(|(_, memory)| memory).sum());
        (cpu.filter(|cores| *cores > 0.0), memory.filter(|bytes| *bytes > 0.0))
    }

    /// Returns why the pod is not ready: its own reason, else that of the first waiting container, else that of a
    /// condition, else the phase.
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

/// Returns the cached form of a pod that is written as JSON.
#[cfg(test)]
pub fn of_json(pod: serde_json::Value) -> anyhow::Result<Pod> {
    Ok(Pod::from_wire(serde_json::from_value(pod)?, &mut Interner::default()))
}

#[cfg(test)]
mod tests;
