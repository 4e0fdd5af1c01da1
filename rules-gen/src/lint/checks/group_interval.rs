//! RG035: groups whose evaluation interval is longer than Prometheus returns a sample.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use std::sync::Arc;

/// The seconds after which a sample is stale (`--query.lookback-delta`).
const LOOKBACK: f64 = 300.0;

pub(super) static LINT: Lint = Lint {
    id: "RG035",
    title: "group interval is too long",
    level: Level::Warning,
    text: "A sample is stale after five minutes (the default lookback). If a group is evaluated less often, its recorded series have gaps between two evaluations. Alerts keep their state, so for them it is an info.",
    check: Check::OwnRules(check),
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

fn check(rules: &[&Rule], _: &Context<'_>, report: &mut Report<'_>) {
    for rules in rules.chunk_by(|one, next| Arc::ptr_eq(&one.group, &next.group)) {
        let Some(group) = rules.first().map(|rule| &rule.group) else { continue };
        let Some(written) = group.written_interval.as_ref().filter(|_| group.interval > Some(LOOKBACK)) else {
            continue;
        };
        // Prometheus sends an alert to Alertmanager with an end four intervals ahead.
        let (level, what) = if rules.iter().all(|rule| rule.alerts) {
            (Level::Info, "ALERTS")
        } else {
            (Level::Warning, "every recorded series")
        };
        report.enter(group.scope.clone());
        report.about(Some(format!("group {}", group.name)));
        let message =
            format!("the group is evaluated every {}, but a sample is stale after 5m: {what} has gaps", written.value);
        report.at(LINT.id, level, written, message, "set interval to 5m or less");
    }
}
