//! RG004: rules that make the same series.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use std::collections::BTreeMap;

pub(super) static LINT: Lint = Lint {
    id: "RG004",
    title: "the same rule stands twice",
    level: Level::Warning,
    text: "Two rules with one name and the same labels make the same series: one overwrites the other.",
    check: Check::Rules(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
  - alert: ServiceDown
    expr: up < 1
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
  - alert: ServiceDown
    expr: up < 1
    for: 5m
    labels:
      severity: critical
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
};

/// The rules of a file that have the same name and labels.
fn check(rules: &[Rule], report: &mut Report<'_>) {
    let mut seen = BTreeMap::new();
    for rule in rules {
        let labels: BTreeMap<&str, &str> = rule.labels.iter().map(|(k, v)| (&**k, &*v.value)).collect();
        if let Some(first) = seen.insert((rule.alerts, rule.name.value.as_str(), labels), rule.scope.place.line) {
            report.enter(rule.scope.clone());
            report.about(Some(rule.name.value.clone()));
            let message = format!("{} stands in line {first} already with the same labels", rule.name.value);
            report.at(LINT.id, Level::Warning, &rule.name, message, "give the rules a label that tells them apart");
        }
    }
}
