//! RG027: recording rules that read a recorded series of the evaluation before.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Selector};
use std::collections::BTreeSet;

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
        let places = context.recordings.places(name);
        let here = |(group, _): &&(&str, usize)| *group == rule.group;
        let earlier = places.iter().filter(here).any(|(_, line)| *line < rule.scope.place.line);
        if places.is_empty() || earlier || !reported.insert(name) {
            continue;
        }
        let (what, fix) = if places.iter().any(|place| here(&place)) {
            ("a later rule", "move it before this rule")
        } else {
            ("another group", "put both rules into one group")
        };
        let message = format!("{name} is recorded by {what}, so this rule reads the value of the previous evaluation");
        report.word(LINT.id, Level::Info, &rule.expr, name, message, fix);
    }
}
