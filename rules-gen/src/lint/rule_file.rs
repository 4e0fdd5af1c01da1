//! Reads rule files and `PrometheusRule` objects like Prometheus (its package `model/rulefmt`). What Prometheus refuses
//! is an error.

use super::duration_meant::duration_meant;
use super::flavour::Flavour;
use super::identity::Identity;
use super::number;
use super::place::Text;
use super::report::{Level, Report, Scope};
use super::template;
use super::yaml::{Kind, Node};
use crate::promql::duration;
use checklist::yaml::hint;
use promql::{Expr, Query, Use};
use std::collections::BTreeSet;

/// Top-level keys that only some servers have.
const OF_FILES: [(&str, Flavour); 1] = [("namespace", Flavour::Mimir)];
/// Keys of a group that only some servers have.
const OF_GROUPS: [(&str, Flavour); 5] = [
    ("source_tenants", Flavour::Mimir),
    ("evaluation_delay", Flavour::Mimir),
    ("align_evaluation_time_on_interval", Flavour::Mimir),
    ("remote_write", Flavour::Mimir),
    ("partial_response_strategy", Flavour::Thanos),
];
/// Keys of a group that every server has, and in the last place one that only objects have.
const GROUP: [&str; 7] = ["name", "interval", "limit", "rules", "query_offset", "labels", "partial_response_strategy"];
/// The version of Prometheus since which names may contain any characters.
const UTF8_NAMES: (u32, u32) = (3, 0);
/// The largest object in bytes that prometheus-operator accepts: half of what a Secret may hold.
const MAX_OBJECT: usize = 524_288;

/// The kind of document that a rule was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A rule file for Prometheus.
    PlainFile,
    /// A namespace file for Mimir.
    Namespace,
    /// A Kubernetes object.
    Object,
}

#[derive(Debug)]
pub struct Rule {
    /// The place and the lines of the rule.
    pub scope: Scope,
    /// Whether the rule is an alerting rule; otherwise it is a recording rule.
    pub alerts: bool,
    /// The value of `alert` or `record`.
    pub name: Text,
    pub expr: Text,
    /// The parsed expression. `None` when it does not parse.
    pub ast: Option<Expr>,
    /// The features in the expression that not every version of a server has.
    pub uses: Vec<Use>,
    /// The seconds of `for`.
    pub pending: f64,
    /// The seconds of `keep_firing_for`.
    pub keep_firing: f64,
    /// The labels of the rule and of its group.
    pub labels: Vec<(String, Text)>,
    pub annotations: Vec<(String, Text)>,
    /// The name of the group.
    pub group: String,
    /// The evaluation interval of the group in seconds, if it sets one.
    pub interval: Option<f64>,
    pub origin: Origin,
    pub identity: Identity,
}

impl Rule {
    pub fn label(&self, name: &str) -> Option<&Text> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, text)| text)
    }

    pub fn annotation(&self, name: &str) -> Option<&Text> {
        self.annotations.iter().find(|(known, _)| known == name).map(|(_, text)| text)
    }
}

fn text(node: &Node) -> Option<Text> {
    Some(Text { value: node.text()?.to_owned(), place: node.place, span: node.span.clone() })
}

/// Parses a duration in Prometheus' notation, and returns seconds.
pub fn seconds(text: &str) -> Option<f64> {
    duration::parse(text).ok().map(|duration| duration.as_secs_f64())
}

