//! RG004: rules that make the same series.

use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Selector};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) static LINT: Lint = Lint {
    id: "RG004",
    title: "the same rule stands twice",
    level: Level::Warning,
    text: "Two rules of one file with the same name, the same labels and the same selectors make the same series: one recording overwrites the other, and two alerts with different limits cannot be told apart. Rules that share a name and select different series are left alone.",
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
    fine: &[
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
        Example::Rules(
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
        ),
    ],
};

/// Numbers, durations and comparisons of an expression.
static MASKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[<>]=?|[=!]=|\b[0-9][0-9a-z.]*").unwrap_or_else(|error| panic!("{error}")));

/// What makes the series of a rule: kind, name, labels, what it selects, and how it is put together.
type Series<'a> = (bool, &'a str, BTreeMap<&'a str, &'a str>, Vec<String>, String);

/// Rules of one name and one set of labels are common where they select different series: `code=~"2.."` and `code=~"5.."`.
/// Only those that select the same and differ in limits make the same series.
fn check(rules: &[Rule], report: &mut Report<'_>) {
    let mut seen = BTreeMap::new();
    for (rule, ast) in rules.iter().filter_map(|rule| Some((rule, rule.ast.as_ref()?))) {
        if let Some(first) = seen.insert(series(rule, ast), rule.scope.place.line) {
            report.enter(rule.scope.clone());
            report.about(Some(rule.name.value.clone()));
            let message = format!("{} makes the series that the rule in line {first} makes already", rule.name.value);
            report.at(LINT.id, Level::Warning, &rule.name, message, "give the rules a label that tells them apart");
        }
    }
}

fn series<'a>(rule: &'a Rule, ast: &Expr) -> Series<'a> {
    let own = rule.labels.iter().map(|(name, text)| (&**name, &*text.value)).collect();
    let selector = |one: &Selector| {
        let mut all: Vec<String> = one.matchers.iter().map(ToString::to_string).collect();
        all.sort_unstable();
        format!("{}{all:?}", one.metric().unwrap_or_default())
    };
    let mut selected: Vec<String> = ast.selectors().into_iter().map(selector).collect();
    selected.sort_unstable();
    selected.dedup();
    // Two limits on the same, not two conditions that exclude each other.
    let shape = MASKED.replace_all(&ast.to_string(), "#").into_owned();
    (rule.alerts, &rule.name.value, own, selected, shape)
}
