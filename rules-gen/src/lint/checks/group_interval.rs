//! RG035: groups whose evaluation interval is longer than Prometheus returns a sample.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG035",
    title: "group interval is too long",
    level: Level::Warning,
    text: "A sample is stale after five minutes (the default lookback). If a group is evaluated less often, its recorded series have gaps between two evaluations. Alerts keep their state, so for them it is an info.",
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
        let message = "the group is evaluated less often than every 5m, so its series have gaps";
        // Alertmanager is told four intervals ahead.
        let level = if rule.alerts { Level::Info } else { Level::Warning };
        report.at(LINT.id, level, &rule.name, message, "set interval to 5m or less");
    }
}
