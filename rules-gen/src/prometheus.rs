//! The rule file of Prometheus and the `PrometheusRule` object of its operator.

use crate::rules::{Group, Recording, Rule, prometheus_duration};
use checklist::Config;
use serde_json::{Map, Value, json};

/// The plain rule file.
pub fn rule_file(groups: &[Group]) -> Value {
    let group = |group: &Group| {
        let record = |one: &Recording| json!({"record": one.record, "expr": one.expr, "labels": one.labels});
        let rules: Vec<Value> = group.records.iter().map(record).chain(group.rules.iter().map(rule)).collect();
        json!({"name": group.name, "rules": rules})
    };
    json!({"groups": groups.iter().map(group).collect::<Vec<_>>()})
}

/// The namespace file of Mimir and Cortex, as `mimirtool rules load` reads it.
pub fn namespace_file(config: &Config, groups: &[Group]) -> Value {
    let mut file = rule_file(groups);
    file["namespace"] = json!(config.alerting.prometheus_rule.name);
    file
}

/// The objects of the operator: one, or one per group when one would be larger than the operator takes.
pub fn prometheus_rules(config: &Config, groups: &[Group]) -> Vec<Value> {
    let whole = prometheus_rule(config, groups);
    if whole["spec"].to_string().len() <= MAX_SPEC {
        return vec![whole];
    }
    let one = |group: &Group| {
        let mut object = prometheus_rule(config, std::slice::from_ref(group));
        let name = &config.alerting.prometheus_rule.name;
        object["metadata"]["name"] = json!(format!("{name}-{}", group.name.replace('_', "-")));
        object
    };
    groups.iter().map(one).collect()
}

/// Bytes of a rendered spec. The operator refuses more than half of what a secret may hold, 524,288; quotes and
/// indentation are larger in YAML than here.
const MAX_SPEC: usize = 400_000;

/// The `monitoring.coreos.com/v1` object.
pub fn prometheus_rule(config: &Config, groups: &[Group]) -> Value {
    let meta = &config.alerting.prometheus_rule;
    let mut metadata = Map::from_iter([("name".to_owned(), json!(meta.name))]);
    if let Some(namespace) = &meta.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    if !meta.labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(meta.labels));
    }
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": rule_file(groups),
    })
}

fn rule(rule: &Rule) -> Value {
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