/// Reads the rules below `root`, which is a rule file or the `spec` of an object.
pub fn read(root: &Node, object: bool, report: &mut Report<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    keys_of(root, &["groups"], if object { &[] } else { &OF_FILES }, report);
    if object && root.span.len() > MAX_OBJECT {
        let message =
            format!("the object has {} bytes, but the operator refuses more than {MAX_OBJECT}", root.span.len());
        report.add("RG003", Level::Error, root, message, "split the groups into several objects");
    }
    let Some(groups) = root.get("groups") else { return rules };
    let origin = match (object, root.get("namespace")) {
        (true, _) => Origin::Object,
        (false, Some(_)) => Origin::Namespace,
        (false, None) => Origin::PlainFile,
    };
    let mut names = BTreeSet::new();
    for group in list(groups, "groups", report) {
        let (known, others) = if object { (&GROUP[..], &[][..]) } else { (&GROUP[..6], &OF_GROUPS[..]) };
        if !keys_of(group, known, others, report) {
            continue;
        }
        others_values(group, report);
        match group.get("name").and_then(Node::text) {
            None | Some("") => report.add("RG003", Level::Error, group, "the group has no name", "add a name"),
            Some(name) if !names.insert(name.to_owned()) => {
                let message = format!("the group name {name} is used twice in this file");
                report.add("RG003", Level::Error, group, message, "rename one of the groups");
            }
            Some(_) => {}
        }
        let interval = group.get("interval").and_then(|node| time(node, "interval", report));
        if let Some(offset) = group.get("query_offset") {
            time(offset, "query_offset", report);
            report.since(offset, "query_offset", (2, 53));
        }
        let labels = group.get("labels").map(|labels| {
            report.since(labels, "labels in a group", (3, 0));
            table(labels, "labels", report)
        });
        if let Some(limit) = group.get("limit") {
            if !limit.is_null() && !limit.plain().is_some_and(number::is_taken_as_whole) {
                report.add("RG001", Level::Error, limit, "limit must be an integer without quotes", "");
            }
            report.since(limit, "limit", (2, 31));
        }
        if let Some(list_of_rules) = group.get("rules") {
            for node in list(list_of_rules, "rules", report) {
                let labels = labels.as_deref().unwrap_or_default();
                let name = group.get("name").and_then(Node::text).unwrap_or_default();
                let read = rule(node, interval, labels, report);
                rules.extend(read.map(|rule| Rule { origin, group: name.to_owned(), ..rule }));
            }
        }
    }
    rules
}

/// Whether a group has such a key for some server.
pub fn is_key_of_group(key: &str) -> bool {
    GROUP.contains(&key) || OF_GROUPS.iter().any(|(other, _)| *other == key)
}

fn rule(node: &Node, interval: Option<f64>, of_group: &[(String, Text)], report: &mut Report<'_>) -> Option<Rule> {
    let known = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];
    if !keys(node, &known, report) {
        return None;
    }
    // What is missing may be what the unknown key was meant to be. That is told already.
    let unknown = |key: &Node| !nothing(key) && key.text().is_some_and(|key| !known.contains(&key));
    let strange = node.entries().iter().any(|(key, _)| unknown(key));
    let scope = report.scope(node);
    report.enter(scope.clone());
    let field = |name: &str| node.get(name).and_then(text).filter(|text| !text.value.is_empty());
    let (alert, record) = (field("alert"), field("record"));
    let alerts = alert.is_some();
    let name = match (alert, record) {
        (Some(alert), None) => Some(alert),
        (None, Some(record)) => Some(record),
        (Some(_), Some(_)) => {
            report.add("RG002", Level::Error, node, "the rule has both record and alert", "split it into two rules");
            None
        }
        (None, None) => {
            if !strange {
                report.add("RG002", Level::Error, node, "the rule has neither record nor alert", "add a name");
            }
            None
        }
    };
    report.about(name.as_ref().map(|name| name.value.clone()));
    aliases(node, report);
    let time = |name: &str, report: &mut Report<'_>| {
        node.get(name).and_then(|value| self::time(value, name, report)).unwrap_or_default()
    };
    let (pending, keep_firing) = (time("for", report), time("keep_firing_for", report));
    let labels = node.get("labels").map(|labels| table(labels, "labels", report)).unwrap_or_default();
    let annotations = node.get("annotations").map(|all| table(all, "annotations", report)).unwrap_or_default();
    if let Some(keep_for) = node.get("keep_firing_for") {
        report.since(keep_for, "keep_firing_for", (2, 42));
    }
    let Some(expr) = field("expr") else {
        if !strange {
            report.add("RG002", Level::Error, node, "the rule has no expr", "add an expression");
        }
        return None;
    };
    let (ast, uses) = match parse(&expr, report) {
        Some(query) => (Some(query.expr), query.uses),
        None => (None, Vec::new()),
    };
    let name = name?;
    if !alerts {
        let misplaced = [("for", pending != 0.0), ("keep_firing_for", keep_firing != 0.0)];
        for (key, there) in misplaced.into_iter().chain([("annotations", !annotations.is_empty())]) {
            if let (true, Some(value)) = (there, node.get(key)) {
                report.add("RG002", Level::Error, value, format!("a recording rule must not have {key}"), "remove it");
            }
        }
        recorded_name(&name, report);
    }
    for (label, value) in labels.iter().chain(&annotations) {
        if label.is_empty() || (label == "__name__" && labels.iter().any(|(known, _)| known == label)) {
            report.at(
                "RG002",
                Level::Error,
                value,
                format!("{label:?} is not a label name"),
                "use only letters, digits and _",
            );
        } else if !label_name(label) {
            report.since_at(value, &format!("the label name {label}"), UTF8_NAMES);
        }
        if alerts && let Err(why) = template::read(&value.value) {
            let message = format!("the template of {label} does not parse: {why}");
            report.at("RG032", Level::Error, value, message, "Prometheus refuses the file");
        }
    }
    // A rule inherits the labels of its group, and may override them.
    let mut labels = labels;
    let inherited: Vec<(String, Text)> =
        of_group.iter().filter(|(name, _)| !labels.iter().any(|(own, _)| own == name)).cloned().collect();
    labels.extend(inherited);
    let identity = Identity::of(
        (alerts, &name.value),
        (&expr.value, ast.as_ref()),
        (&labels, &annotations),
        [pending, keep_firing],
        interval,
    );
    Some(Rule {
        scope,
        alerts,
        name,
        expr,
        ast,
        uses,
        pending,
        keep_firing,
        labels,
        annotations,
        group: String::new(),
        interval,
        origin: Origin::PlainFile,
        identity,
    })
}

