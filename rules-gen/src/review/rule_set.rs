//! Reads rules from files, from `PrometheusRule` objects and from the rules APIs of servers into one form.

use crate::cli::of_file;
use crate::lint::files::{self, Source};
use crate::promql::duration;
use crate::server::Labels;
use anyhow::{Context, bail, ensure};
use checklist::yaml;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// The kind of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An alerting rule.
    Alert,
    Record,
}

/// A rule as a file or server lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRule {
    pub group: String,
    /// The group's evaluation interval, if the group sets one.
    pub interval: Option<Duration>,
    pub kind: Kind,
    /// The value of `alert` or `record`.
    pub name: String,
    /// The PromQL expression as written.
    pub expr: String,
    /// The value of `for`.
    pub pending: Duration,
    /// The value of `keep_firing_for`.
    pub keep_firing: Duration,
    /// The labels that the rule sets.
    pub labels: Labels,
    pub annotations: Labels,
}

/// Reads every rule of a text with one or more YAML or JSON documents.
pub fn read(text: &str) -> anyhow::Result<Vec<ListedRule>> {
    let documents: Vec<Value> = yaml::parse_all(text)?;
    let mut rules = Vec::new();
    for document in &documents {
        rules.extend(document_rules(document)?);
    }
    Ok(rules)
}

/// Reads every rule of a file, or of the YAML and JSON files of a folder. A file without rules is an error, because its
/// key `groups` may be misspelt. In a folder it belongs to another program.
pub fn read_path(path: &Path) -> anyhow::Result<Vec<ListedRule>> {
    let mut rules = Vec::new();
    for Source { name, text, named } in files::collect(&[path.display().to_string()])? {
        let text = text.map_err(|why| anyhow::anyhow!("{name} {why}"))?;
        let found = read(&text).map_err(|error| of_file(error, &name, &format!("{name} is not a rule file")))?;
        ensure!(!(named && found.is_empty()), "{name} has no rules");
        rules.extend(found);
    }
    Ok(rules)
}

/// Returns the rules of a rule file, a `PrometheusRule`, a list of these, or Mimir's map of namespaces. Other documents
/// have no rules.
pub fn document_rules(document: &Value) -> anyhow::Result<Vec<ListedRule>> {
    match document["kind"].as_str() {
        Some("PrometheusRule") => return document_rules(&document["spec"]),
        Some(kind) if kind.ends_with("List") => {
            let items = list(&document["items"], "items")?;
            return Ok(items.iter().map(document_rules).collect::<anyhow::Result<Vec<_>>>()?.concat());
        }
        Some(_) => return Ok(Vec::new()),
        None => {}
    }
    if let Some(groups) = document["groups"].as_array() {
        // Files of other programs may have a list with this name, too.
        let ours = groups.iter().any(|group| !group["rules"].is_null());
        return if ours { of_groups(groups) } else { Ok(Vec::new()) };
    }
    let Some(namespaces) = document.as_object() else { return Ok(Vec::new()) };
    let is_group = |value: &Value| value["name"].is_string() && value["rules"].is_array();
    let groups = namespaces.values().filter_map(Value::as_array).flatten().filter(|value| is_group(value));
    of_groups(&groups.cloned().collect::<Vec<_>>())
}

/// Returns the items of a list. Empty when the value is null.
fn list<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a [Value]> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => bail!("{name} must be a list"),
    }
}

fn of_groups(groups: &[Value]) -> anyhow::Result<Vec<ListedRule>> {
    let mut known = Vec::new();
    for group in groups {
        let name = group["name"].as_str().context("a group has no name")?;
        let of_group = || format!("group {name}");
        let interval = time(&group["interval"]).with_context(of_group)?.filter(|interval| !interval.is_zero());
        let inherited = strings(&group["labels"], "labels").with_context(of_group)?;
        for one in list(&group["rules"], "rules").with_context(of_group)? {
            let mut rule = rule(name, interval, one).with_context(of_group)?;
            // A rule inherits the labels of its group, and may override them.
            for (name, value) in &inherited {
                rule.labels.entry(name.clone()).or_insert_with(|| value.clone());
            }
            known.push(rule);
        }
    }
    Ok(known)
}

