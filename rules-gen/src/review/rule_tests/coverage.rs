//! Finds the alerts that no test case shows firing, or shows silent.

use super::files::{Files, Rule, TestFile};
use super::outcome::Outcome;
use crate::lint::alert_series::AlertSeries;
use crate::lint::yaml::Node;

/// A test case about alerts.
enum Case<'a> {
    /// A case of `alert_rule_test`: the name, and the labels of each alert that must fire.
    Named(&'a str, Vec<Vec<(&'a str, &'a str)>>),
    /// A case that queries `ALERTS`. Its labels are unknown, so it counts for every rule with the name.
    Series(AlertSeries),
}

impl Case<'_> {
    fn is_about(&self, rule: &Rule) -> bool {
        match self {
            Self::Named(alert, _) => *alert == rule.name,
            Self::Series(series) => series.is_about(&rule.name),
        }
    }

    /// Returns the alert's name, if the case is about exactly one.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Named(alert, _) => Some(alert),
            Self::Series(series) => series.name(),
        }
    }

    /// Whether the case shows that a rule fires. The expected labels must include those of the rule, to distinguish it
    /// from rules with the same name.
    fn shows(&self, rule: &Rule) -> bool {
        match self {
            Self::Series(series) => series.fires(&rule.name),
            Self::Named(_, fires) => fires.iter().any(|labels| {
                let has = |(name, value): &(String, String)| labels.iter().any(|(n, v)| n == name && v == value);
                labels.is_empty() || rule.labels.iter().all(has)
            }),
        }
    }
}

/// Fills in the alerts without a firing or silent case, and the cases about alerts that do not exist.
pub(super) fn measure(files: &Files, outcome: &mut Outcome) {
    let cases: Vec<(&TestFile, Vec<Case<'_>>)> = files.tests.iter().map(|test| (test, cases(test))).collect();
    for (path, file) in &files.rules {
        for rule in file.rules.iter().filter(|rule| rule.alerts) {
            outcome.alerts += 1;
            let of_rule = cases.iter().filter(|(test, _)| test.loads.contains(path)).flat_map(|(_, cases)| cases);
            let about: Vec<&Case<'_>> = of_rule.filter(|case| case.is_about(rule)).collect();
            let place = || (rule.name.clone(), format!("{}:{}", file.name, rule.line));
            if !about.iter().any(|case| case.shows(rule)) {
                outcome.never_fire.push(place());
            }
            if about.iter().all(|case| case.shows(rule)) {
                outcome.never_quiet.push(place());
            }
        }
    }
    for (test, cases) in &cases {
        let loaded: Vec<&str> = test
            .loads
            .iter()
            .filter_map(|path| files.rules.get(path))
            .flat_map(|file| &file.rules)
            .filter(|rule| rule.alerts)
            .map(|rule| rule.name.as_str())
            .collect();
        let mut strange: Vec<&str> =
            cases.iter().filter_map(Case::name).filter(|alert| !loaded.contains(alert)).collect();
        strange.dedup();
        for alert in strange {
            let why = format!("it has a case for the alert {alert}, which none of its rule files defines");
            outcome.failed.push((test.name.clone(), why));
        }
    }
}

fn cases(test: &TestFile) -> Vec<Case<'_>> {
    let mut all = Vec::new();
    for one in test.node.get("tests").map(Node::items).unwrap_or_default() {
        let list = |key: &str| one.get(key).map(Node::items).unwrap_or_default();
        for case in list("alert_rule_test") {
            let Some(alert) = case.get("alertname").and_then(Node::text) else { continue };
            let alerts = case.get("exp_alerts").map(Node::items).unwrap_or_default().iter();
            let fires = alerts.map(|alert| labels(alert.get("exp_labels"))).collect();
            all.push(Case::Named(alert, fires));
        }
        all.extend(list("promql_expr_test").iter().flat_map(AlertSeries::of).map(Case::Series));
    }
    all
}

fn labels(node: Option<&Node>) -> Vec<(&str, &str)> {
    let entries = node.map(Node::entries).unwrap_or_default().iter();
    entries.filter_map(|(name, value)| Some((name.text()?, value.text()?))).collect()
}
