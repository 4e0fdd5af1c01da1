//! A rule of a group, and how it is read.

use super::fields::{UTF8_NAMES, keys_of, label_name, metric_name, nothing, table, text, time};
use super::group::Group;
use crate::lint::flavour::Flavour;
use crate::lint::identity::Identity;
use crate::lint::place::Text;
use crate::lint::report::{Level, Report, Scope};
use crate::lint::template;
use crate::lint::yaml::Node;
use promql::{Expr, Query, Type, Use};
use std::sync::Arc;

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
    pub group: Arc<Group>,
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

/// Keys of a rule that only some servers have.
const OF_RULES: [(&str, Flavour); 2] = [("debug", Flavour::Vmalert), ("update_entries_limit", Flavour::Vmalert)];

/// Reads a rule. `None` when it is so wrong that it cannot be linted.
pub(super) fn read(node: &Node, group: &Arc<Group>, origin: Origin, report: &mut Report<'_>) -> Option<Rule> {
    let known = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];
    let others = if origin == Origin::Object { &[][..] } else { &OF_RULES[..] };
    if !keys_of(node, &known, others, report) {
        return None;
    }
    // The key that is missing may be the one that is misspelt, which is reported already.
    let strange = has_unknown_key(node, &known);
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
    let length = |name: &str, report: &mut Report<'_>| {
        node.get(name).and_then(|value| time(value, name, report)).unwrap_or_default()
    };
    let (pending, keep_firing) = (length("for", report), length("keep_firing_for", report));
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
    let (ast, uses) = match (!group.is_foreign).then(|| parse(&expr, report)).flatten() {
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
    texts(&labels, &annotations, alerts, report);
    // A rule inherits the labels of its group, and may override them.
    let mut labels = labels;
    let inherited: Vec<(String, Text)> =
        group.labels.iter().filter(|(name, _)| !labels.iter().any(|(own, _)| own == name)).cloned().collect();
    labels.extend(inherited);
    let identity = Identity::of(
        (alerts, &name.value),
        (&expr.value, ast.as_ref()),
        (&labels, &annotations),
        [pending, keep_firing],
        group.interval,
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
        group: Arc::clone(group),
        origin,
        identity,
    })
}

/// Checks the names of labels and annotations, and the templates of an alert.
fn texts(labels: &[(String, Text)], annotations: &[(String, Text)], alerts: bool, report: &mut Report<'_>) {
    for (label, value) in labels.iter().chain(annotations) {
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
        // vmalert has variables and functions of its own.
        if alerts
            && report.server() != Some(Flavour::Vmalert)
            && let Err(why) = template::read(&value.value)
        {
            let message = format!("the template of {label} does not parse: {why}");
            report.at("RG032", Level::Error, value, message, "Prometheus refuses the file");
        }
    }
}

fn has_unknown_key(node: &Node, known: &[&str]) -> bool {
    let is_known = |key: &str| known.contains(&key) || OF_RULES.iter().any(|(other, _)| *other == key);
    node.entries().iter().any(|(key, _)| !nothing(key) && key.text().is_some_and(|key| !is_known(key)))
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

/// Reports aliases and `!!binary` as `expr` or as a rule's name: Prometheus 2 takes the alias's name or the Base64 for
/// the value. Other aliases are resolved.
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
        let is_binary = || report.between(key.span.end..value.span.start).contains("!!binary");
        let Some(name) = key.text().filter(|name| ["record", "alert", "expr"].contains(name)) else { continue };
        if !is_alias && is_binary() {
            let message = format!("Prometheus 2 takes the Base64 text as the {name}, not the value that it encodes");
            report.add("RG005", level, key, message, "write the value without !!binary");
        } else if is_alias {
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

/// Parses an expression. `None` when it does not parse, or when its result cannot be that of a rule.
fn parse(expr: &Text, report: &mut Report<'_>) -> Option<Query> {
    let query = promql::parse(&expr.value).inspect_err(|errors| {
        for error in errors {
            let message = format!("the expression does not parse: {error}");
            report.part("RG001", Level::Error, expr, error.span, message, "");
        }
    });
    let query = query.ok()?;
    let result = query.expr.result();
    if matches!(result, Type::RangeVector | Type::String) {
        let message = format!("every evaluation fails: the expression returns {result}, not a value for each series");
        let fix =
            if result == Type::String { "" } else { "a function over the range, such as rate() or max_over_time()" };
        report.part("RG002", Level::Error, expr, query.expr.span, message, fix);
        return None;
    }
    Some(query)
}
