//! RG035: groups whose evaluation interval is longer than Prometheus returns a sample.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG035",
    title: "a group that is evaluated too seldom",
    level: Level::Warning,
    text: "Prometheus forgets a sample after five minutes. A group with a longer interval has results that come and go.",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  interval: 10m
  rules:
  - alert: ServiceDown
    expr: up == 0
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
  interval: 5m
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 15m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
};

fn check(rule: &Rule, _: &Context<'_>, report: &mut Report<'_>) {
    if rule.interval.is_some_and(|interval| interval > 300.0) {
        let message = "the group is evaluated more seldom than every 5m: results are stale in between";
        report.at(LINT.id, Level::Warning, &rule.name, message, "evaluate at least every 5m");
    }
}
