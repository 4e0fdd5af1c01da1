//! RG026: labels that an aggregation or `group_left` asks for, and that what is aggregated or joined has lost.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::is_scalar;
use crate::lint::labels::labels;
use crate::lint::metric_facts::MetricFacts;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, Name, Side};

pub(super) static LINT: Lint = Lint {
    id: "RG026",
    title: "a label that was dropped before",
    level: Level::Warning,
    text: "An outer aggregation cannot group by a label that the inner one has dropped, and `group_left` cannot bring one that its side has lost: the label is missing from the result, and from whatever routes by it.",
    check: Check::Expr(check),
    found: &[Example::Expr("sum by (job, zone) (sum by (job) (up)) == 0")],
    fine: &[Example::Expr("sum by (job, zone) (sum by (job, zone, rack) (up)) == 0")],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Aggregation(one) => {
            let Some(grouping) = one.grouping.as_ref().filter(|grouping| !grouping.without) else { return };
            let fix = "keep it in the inner aggregation, or leave it out";
            lost(rule, &one.expr, &grouping.labels, &format!("{} by", one.op.text), fix, report);
        }
        Kind::Binary(one) if !is_scalar(&one.left) && !is_scalar(&one.right) => {
            let Some(group) = one.matching.as_ref().and_then(|matching| matching.group.as_ref()) else { return };
            let (from, word) = match group.many {
                Side::Left => (&one.right, "group_left"),
                Side::Right => (&one.left, "group_right"),
            };
            lost(rule, from, &group.include, word, "keep it in the aggregation of that side", report);
        }
        _ => {}
    });
}

/// Only what the expression itself drops counts: which labels series have is the server's affair.
fn lost(rule: &Rule, of: &Expr, asked: &[Name], by: &str, fix: &str, report: &mut Report<'_>) {
    let result = labels(of, &MetricFacts::default());
    for label in asked.iter().filter(|label| !result.may_have(&label.text)) {
        let message = format!("{by} asks for the label {}, which was dropped before", label.text);
        report.part(LINT.id, Level::Warning, &rule.expr, label.span, message, fix);
    }
}
