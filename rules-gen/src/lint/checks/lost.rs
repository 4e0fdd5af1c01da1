//! RG026: labels that an aggregation or `group_left` asks for, and that what is aggregated or joined has lost.

use crate::lint::expr::is_scalar;
use crate::lint::known::Known;
use crate::lint::labels::labels;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, Name, Side};

pub(super) fn check(rule: &Rule, ast: &Expr, report: &mut Report<'_>) {
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
    let result = labels(of, &Known::default());
    for label in asked.iter().filter(|label| !result.may_have(&label.text)) {
        let message = format!("{by} asks for the label {}, which was dropped before", label.text);
        report.part("RG026", Level::Warning, &rule.expr, label.span, message, fix);
    }
}
