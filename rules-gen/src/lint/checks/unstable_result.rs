//! RG017: results whose series change from one evaluation to the next.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::constant;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Expr, Kind};

pub(super) static LINT: Lint = Lint {
    id: "RG017",
    title: "set of series changes between evaluations",
    level: Level::Warning,
    text: "`topk()` can return other series at every evaluation, and `for` starts again for each of them. `topk by (...) (1, ...)`, which picks one of several equal series, and `topk()` inside an aggregation or a join are not reported.",
    check: Check::Expr(check),
    found: &[Example::Expr("topk(3, queue_length) > 100")],
    fine: &[
        Example::Expr(
            "sum by (ns) (pods * on (ns, pod) group_left (kind) topk by (ns, pod) (1, max by (ns, pod, kind) (owner))) > 0",
        ),
        Example::Expr("topk by (ns) (1, quota_used) / on (ns) group_left () topk by (ns) (1, quota_hard) > 0.9"),
        Example::Expr("sum(topk(3, queue_length)) > 100"),
        Example::Expr("queue_length > 100"),
    ],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    if rule.alerts && rule.pending > 0.0 {
        result(rule, ast, report);
    }
}

/// Checks the expressions that the alert's series come from, through comparisons and set operations. Inside an
/// aggregation or a join, `topk()` only picks one of several equal series.
fn result(rule: &Rule, expr: &Expr, report: &mut Report<'_>) {
    match &expr.bare().kind {
        Kind::Binary(one) if one.op == BinaryOp::Or => {
            result(rule, &one.left, report);
            result(rule, &one.right, report);
        }
        Kind::Binary(one) if one.op.compares() || one.op.is_set() => result(rule, &one.left, report),
        Kind::Aggregation(one) if ["topk", "bottomk", "limitk"].contains(&one.op.text.as_str()) => {
            // One series of each group is the usual way to remove duplicates.
            let one_of_each = one.grouping.is_some() && one.param.as_ref().and_then(constant) == Some(1.0);
            if !one_of_each {
                let message =
                    "the result can contain other series at every evaluation, and `for` starts again for each";
                report.part(
                    LINT.id,
                    Level::Warning,
                    &rule.expr,
                    one.op.span,
                    message.to_owned(),
                    "compare with a threshold instead",
                );
            }
        }
        _ => {}
    }
}
