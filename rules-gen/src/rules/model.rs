//! The rules as the generators create them, before they are written.

use checklist::config::Effective;
use checklist::{Alert, Limits, Metric, Severity, Signal};
use std::collections::BTreeMap;

/// A rule group of one signal, or of the exporter itself.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    /// The recording rules, which are evaluated before the alerting rules.
    pub records: Vec<Recording>,
    /// The alerting rules.
    pub rules: Vec<Rule>,
}

/// A recording rule.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The name of the recorded series.
    pub record: &'static str,
    pub expr: String,
    /// The labels of the recorded series.
    pub labels: BTreeMap<String, String>,
}

/// An alerting rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub alert: String,
    pub expr: String,
    /// The durations of `for` and `keep_firing_for`.
    pub times: Effective,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// The targets that the rule covers. Empty for rules about no target.
    pub targets: Vec<String>,
    /// For an alert about missing metrics of another exporter: the metric.
    pub source: Option<&'static Metric>,
    /// The entry of the catalog. `None` for rules about the exporter itself.
    pub entry: Option<Entry>,
}

impl Rule {
    /// Returns the kind of target, from the matcher `kind` in the expression.
    pub fn targets_kind(&self) -> Option<&str> {
        self.expr.split_once("{kind=\"")?.1.split('"').next()
    }
}

/// The part of the catalog that a rule comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    pub signal: &'static Signal,
    pub alert: &'static Alert,
    /// The severity of this rule.
    pub severity: Severity,
    /// The limits for the rule's targets.
    pub limits: Limits,
}
