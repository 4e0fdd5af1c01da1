//! Reads the keys and values of rule files, and reports those that Prometheus refuses.

use crate::lint::duration_meant::duration_meant;
use crate::lint::flavour::Flavour;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report};
use crate::lint::yaml::{Kind, Node};
use crate::promql::duration;
use checklist::yaml::hint;

/// The version of Prometheus since which names may contain any characters.
pub(super) const UTF8_NAMES: (u32, u32) = (3, 0);

pub(super) fn text(node: &Node) -> Option<Text> {
    Some(Text { value: node.text()?.to_owned(), place: node.place, span: node.span.clone() })
}

/// Parses a duration in Prometheus' notation, and returns seconds.
pub fn seconds(text: &str) -> Option<f64> {
    duration::parse(text).ok().map(|duration| duration.as_secs_f64())
}

/// Whether the node is a mapping. Other keys than `known` are reported.
pub fn keys(node: &Node, known: &[&str], report: &mut Report<'_>) -> bool {
    keys_of(node, known, &[], report)
}

/// Like [`keys`], with keys that only some servers have.
pub(super) fn keys_of(node: &Node, known: &[&str], others: &[(&str, Flavour)], report: &mut Report<'_>) -> bool {
    if !matches!(node.kind, Kind::Map(_)) {
        if !node.is_null() {
            report.add("RG001", Level::Error, node, format!("expected a mapping, found {}", node.what()), "");
        }
        return false;
    }
    for (key, _) in node.entries() {
        // yaml.v3 skips a null key, but refuses an empty one.
        if nothing(key) {
            report.add("RG001", Level::Warning, key, "Prometheus ignores a key without a name", "remove it");
            continue;
        }
        let name = key.text().unwrap_or_default();
        if known.contains(&name) {
            continue;
        }
        let Some((_, server)) = others.iter().find(|(other, _)| *other == name) else {
            let fix = format!("known keys: {}", known.join(", "));
            report.add("RG001", Level::Error, key, format!("unknown key {name}{}", hint(name, known)), &fix);
            continue;
        };
        let message = format!("only {server:?} accepts the key {name}; other servers refuse the file");
        match report.server() {
            Some(wanted) if wanted == *server => {}
            Some(_) => report.add("RG001", Level::Error, key, message, "remove it"),
            None => {
                report.add(
                    "RG001",
                    Level::Info,
                    key,
                    message,
                    "use --server to name the server that the rules are for",
                );
            }
        }
    }
    true
}

pub(super) fn nothing(key: &Node) -> bool {
    key.is_null() && !key.span.is_empty()
}

pub(super) fn list<'a>(node: &'a Node, name: &str, report: &mut Report<'_>) -> &'a [Node] {
    if !matches!(node.kind, Kind::List(_)) && !node.is_null() {
        report.add("RG001", Level::Error, node, format!("{name} must be a list, not {}", node.what()), "");
    }
    node.items()
}

pub(super) fn table(node: &Node, name: &str, report: &mut Report<'_>) -> Vec<(String, Text)> {
    if !matches!(node.kind, Kind::Map(_)) && !node.is_null() {
        report.add("RG001", Level::Error, node, format!("{name} must be a mapping, not {}", node.what()), "");
    }
    let mut all = Vec::with_capacity(node.entries().len());
    for (key, value) in node.entries().iter().filter(|(key, _)| !nothing(key)) {
        if let (Some(key), Some(value)) = (key.text(), text(value)) {
            all.push((key.to_owned(), value));
            continue;
        }
        let why = if value.key_that_is_no_text().is_some() {
            "{{ without quotes begins a mapping"
        } else {
            "this is a list or a mapping"
        };
        let message = format!("the values in {name} must be strings: {why}");
        report.add("RG001", Level::Error, value, message, "put the value in quotes");
    }
    all
}

pub(super) fn time(node: &Node, name: &str, report: &mut Report<'_>) -> Option<f64> {
    let found = node.text().and_then(seconds);
    if found.is_none() && !node.is_null() {
        let written = node.text().unwrap_or_else(|| node.what());
        let message = format!("{name} must be a duration such as 5m, at most 292 years, not {written}");
        let fix = node.text().and_then(duration_meant).map(|meant| format!("{name}: {meant}"));
        report.add("RG001", Level::Error, node, message, &fix.unwrap_or_default());
    }
    found
}

/// Whether a name has only letters, digits, `_` and `:`, and does not begin with a digit.
pub fn metric_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn label_name(name: &str) -> bool {
    metric_name(name) && !name.contains(':')
}
