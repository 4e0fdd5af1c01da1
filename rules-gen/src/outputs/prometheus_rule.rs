//! The rules as `PrometheusRule` objects for prometheus-operator.

use crate::outputs::file::{File, documents};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::outputs::prometheus::{rule, rule_file};
use crate::rules::model::Group;
use checklist::Config;
use serde_json::{Map, Value, json};

/// The file `rules/prometheusrule.yaml`.
pub struct PrometheusRules;

impl Output for PrometheusRules {
    fn about(&self) -> About {
        About {
            kind: Kind::Rules,
            formats: &[Format::Operator],
            paths: &["rules/prometheusrule.yaml"],
            purpose: "the same rules as `PrometheusRule` objects of the Prometheus operator",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let objects = prometheus_rules(input.config, &input.groups);
        Ok(vec![documents("rules/prometheusrule.yaml", &input.header(), &objects)?])
    }
}

/// Returns one object, or one for each part of a group when a single object would be too large for the operator.
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

/// Splits a group into parts that are small enough. The first part keeps the name, because the exporter checks that the
/// group is loaded by that name.
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

/// The largest size of a spec, as bytes of JSON. The operator refuses more than 524,288 bytes of YAML, half of what a
/// Secret may hold; quotes and indentation make the YAML larger than the JSON.
const MAX_SPEC: usize = 400_000;

/// Returns the `monitoring.coreos.com/v1` object.
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
