//! RG027: recording rules that read a recorded series of the evaluation before.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Selector};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) static LINT: Lint = Lint {
    id: "RG027",
    title: "recording rule reads a series that is recorded later",
    level: Level::Info,
    text: "Groups are evaluated concurrently, and the rules of a group in order. A recording rule that reads a series of another group or of a later rule gets the value of the previous evaluation, which is up to one interval old. Alerts are not reported.",
    check: Check::Expr(check),
    found: &[
        Example::Rules(
            "
groups:
- name: errors
  rules:
  - {record: 'job:errors:rate5m', expr: 'sum by (job) (rate(errors_total[5m]))'}
- name: ratios
  rules:
  - {record: 'job:errors:ratio5m', expr: 'job:errors:rate5m / sum by (job) (rate(requests_total[5m]))'}
",
        ),
        Example::Rules(
            "
groups:
- name: errors
  rules:
  - {record: 'job:errors:ratio5m', expr: 'job:errors:rate5m / sum by (job) (rate(requests_total[5m]))'}
  - {record: 'job:errors:rate5m', expr: 'sum by (job) (rate(errors_total[5m]))'}
",
        ),
        Example::Files(&[("a.yaml", ERRORS), ("b.yaml", RATIOS)]),
    ],
    fine: &[
        Example::Rules(
            "
groups:
- name: errors
  rules:
  - {record: 'job:errors:rate5m', expr: 'sum by (job) (rate(errors_total[5m]))'}
  - {record: 'job:errors:ratio5m', expr: 'job:errors:rate5m / sum by (job) (rate(requests_total[5m]))'}
  - {record: 'job:errors:mean1d', expr: 'avg_over_time(job:errors:later[1d])'}
  - {record: 'job:errors:later', expr: job:errors:rate5m > 1}
",
        ),
        Example::Expr("job:errors:rate5m > 5"),
    ],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    if rule.alerts {
        return;
    }
    let mut reported = BTreeSet::new();
    // A range holds many evaluations, so that the last one does not matter.
    let instant = ast.selectors().into_iter().filter(|one| one.range.is_none());
    for name in instant.filter_map(Selector::metric).filter(|name| *name != rule.name.value) {
        let recorded = context.recordings.rules(name);
        let is_here = |other: &&&Rule| Arc::ptr_eq(&other.group, &rule.group);
        let earlier = recorded.iter().filter(is_here).any(|other| other.scope.place.line < rule.scope.place.line);
        let Some(first) = recorded.first().filter(|_| !earlier && reported.insert(name)) else { continue };
        let (what, fix) = if recorded.iter().any(|other| is_here(&other)) {
            ("a later rule".to_owned(), "move it before this rule")
        } else if first.group.name == rule.group.name {
            ("another group of the same name".to_owned(), "put both rules into one group")
        } else {
            (format!("the group {}", first.group.name), "put both rules into one group")
        };
        let message = format!("{name} is recorded by {what}, so this rule reads the value of the previous evaluation");
        report.word(LINT.id, Level::Info, &rule.expr, name, message, fix);
    }
}

const ERRORS: &str = "
groups:
- name: api
  rules:
  - {record: 'job:errors:rate5m', expr: 'sum by (job) (rate(errors_total[5m]))'}
";
const RATIOS: &str = "
groups:
- name: api
  rules:
  - {record: 'job:errors:ratio5m', expr: 'job:errors:rate5m / sum by (job) (rate(requests_total[5m]))'}
";
