//! Groups, alert rules and recording rules as the generators make them.

use checklist::config::Effective;
use checklist::{Alert, Limits, Metric, Severity, Signal};
use std::collections::BTreeMap;

/// A group of rules.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it records before it judges.
    pub records: Vec<Recording>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One recording rule.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The metric.
    pub record: &'static str,
    /// The expression.
    pub expr: String,
    /// Labels of the recorded series.
    pub labels: BTreeMap<String, String>,
}

/// One alert rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The alert's name.
    pub alert: String,
    /// The expression.
    pub expr: String,
    /// The times.
    pub times: Effective,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The targets within its scope; empty when it has none.
    pub targets: Vec<String>,
    /// The metric of others whose absence it tells of.
    pub source: Option<&'static Metric>,
    /// The catalog's entry, unless the rule is about the exporter itself.
    pub entry: Option<Entry>,
}

impl Rule {
    /// The kind of what its check connects to, as its expression names it.
    pub fn targets_kind(&self) -> Option<&str> {
        self.expr.split_once("{kind=\"")?.1.split('"').next()
    }
}

/// Where a rule comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The signal.
    pub signal: &'static Signal,
    /// The alert.
    pub alert: &'static Alert,
    /// The level.
    pub severity: Severity,
    /// The limits that hold.
    pub limits: Limits,
}
