//! RG023: limits on an age that are shorter than the interval of the job, such as 30 days for a monthly clean-up.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, function};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, BinaryOp, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG023",
    title: "age limit shorter than the schedule of the job",
    level: Level::Warning,
    text: "Two runs of a job that runs on the first Monday of a month can be 35 days apart. What the job cleans up or renews is then older than 30 days although the job works, and an alert with a limit of 30 days fires.",
    check: Check::Expr(check),
    found: &[Example::Group(
        r"
  - alert: RowsTooOld
    expr: time() - rows_oldest_timestamp_seconds > 2592000
    for: 1h
    labels:
      severity: warning
      cadence: monthly
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
",
    )],
    fine: &[Example::Group(
        r"
  - alert: RowsTooOld
    expr: time() - rows_oldest_timestamp_seconds > 5616000
    for: 1h
    labels:
      severity: warning
      cadence: monthly
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
",
    )],
};

/// The largest number of days between two runs of a job on the first given weekday of its period.
const GAPS: [(&str, f64); 4] = [("weekly", 7.0), ("monthly", 35.0), ("quarterly", 98.0), ("annual", 371.0)];

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| {
        if let Kind::Binary(one) = &part.kind {
            cadence(rule, one, report);
        }
    });
}

fn cadence(rule: &Rule, one: &Binary, report: &mut Report<'_>) {
    let Some(limit) = constant(&one.right).filter(|_| one.op.as_str().starts_with('>')) else { return };
    let Kind::Binary(age) = &one.left.bare().kind else { return };
    let is_age = age.op == BinaryOp::Sub && function(age.left.bare()) == Some("time");
    let named = |word: &str| {
        age.right
            .selectors()
            .into_iter()
            .filter_map(Selector::metric)
            .any(|name| name.contains(word) && name.contains("timestamp"))
    };
    let cadence = rule.label("cadence").map(|text| text.value.as_str());
    let Some((cadence, days)) = GAPS.into_iter().find(|(name, _)| Some(*name) == cadence) else { return };
    if is_age && (named("oldest") || named("last_done")) && limit < days * 86_400.0 {
        let message = format!(
            "two runs of a {cadence} job may be {days} days apart, so a limit of {:.0} days fires although the job works",
            limit / 86_400.0
        );
        report.at(LINT.id, Level::Warning, &rule.expr, message, "add the longest time between two runs to the limit");
    }
}
