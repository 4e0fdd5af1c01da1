//! Reads the keys of a group of rules.

use super::fields::{keys_of, list, table, text, time};
use crate::lint::flavour::Flavour;
use crate::lint::number;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report, Scope};
use crate::lint::yaml::Node;
use std::collections::BTreeSet;

/// Keys of a group that only some servers have.
const OF_GROUPS: [(&str, Flavour); 16] = [
    ("source_tenants", Flavour::Mimir),
    ("evaluation_delay", Flavour::Mimir),
    ("align_evaluation_time_on_interval", Flavour::Mimir),
    ("remote_write", Flavour::Mimir),
    ("partial_response_strategy", Flavour::Thanos),
    ("concurrency", Flavour::Vmalert),
    ("debug", Flavour::Vmalert),
    ("eval_alignment", Flavour::Vmalert),
    ("eval_delay", Flavour::Vmalert),
    ("eval_offset", Flavour::Vmalert),
    ("extra_filter_labels", Flavour::Vmalert),
    ("headers", Flavour::Vmalert),
    ("notifier_headers", Flavour::Vmalert),
    ("params", Flavour::Vmalert),
    ("tenant", Flavour::Vmalert),
    ("type", Flavour::Vmalert),
];
/// Keys of a group that every server has, and in the last place one that only objects have.
const GROUP: [&str; 7] = ["name", "interval", "limit", "rules", "query_offset", "labels", "partial_response_strategy"];

/// A group of rules.
#[derive(Debug, Default)]
pub struct Group {
    pub name: String,
    /// The place and the lines of the group.
    pub scope: Scope,
    /// The evaluation interval in seconds, if the group sets one.
    pub interval: Option<f64>,
    /// The interval as it is written.
    pub written_interval: Option<Text>,
    /// The labels that the rules of the group inherit.
    pub labels: Vec<(String, Text)>,
    /// Whether the expressions are in another language than PromQL, which vmalert allows.
    pub is_foreign: bool,
}

/// Whether a group has such a key for some server. The keys of vmalert are words that other programs use too.
pub fn is_key_of_group(key: &str) -> bool {
    GROUP.contains(&key) || OF_GROUPS.iter().any(|(other, server)| *other == key && *server != Flavour::Vmalert)
}

/// Reads a group without its rules. `None` when it is not a mapping. `names` has the names of the groups before it.
pub(super) fn read(node: &Node, object: bool, names: &mut BTreeSet<String>, report: &mut Report<'_>) -> Option<Group> {
    let (known, others) = if object { (&GROUP[..], &[][..]) } else { (&GROUP[..6], &OF_GROUPS[..]) };
    if !keys_of(node, known, others, report) {
        return None;
    }
    others_values(node, report);
    let name = node.get("name").and_then(Node::text).unwrap_or_default();
    if name.is_empty() {
        report.add("RG003", Level::Error, node, "the group has no name", "add a name");
    } else if !names.insert(name.to_owned()) {
        let message = format!("the group name {name} is used twice in this file");
        report.add("RG003", Level::Error, node, message, "rename one of the groups");
    }
    let interval = node.get("interval").and_then(|node| time(node, "interval", report));
    if let Some(offset) = node.get("query_offset") {
        time(offset, "query_offset", report);
        report.since(offset, "query_offset", (2, 53));
    }
    let labels = node.get("labels").map(|labels| of_rules(labels, report)).unwrap_or_default();
    if let Some(limit) = node.get("limit") {
        if !limit.is_null() && !limit.plain().is_some_and(number::is_taken_as_whole) {
            report.add("RG001", Level::Error, limit, "limit must be an integer without quotes", "");
        }
        report.since(limit, "limit", (2, 31));
    }
    let written_interval = node.get("interval").and_then(text);
    let is_foreign =
        node.get("type").and_then(Node::text).is_some_and(|language| !["prometheus", ""].contains(&language));
    Some(Group { name: name.to_owned(), scope: report.scope(node), interval, written_interval, labels, is_foreign })
}

/// Reads the labels that a group gives to its rules.
fn of_rules(node: &Node, report: &mut Report<'_>) -> Vec<(String, Text)> {
    report.since(node, "labels in a group", (3, 0));
    let labels = table(node, "labels", report);
    for (label, value) in labels.iter().filter(|(label, _)| label.is_empty() || label == "__name__") {
        report.at("RG002", Level::Error, value, format!("{label:?} is not a label name"), "use another name");
    }
    labels
}

/// Checks the values of keys that only Mimir or Thanos have.
fn others_values(group: &Node, report: &mut Report<'_>) {
    if let Some(delay) = group.get("evaluation_delay") {
        time(delay, "evaluation_delay", report);
    }
    if let Some(tenants) = group.get("source_tenants") {
        for tenant in list(tenants, "source_tenants", report).iter().filter(|tenant| tenant.text().is_none()) {
            report.add("RG001", Level::Error, tenant, "source_tenants must be a list of names", "");
        }
    }
    let words = [
        ("align_evaluation_time_on_interval", &["true", "false"][..]),
        ("partial_response_strategy", &["warn", "abort", "WARN", "ABORT", ""][..]),
    ];
    for (name, words) in words {
        let Some(value) = group.get(name) else { continue };
        if !value.is_null() && !value.text().is_some_and(|text| words.contains(&text)) {
            let message = format!("{name} must be {} or {}", words[0], words[1]);
            report.add("RG001", Level::Error, value, message, "");
        }
    }
}
