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

/// The objects of the operator: one, or several when one would be larger than the operator takes.
pub fn prometheus_rules(config: &Config, groups: &[Group]) -> Vec<Value> {
    let whole = prometheus_rule(config, groups);
    if whole["spec"].to_string().len() <= MAX_SPEC {
        return vec![whole];
    }
    let one = |group: Group| {
        let mut object = prometheus_rule(config, std::slice::from_ref(&group));
        let name = &config.alerting.prometheus_rule.name;
        object["metadata"]["name"] = json!(format!("{name}-{}", group.name.replace('_', "-")));
        object
    };
    groups.iter().flat_map(parts).map(one).collect()
}

/// A group in parts that are small enough. The first keeps the name, by which the exporter looks for it.
fn parts(group: &Group) -> Vec<Group> {
    let records = group.records.iter().map(|one| one.expr.len() + 200).sum::<usize>();
    let part = |number: usize| {
        let name = if number == 1 { group.name.clone() } else { format!("{}-{number}", group.name) };
        Group { name, records: Vec::new(), rules: Vec::new() }
    };
    let mut parts = Vec::new();
    let mut last = Group { records: group.records.clone(), ..part(1) };
    let mut size = records;
    for one in &group.rules {
        let own = rule(one).to_string().len();
        if size + own > MAX_SPEC && size > 0 {
            let next = part(parts.len() + 2);
            parts.push(std::mem::replace(&mut last, next));
            size = 0;
        }
        size += own;
        last.rules.push(one.clone());
    }
    parts.push(last);
    parts
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
