//! Horizontal pod autoscalers.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Autoscaler {
    pub(super) metadata: Metadata,
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
