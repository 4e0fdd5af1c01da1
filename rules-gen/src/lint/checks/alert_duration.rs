//! RG034: values of `for` and `keep_firing_for` that make an alert flap.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::metric_facts::Type;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG034",
    title: "for or keep_firing_for is too short",
    level: Level::Warning,
    text: "If `for` is shorter than two evaluation intervals, a single bad sample makes the alert fire. A critical alert on a gauge resolves whenever the exporter restarts, unless `keep_firing_for` covers the gap (an info).",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 30s
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
",
    )],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let interval = rule.interval.unwrap_or(context.options.evaluation_interval);
    if rule.pending > 0.0 && rule.pending < 2.0 * interval {
        let message =
            format!("`for` is shorter than two evaluation intervals of {interval}s, so one bad sample fires the alert");
        report.at(LINT.id, Level::Warning, &rule.name, message, "set `for` to at least two evaluation intervals");
    }
    let critical = rule.label("severity").is_some_and(|severity| severity.value == "critical");
    if critical && rule.keep_firing == 0.0 && rule.ast.as_ref().is_some_and(|ast| is_gauge(ast, context)) {
        let message = "a critical alert on a gauge resolves when the exporter restarts";
        report.at(LINT.id, Level::Info, &rule.name, message, "add keep_firing_for: 5m");
    }
}

/// Whether the expression reads a gauge directly, and not through a function over a range.
fn is_gauge(ast: &Expr, context: &Context<'_>) -> bool {
    let known = &context.options.known;
    let mut gauge = false;
    ast.walk(&mut |part, above| {
        let windowed = above.iter().any(|parent| matches!(parent.kind, Kind::Call(_)));
        let name = part.bare().selector().and_then(Selector::metric);
        gauge |= !windowed && name.is_some_and(|name| known.get(name).and_then(|fact| fact.kind) == Some(Type::Gauge));
    });
    gauge
}
