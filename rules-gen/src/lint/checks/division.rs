//! RG016: divisions by what is zero when nothing happens.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{conditional, constant, function, is_scalar, matchers};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, BinaryOp, Expr, Kind};
use std::collections::BTreeSet;

pub(super) static LINT: Lint = Lint {
    id: "RG016",
    title: "a division by what can be zero",
    level: Level::Warning,
    text: "When nothing happens the rate is zero: x / 0 is infinite and fires, 0 / 0 is no number and poisons every average above it. A share of its own divisor, or a mean (`_sum` by `_count`), is left alone in front of `>`: both are zero at once.",
    check: Check::Expr(check),
    found: &[Example::Expr("rate(errors_total[5m]) / rate(requests_total[5m]) > 0.1")],
    fine: &[Example::Expr("rate(errors_total[5m]) / (rate(requests_total[5m]) > 0) > 0.1")],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| {
        if let Kind::Binary(one) = &part.kind {
            division(rule, one, above, report);
        }
    });
}

/// A rate can be zero: x / 0 is infinite, 0 / 0 is no number, and neither is what was meant.
fn division(rule: &Rule, one: &Binary, above: &[&Expr], report: &mut Report<'_>) {
    if one.op != BinaryOp::Div || is_scalar(&one.right) {
        return;
    }
    let mut rates = false;
    one.right.walk(&mut |part, _| {
        rates |= function(part).is_some_and(|name| ["rate", "irate", "increase"].contains(&name));
    });
    let floor = function(one.right.bare()) == Some("clamp_min");
    let guarded = conditional(&one.right)
        || floor
        || (rule.alerts && never_infinite(one, above))
        || above.iter().any(
            |parent| matches!(&parent.kind, Kind::Binary(one) if one.op == BinaryOp::And && conditional(&one.right)),
        );
    if rates && !guarded {
        let message = "the divisor is a rate that is zero when nothing happens".to_owned();
        report.at(LINT.id, Level::Warning, &rule.expr, message, "divide by (... > 0)");
    }
}

/// Whether a division in front of `>` or `>=` is a share of its own divisor, or a mean (`_sum` by `_count`): both are
/// zero at once, and what is no number is above no limit.
fn never_infinite(one: &Binary, above: &[&Expr]) -> bool {
    let parent = above.iter().rev().find(|parent| !matches!(parent.kind, Kind::Paren(_)));
    let above_a_limit = matches!(parent.map(|parent| &parent.kind), Some(Kind::Binary(parent))
        if matches!(parent.op, BinaryOp::Greater | BinaryOp::GreaterOrEqual)
            && constant(&parent.right).is_some()
            && matches!(&parent.left.bare().kind, Kind::Binary(left) if std::ptr::eq(&raw const **left, one)));
    let (upper, lower) = (one.left.selectors(), one.right.selectors());
    let ([upper], [lower]) = (upper.as_slice(), lower.as_slice()) else { return false };
    let (Some(numerator), Some(divisor)) = (upper.metric(), lower.metric()) else { return false };
    let mean = numerator.strip_suffix("_sum").is_some_and(|stem| divisor.strip_suffix("_count") == Some(stem));
    let has: BTreeSet<String> = matchers(upper).map(ToString::to_string).collect();
    above_a_limit && (mean || numerator == divisor) && matchers(lower).all(|matcher| has.contains(&matcher.to_string()))
}
