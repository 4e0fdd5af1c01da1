//! RG035: groups whose evaluation interval is longer than Prometheus returns a sample.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG035",
    title: "a group that is evaluated too seldom",
    level: Level::Warning,
    text: "Prometheus forgets a sample after five minutes. What a group with a longer interval records comes and goes. Alerts keep their state, so that is an info.",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  interval: 10m
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
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
        // Alertmanager is told four intervals ahead.
        let level = if rule.alerts { Level::Info } else { Level::Warning };
        report.at(LINT.id, level, &rule.name, message, "evaluate at least every 5m");
    }
}
