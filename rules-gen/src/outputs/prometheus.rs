//! The rules as a rule file for Prometheus.

use crate::outputs::file::{File, yaml};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::promql::duration::prometheus_duration;
use crate::rules::model::{Group, Recording, Rule};
use serde_json::{Map, Value, json};

/// The file `rules/checklist.yaml`.
pub struct RuleFile;

impl Output for RuleFile {
    fn about(&self) -> About {
        About {
            kind: Kind::Rules,
            formats: &[Format::Prometheus],
            paths: &["rules/checklist.yaml"],
            purpose: "alerts and recorded series, for `rule_files` of Prometheus or the Thanos ruler",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        Ok(vec![yaml("rules/checklist.yaml", &input.header(), &rule_file(&input.groups))?])
    }
}

/// Returns the content of the rule file.
pub fn rule_file(groups: &[Group]) -> Value {
    let group = |group: &Group| {
        let record = |one: &Recording| json!({"record": one.record, "expr": one.expr, "labels": one.labels});
        let rules: Vec<Value> = group.records.iter().map(record).chain(group.rules.iter().map(rule)).collect();
        json!({"name": group.name, "rules": rules})
    };
    json!({"groups": groups.iter().map(group).collect::<Vec<_>>()})
}

/// Returns an alerting rule as it is written in a rule file.
pub fn rule(rule: &Rule) -> Value {
    let mut object = Map::from_iter([("alert".to_owned(), json!(rule.alert)), ("expr".to_owned(), json!(rule.expr))]);
    if !rule.times.pending.is_zero() {
        object.insert("for".to_owned(), json!(prometheus_duration(rule.times.pending)));
    }
    if !rule.times.keep_firing.is_zero() {
        object.insert("keep_firing_for".to_owned(), json!(prometheus_duration(rule.times.keep_firing)));
    }
    object.insert("labels".to_owned(), json!(rule.labels));
    object.insert("annotations".to_owned(), json!(rule.annotations));
    Value::Object(object)
}
