//! RG040: alerts without a test that fires and one that stays quiet, recordings that nobody reads.

use super::dashboards::model::panels;
use super::expr::matchers;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use promql::{Expr, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// What the linted test files prove.
#[derive(Debug, Default)]
pub(super) struct Tested {
    any: bool,
    /// By alert: seen firing, seen quiet.
    alerts: BTreeMap<String, (bool, bool)>,
}

impl Tested {
    pub(super) fn new<'a>(files: impl Iterator<Item = &'a Node>) -> Self {
        let mut tested = Self::default();
        for file in files {
            tested.any = true;
            let tests = file.get("tests").map(Node::items).unwrap_or_default();
            for case in tests.iter().filter_map(|test| test.get("promql_expr_test")).flat_map(Node::items) {
                let fires = case.get("exp_samples").is_some_and(|samples| !samples.items().is_empty());
                for alert in case.get("expr").and_then(Node::text).iter().flat_map(|expr| asked_for(expr)) {
                    let entry = tested.alerts.entry(alert).or_default();
                    if fires { entry.0 = true } else { entry.1 = true }
                }
            }
            for case in tests.iter().filter_map(|test| test.get("alert_rule_test")).flat_map(Node::items) {
                let Some(alert) = case.get("alertname").and_then(Node::text) else { continue };
                let entry = tested.alerts.entry(alert.to_owned()).or_default();
                match case.get("exp_alerts").map(Node::items) {
                    Some([_, ..]) => entry.0 = true,
                    _ => entry.1 = true,
                }
            }
        }
        tested
    }

    pub(super) fn check(&self, rule: &Rule, used: &Used, report: &mut Report<'_>) {
        report.enter(rule.scope.clone());
        report.about(Some(rule.name.value.clone()));
        let name = &rule.name;
        if !rule.alerts {
            if used.enough && !used.metrics.contains(&name.value) {
                let message = format!("nothing that was linted reads {}", name.value);
                report.at("RG040", Level::Info, name, message, "use it, or remove the rule");
            }
            return;
        }
        // Always firing is what a watchdog is for.
        let watchdog = rule.label("severity").is_some_and(|severity| severity.value == "none");
        if !self.any || watchdog {
            return;
        }
        let (fires, quiet) = self.alerts.get(&name.value).copied().unwrap_or_default();
        for (there, what) in [(fires, "fires"), (quiet, "stays quiet")] {
            if !there {
                let message = format!("no test shows that {} {what}", name.value);
                report.at("RG040", Level::Warning, name, message, "promtool test rules: one case for each");
            }
        }
    }
}

/// The alerts whose series `ALERTS` an expression asks for by name.
fn asked_for(expr: &str) -> Vec<String> {
    let Ok(query) = promql::parse(expr) else { return Vec::new() };
    let alerts = query.expr.selectors().into_iter().filter(|selector| selector.metric() == Some("ALERTS"));
    let names = alerts.flat_map(|selector| matchers(selector).filter(|matcher| matcher.name.text == "alertname"));
    names.map(|matcher| (*matcher.value).to_owned()).collect()
}

/// Metrics that rules and panels read.
#[derive(Debug, Default)]
pub(super) struct Used {
    metrics: BTreeSet<String>,
    /// Whether anything was linted that could read them: dashboards, or alerts.
    enough: bool,
}

pub(super) fn used<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    dashboards: impl Iterator<Item = &'a serde_json::Value>,
) -> Used {
    let mut used = Used::default();
    for rule in rules {
        used.enough |= rule.alerts;
        let names = rule.ast.iter().flat_map(Expr::selectors).filter_map(Selector::metric).map(ToOwned::to_owned);
        used.metrics.extend(names);
    }
    for dashboard in dashboards {
        for expr in panels(dashboard).iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
            let words =
                expr["expr"].as_str().unwrap_or_default().split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            used.metrics.extend(words.filter(|word| !word.is_empty()).map(ToOwned::to_owned));
        }
    }
    used
}
