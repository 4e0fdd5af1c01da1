//! Reads rules from files, from `PrometheusRule` objects and from the rules APIs of servers into one form.

use crate::cli::of_file;
use crate::lint::files::{self, Source};
use crate::promql::duration;
use crate::server::Labels;
use anyhow::{Context, bail};
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

/// Reads every rule of a file, or of the YAML and JSON files of a folder.
pub fn read_path(path: &Path) -> anyhow::Result<Vec<ListedRule>> {
    let mut rules = Vec::new();
    for Source { name, text, .. } in files::collect(&[path.display().to_string()])? {
        let text = text.map_err(|why| anyhow::anyhow!("{name} {why}"))?;
        rules.extend(read(&text).map_err(|error| of_file(error, &name, &format!("{name} is not a rule file")))?);
    }
    Ok(rules)
}

/// Returns the rules of a rule file, a `PrometheusRule`, a list of these, or Mimir's map of namespaces. Other documents
/// have no rules.
pub fn document_rules(document: &Value) -> anyhow::Result<Vec<ListedRule>> {
    let all = |values: &Value| -> anyhow::Result<Vec<ListedRule>> {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(values.iter().map(document_rules).collect::<anyhow::Result<Vec<_>>>()?.concat())
    };
    match document["kind"].as_str() {
        Some("PrometheusRule") => return document_rules(&document["spec"]),
        Some(kind) if kind.ends_with("List") => return all(&document["items"]),
        Some(_) => return Ok(Vec::new()),
        None => {}
    }
    let groups = &document["groups"];
    if let Some(groups) = groups.as_array() {
        return of_groups(groups);
    }
    let Some(namespaces) = document.as_object() else { return Ok(Vec::new()) };
    let is_group = |value: &Value| value["name"].is_string() && value["rules"].is_array();
    let groups = namespaces.values().filter_map(Value::as_array).flatten().filter(|value| is_group(value));
    of_groups(&groups.cloned().collect::<Vec<_>>())
}

fn of_groups(groups: &[Value]) -> anyhow::Result<Vec<ListedRule>> {
    let mut known = Vec::new();
    for group in groups {
        let name = group["name"].as_str().context("a group has no name")?;
        let interval = time(&group["interval"])?.filter(|interval| !interval.is_zero());
        for one in group["rules"].as_array().map(Vec::as_slice).unwrap_or_default() {
            known.push(rule(name, interval, one).with_context(|| format!("group {name}"))?);
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
    let either = |file: &str, api: &str| -> anyhow::Result<Duration> {
        Ok(time(&value[file])?.or(time(&value[api])?).unwrap_or_default())
    };
    Ok(ListedRule {
        group: group.to_owned(),
        interval,
        kind,
        expr: text(&["expr", "query"]).with_context(|| format!("{name} has no expression"))?,
        pending: either("for", "duration").with_context(|| name.clone())?,
        keep_firing: either("keep_firing_for", "keepFiringFor").with_context(|| name.clone())?,
        labels: strings(&value["labels"]),
        annotations: strings(&value["annotations"]),
        name,
    })
}

/// Reads a duration that is text, or a number of seconds. `None` when it is absent.
fn time(value: &Value) -> anyhow::Result<Option<Duration>> {
    match value {
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => duration::parse(text).map(Some).map_err(anyhow::Error::msg),
        Value::Number(number) => Ok(Some(Duration::try_from_secs_f64(number.as_f64().unwrap_or_default())?)),
        _ => Ok(None),
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

fn strings(value: &Value) -> Labels {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), scalar(value)?))).collect()
}