/// Reads one rule with the keys of rule files or of the rules API (`type`, `query`, `duration`, `keepFiringFor`).
fn rule(group: &str, interval: Option<Duration>, value: &Value) -> anyhow::Result<ListedRule> {
    let text = |keys: &[&str]| keys.iter().find_map(|key| scalar(&value[*key]));
    let (kind, name) = match (scalar(&value["alert"]), scalar(&value["record"]), value["type"].as_str()) {
        (Some(name), None, _) => (Kind::Alert, name),
        (None, Some(name), _) => (Kind::Record, name),
        (None, None, Some("alerting")) => (Kind::Alert, text(&["name"]).unwrap_or_default()),
        (None, None, Some("recording")) => (Kind::Record, text(&["name"]).unwrap_or_default()),
        _ => bail!("a rule has neither alert nor record"),
    };
    // The rules API has numbers of seconds. In a file, Prometheus refuses a number without a unit.
    let either = |file: &str, api: &str| -> anyhow::Result<Duration> {
        if let Some(number) = value[file].as_number().filter(|number| number.as_f64() != Some(0.0)) {
            bail!("{file} must be a duration such as 5m, not {number}");
        }
        Ok(time(&value[file])?.or(time(&value[api])?).unwrap_or_default())
    };
    Ok(ListedRule {
        group: group.to_owned(),
        interval,
        kind,
        expr: text(&["expr", "query"]).with_context(|| format!("{name} has no expression"))?,
        pending: either("for", "duration").with_context(|| name.clone())?,
        keep_firing: either("keep_firing_for", "keepFiringFor").with_context(|| name.clone())?,
        labels: strings(&value["labels"], "labels").with_context(|| name.clone())?,
        annotations: strings(&value["annotations"], "annotations").with_context(|| name.clone())?,
        name,
    })
}

/// Reads a duration that is text, or a number of seconds. `None` when it is absent.
fn time(value: &Value) -> anyhow::Result<Option<Duration>> {
    match value {
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => duration::parse(text).map(Some).map_err(anyhow::Error::msg),
        Value::Number(number) => Ok(Some(Duration::try_from_secs_f64(number.as_f64().unwrap_or_default())?)),
        Value::Null => Ok(None),
        other => bail!("{other} is not a duration such as 5m"),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Reads a mapping of texts. Prometheus takes a null value as an absent one.
fn strings(value: &Value, name: &str) -> anyhow::Result<Labels> {
    let Some(entries) = value.as_object() else {
        ensure!(value.is_null(), "{name} must be a mapping");
        return Ok(Labels::new());
    };
    let given = entries.iter().filter(|(_, value)| !value.is_null());
    let text = |value: &Value, key: &str| scalar(value).with_context(|| format!("{name}.{key} must be a string"));
    given.map(|(key, value)| Ok((key.clone(), text(value, key)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_wrong_type_are_refused_and_not_skipped() {
        let with = |group: &str| read(&format!("groups: [{{name: g, {group}}}]"));
        for (wrong, why) in [
            ("rules: {alert: A, expr: up}", "group g: rules must be a list"),
            ("rules: [{alert: A, expr: up, for: [5m]}]", "group g: A: [\"5m\"] is not a duration"),
            ("rules: [{alert: A, expr: up, for: 5}]", "group g: A: for must be a duration such as 5m, not 5"),
            ("rules: [{alert: A, expr: up, labels: [a]}]", "group g: A: labels must be a mapping"),
            ("rules: [{alert: A, expr: up, labels: {a: [b]}}]", "group g: A: labels.a must be a string"),
            ("rules: [{alert: A, expr: up, annotations: a}]", "group g: A: annotations must be a mapping"),
            ("rules: [{alert: A, expr: up}], interval: true", "group g: true is not a duration"),
            ("rules: [{alert: A, expr: up}], labels: [a]", "group g: labels must be a mapping"),
            ("rules: [{alert: A}]", "group g: A has no expression"),
        ] {
            let result = with(wrong).map_err(|error| format!("{error:#}"));
            assert!(result.as_ref().is_err_and(|error| error.starts_with(why)), "{wrong}: {result:?}");
        }
        assert_eq!(with("rules: ~").ok(), Some(Vec::new()));
        assert_eq!(read("groups: [a, {name: b, members: [c]}]").ok(), Some(Vec::new()), "of another program");
    }

    #[test]
    fn a_rule_has_the_labels_of_its_group_and_may_override_them() -> anyhow::Result<()> {
        let rules = read(
            "groups: [{name: g, labels: {team: a, severity: none}, rules: [{alert: A, expr: up, for: 0, labels: {team: b, x: ~}}]}]",
        )?;
        let [rule] = rules.as_slice() else { bail!("{rules:?}") };
        let labels: Vec<(&str, &str)> = rule.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(labels, [("severity", "none"), ("team", "b")]);
        Ok(())
    }
}
