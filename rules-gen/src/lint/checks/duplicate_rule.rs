//! RG004: rules that make the same series.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use std::collections::HashMap;

pub(super) static LINT: Lint = Lint {
    id: "RG004",
    title: "duplicate rule",
    level: Level::Warning,
    text: "Two rules with the same name, labels and selectors, in one file or in two files of one folder, write the same series: one recording rule overwrites the other, and two alerts with different thresholds cannot be distinguished. Rules with the same name that select different series are not reported, nor are rules in different folders, objects or namespaces, which may be for different servers.",
    check: Check::Rules(check),
    found: &[
        Example::Group(
            r"
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
        ),
        Example::Files(&[("a.yaml", RATE_5M), ("b.yaml", RATE_1M)]),
        Example::Files(&[("a.yaml", RATE_5M), ("b.yaml", RATE_5M)]),
    ],
    fine: &[
        Example::Files(&[("a.yaml", RATE_5M), ("b.yaml", OTHER_LABELS)]),
        Example::Files(&[("blue/a.yaml", RATE_5M), ("green/a.yaml", RATE_1M)]),
        Example::Files(&[("a.yaml", RATE_5M), ("b.yaml", OF_A_TENANT)]),
        Example::Rules(
            r#"
groups:
- name: example
  rules:
  - record: code:requests:rate5m
    expr: sum by (code) (rate(requests_total{code=~"2.."}[5m]))
  - record: code:requests:rate5m
    expr: sum by (code) (rate(requests_total{code=~"5.."}[5m]))
  - alert: NotRun
    expr: time() - last_run_timestamp_seconds > 86400 and last_run_timestamp_seconds > 0
    for: 1h
    labels: {severity: warning}
    annotations: {summary: It has not run for a day.}
  - alert: NotRun
    expr: last_run_timestamp_seconds == 0
    for: 24h
    labels: {severity: warning}
    annotations: {summary: It has not run for a day.}
"#,
        ),
        Example::Group(
            r"
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
        ),
    ],
};

fn check(rules: &[Rule], context: &Context<'_>, report: &mut Report<'_>) {
    let mut seen = HashMap::with_capacity(rules.len());
    let file = report.file().to_owned();
    let first_in_other_file = context.overlaps.first_in_other_file(&file);
    for (rule, series) in rules.iter().filter_map(|rule| Some((rule, rule.identity.series?))) {
        let first = seen.insert(series, rule.scope.place.line);
        let place = match (first, first_in_other_file(rule)) {
            (Some(line), _) => format!("in line {line} of this file"),
            (None, Some((file, line))) => format!("in {file}:{line}"),
            (None, None) => continue,
        };
        report.enter(rule.scope.clone());
        report.about(Some(rule.name.value.clone()));
        let message = format!("{} writes the same series as the rule {place}", rule.name.value);
        report.at(
            LINT.id,
            Level::Warning,
            &rule.name,
            message,
            "add a label with different values to the rules, or remove one of them",
        );
    }
}

const RATE_5M: &str = "
groups:
- name: example
  rules:
  - {record: 'job:requests:rate', expr: 'sum by (job) (rate(requests_total[5m]))'}
";
const RATE_1M: &str = "
groups:
- name: other
  rules:
  - {record: 'job:requests:rate', expr: 'sum by (job) (rate(requests_total[2m]))'}
";
const OTHER_LABELS: &str = "
groups:
- name: other
  rules:
  - {record: 'job:requests:rate', expr: 'sum by (job) (rate(requests_total[2m]))', labels: {range: 2m}}
";
const OF_A_TENANT: &str = "
namespace: other
groups:
- name: other
  rules:
  - {record: 'job:requests:rate', expr: 'sum by (job) (rate(requests_total[2m]))'}
";
