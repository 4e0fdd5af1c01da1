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

    /// Whether the autoscaler can read its metrics and scale its target; `None` if its controller does not say so. An
    /// autoscaler that is disabled because its target has zero replicas counts as able.
    pub fn is_able(&self) -> Option<bool> {
        let holds = |kind| {
            let condition = self.condition(kind)?;
            match (&*condition.status, &*condition.reason) {
                ("True", _) | ("False", "ScalingDisabled") => Some(true),
                ("False", _) => Some(false),
                _ => None,
            }
        };
        match (holds("AbleToScale"), holds("ScalingActive")) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (able, active) => able.and(active),
        }
    }

    /// Returns the time of creation in Unix seconds.
    pub fn created(&self) -> i64 {
        self.metadata.created()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_autoscaler_is_able_only_if_its_controller_says_so() -> anyhow::Result<()> {
        let is = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason});
        let able = || is("AbleToScale", "True", "ReadyForNewScale");
        for (conditions, expected) in [
            (json!([able(), is("ScalingActive", "True", "ValidMetricFound")]), Some(true)),
            (json!([able(), is("ScalingActive", "False", "ScalingDisabled")]), Some(true)),
            (json!([able(), is("ScalingActive", "False", "FailedGetResourceMetric")]), Some(false)),
            (json!([is("AbleToScale", "False", "FailedGetScale")]), Some(false)),
            (json!([is("ScalingActive", "False", "FailedGetResourceMetric")]), Some(false)),
            (json!([able(), is("ScalingActive", "Unknown", "")]), None),
            (json!([is("AbleToScale", "Unknown", ""), is("ScalingActive", "True", "ValidMetricFound")]), None),
            (json!([able()]), None),
            (json!([is("ScalingActive", "Unknown", "")]), None),
            (json!([]), None),
            (Value::Null, None),
        ] {
            let status = json!({"status": {"conditions": conditions}});
            let autoscaler: Autoscaler = serde_json::from_value(status.clone())?;
            assert_eq!(autoscaler.is_able(), expected, "{status}");
        }
        Ok(())
    }
}
