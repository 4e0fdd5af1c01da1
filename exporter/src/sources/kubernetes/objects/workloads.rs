//! Workloads with a number of pods: deployments, stateful sets and daemon sets.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::null::or_empty;
use serde::Deserialize;

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
    pub(super) metadata: Metadata,
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
    #[serde(deserialize_with = "or_empty")]
    conditions: Vec<WorkloadCondition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WorkloadCondition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Option<Box<str>>,
}

impl Workload {
    /// Whether the status is that of the present spec. Otherwise its controller has not looked at it yet.
    pub fn is_observed(&self) -> bool {
        self.metadata.generation.is_none() || self.status.observed_generation >= self.metadata.generation
    }

    /// Returns why new pods cannot be created, if so: a quota or an admission webhook refuses them. Only deployments
    /// say this.
    pub fn refused(&self) -> Option<&str> {
        let is_failure = |one: &&WorkloadCondition| &*one.kind == "ReplicaFailure" && &*one.status == "True";
        let failure = self.status.conditions.iter().find(is_failure)?;
        Some(failure.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("FailedCreate"))
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
