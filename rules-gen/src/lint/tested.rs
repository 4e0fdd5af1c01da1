//! What the linted rule tests cover, and which metrics linted rules and panels read.

use super::alert_series::AlertSeries;
use super::dashboards::model::panels;
use super::rule_file::Rule;
use super::tested_files::TestedFiles;
use super::yaml::Node;
use promql::{Expr, Selector};
use std::collections::{BTreeMap, HashSet};

/// The alerts that the linted rule tests cover.
#[derive(Debug, Default)]
pub struct Tested {
    any: bool,
    alerts: BTreeMap<String, Seen>,
    series: Vec<AlertSeries>,
    loaded: TestedFiles,
}

/// What tests show about an alert.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Whether a case shows it firing.
    pub fires: bool,
    /// Whether a case shows it silent.
    pub quiet: bool,
}

impl Tested {
    pub(super) fn new<'a>(files: impl Iterator<Item = &'a Node>, loaded: TestedFiles) -> Self {
        let mut tested = Self { loaded, ..Self::default() };
        for file in files {
            tested.any = true;
            let tests = file.get("tests").map(Node::items).unwrap_or_default();
            for case in tests.iter().filter_map(|test| test.get("promql_expr_test")).flat_map(Node::items) {
                tested.series.extend(AlertSeries::of(case));
            }
            for case in tests.iter().filter_map(|test| test.get("alert_rule_test")).flat_map(Node::items) {
                let Some(alert) = case.get("alertname").and_then(Node::text) else { continue };
                let entry = tested.alerts.entry(alert.to_owned()).or_default();
                match case.get("exp_alerts").map(Node::items) {
                    Some([_, ..]) => entry.fires = true,
                    _ => entry.quiet = true,
                }
            }
        }
        tested
    }

    /// Returns the rule files that the tests load.
    pub(super) const fn loaded(&self) -> &TestedFiles {
        &self.loaded
    }

    /// Whether a test loads a rule file.
    pub fn loads(&self, file: &str) -> bool {
        self.loaded.has(file)
    }

    /// Returns what the tests show about an alert. `None` when no tests were linted.
    pub fn seen(&self, alert: &str) -> Option<Seen> {
        let mut seen = self.alerts.get(alert).copied().unwrap_or_default();
        for series in self.series.iter().filter(|series| series.is_about(alert)) {
            if series.fires(alert) { seen.fires = true } else { seen.quiet = true }
        }
        self.any.then_some(seen)
    }
}

/// The metrics that linted rules and panels read.
#[derive(Debug, Default)]
pub struct Used<'a> {
    metrics: HashSet<&'a str>,
    /// Whether dashboards or alerts were linted, which could read the metrics.
    enough: bool,
}

impl Used<'_> {
    /// Whether no linted rule or panel reads a recorded metric.
    pub fn is_unused(&self, metric: &str) -> bool {
        self.enough && !self.metrics.contains(metric)
    }
}

/// Collects the metrics that rules and panels read.
pub(super) fn used<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    dashboards: impl Iterator<Item = &'a serde_json::Value>,
) -> Used<'a> {
    let mut used = Used::default();
    for rule in rules {
        used.enough |= rule.alerts;
        used.metrics.extend(rule.ast.iter().flat_map(Expr::selectors).filter_map(Selector::metric));
    }
    for dashboard in dashboards {
        for expr in panels(dashboard).iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
            let words =
                expr["expr"].as_str().unwrap_or_default().split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            used.metrics.extend(words.filter(|word| !word.is_empty()));
        }
    }
    used
}
