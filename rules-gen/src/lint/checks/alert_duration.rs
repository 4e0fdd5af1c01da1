//! RG034: values of `for` and `keep_firing_for` that make an alert flap.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::metric_facts::Type;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG034",
    title: "for or keep_firing_for is too short",
    level: Level::Warning,
    text: "If `for` ends before the next sample, a single bad sample makes the alert fire; a recorded series has a sample for each evaluation of its own group. A critical alert on a gauge resolves whenever the exporter restarts, unless `keep_firing_for` covers the gap (an info).",
    check: Check::Rule(check),
    found: &[
        Example::Group(
            r"
  - alert: ServiceDown
    expr: up == 0
    for: 30s
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
        ),
        Example::Rules(
            r"
groups:
- name: records
  interval: 5m
  rules:
  - {record: 'job:up:share', expr: avg by (job) (up)}
- name: example
  rules:
  - alert: ServicesDown
    expr: job:up:share < 0.5
    for: 5m
    labels: {severity: warning}
    annotations: {summary: Services are down., description: 'Of {{ $labels.job }}.'}
",
        ),
    ],
    fine: &[Example::Rules(SERVICE_DOWN)],
};

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let interval = rule.group.interval.unwrap_or(context.options.evaluation_interval);
    // The alert fires at the first evaluation after `for`, so that an evaluation's interval is the least.
    let waits = (rule.pending / interval).ceil() * interval;
    let (every, what) = match slowest(rule, context) {
        Some((name, every)) => (every, format!("samples of {name}, which is recorded every {every}s")),
        None => (context.options.scrape_interval, format!("samples every {}s", context.options.scrape_interval)),
    };
    if rule.pending > 0.0 && waits <= every {
        let message =
            format!("`for` is not longer than the time between two {what}, so a single bad one fires the alert");
        report.at(LINT.id, Level::Warning, &rule.name, message, "set `for` to at least two samples");
    }
    let critical = rule.label("severity").is_some_and(|severity| severity.value == "critical");
    if critical && rule.keep_firing == 0.0 && rule.ast.as_ref().is_some_and(|ast| is_gauge(ast, context)) {
        let message = "a critical alert on a gauge resolves when the exporter restarts";
        report.at(LINT.id, Level::Info, &rule.name, message, "add keep_firing_for: 5m");
    }
}

/// Returns the recorded series of the expression that is written most seldom, with the seconds between its samples. A
/// single bad value of it lasts that long.
fn slowest<'a>(rule: &'a Rule, context: &Context<'_>) -> Option<(&'a str, f64)> {
    let instant = |one: &&Selector| one.range.is_none();
    let selectors = rule.ast.as_ref()?.selectors().into_iter().filter(instant).filter_map(Selector::metric);
    let every = selectors.filter_map(|name| Some((name, context.recordings.interval(name)?)));
    every.max_by(|one, other| one.1.total_cmp(&other.1))
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