/// Checks the name of a recorded series.
fn recorded_name(name: &Text, report: &mut Report<'_>) {
    if name.value.contains(['{', '}']) {
        let message = format!("{} is not a metric name: braces are allowed in expr only", name.value);
        report.at("RG002", Level::Error, name, message, "");
    } else if !metric_name(&name.value) {
        report.since_at(name, &format!("the metric name {}", name.value), UTF8_NAMES);
    }
}

/// Reports aliases as `expr` or as a rule's name: Prometheus 2 takes the alias's name for the value. Other aliases are
/// resolved.
fn aliases(node: &Node, report: &mut Report<'_>) {
    let level = match report.version() {
        Some(version) if version >= (3, 0) => return,
        Some(_) => Level::Error,
        None => Level::Warning,
    };
    for (key, value) in node.entries() {
        // The node of an alias has the place of its anchor, which is above. In a text without places all nodes are in
        // line one.
        let is_alias = value.span.start < key.span.end && value.span != key.span;
        if let Some(name) = key.text().filter(|name| is_alias && ["record", "alert", "expr"].contains(name)) {
            let message =
                format!("Prometheus 2 takes the name of this alias as the {name}, not the value of its anchor");
            report.add(
                "RG005",
                level,
                key,
                message,
                "write the value instead of the alias, or merge a whole rule (<<: *name)",
            );
        }
    }
}

fn parse(expr: &Text, report: &mut Report<'_>) -> Option<Query> {
    promql::parse(&expr.value)
        .inspect_err(|errors| {
            for error in errors {
                let message = format!("the expression does not parse: {error}");
                report.part("RG001", Level::Error, expr, error.span, message, "");
            }
        })
        .ok()
}

/// Whether the node is a mapping. Other keys than `known` are reported.
pub fn keys(node: &Node, known: &[&str], report: &mut Report<'_>) -> bool {
    keys_of(node, known, &[], report)
}

/// Like [`keys`], with keys that only some servers have.
fn keys_of(node: &Node, known: &[&str], others: &[(&str, Flavour)], report: &mut Report<'_>) -> bool {
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

/// Checks the values of keys that only Mimir or Thanos have.
fn others_values(group: &Node, report: &mut Report<'_>) {
    for name in ["evaluation_delay"] {
        if let Some(delay) = group.get(name) {
            time(delay, name, report);
        }
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

fn nothing(key: &Node) -> bool {
    key.is_null() && !key.span.is_empty()
}

fn list<'a>(node: &'a Node, name: &str, report: &mut Report<'_>) -> &'a [Node] {
    if !matches!(node.kind, Kind::List(_)) && !node.is_null() {
        report.add("RG001", Level::Error, node, format!("{name} must be a list, not {}", node.what()), "");
    }
    node.items()
}

fn table(node: &Node, name: &str, report: &mut Report<'_>) -> Vec<(String, Text)> {
    if !matches!(node.kind, Kind::Map(_)) && !node.is_null() {
        report.add("RG001", Level::Error, node, format!("{name} must be a mapping, not {}", node.what()), "");
    }
    let mut all = Vec::new();
    for (key, value) in node.entries().iter().filter(|(key, _)| !nothing(key)) {
        if let (Some(key), Some(value)) = (key.text(), text(value)) {
            all.push((key.to_owned(), value));
            continue;
        }
        let why = if value.has_key_that_is_no_text() {
            "{{ without quotes begins a mapping"
        } else {
            "this is a list or a mapping"
        };
        let message = format!("the values in {name} must be strings: {why}");
        report.add("RG001", Level::Error, value, message, "put the value in quotes");
    }
    all
}

fn time(node: &Node, name: &str, report: &mut Report<'_>) -> Option<f64> {
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

fn label_name(name: &str) -> bool {
    metric_name(name) && !name.contains(':')
}
