//! RG015: selectors and binary operations that cannot match any series.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{is_scalar, matchers, whole};
use crate::lint::labels::{labels, set};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, BinaryOp, Expr, Kind, MatchOp, Selector};
use std::collections::BTreeSet;

pub(super) static LINT: Lint = Lint {
    id: "RG015",
    title: "operands or matchers that never match",
    level: Level::Error,
    text: r#"Series of two vectors are matched by their labels. If one side has a label that the other cannot have, or if the two sides select different values of a matched label (`foo{a="x"} / foo{a="y"}`), no series match and the result is always empty. `up` always has `job` and `instance`."#,
    check: Check::Expr(check),
    found: &[
        Example::Expr("queue_length{job=\"a\", job!~\"a|b\"} > 5"),
        Example::Expr("connections{state=\"used\"} + connections{state=\"free\"} > 5"),
        Example::Expr(r#"queue_length{job="worker"} unless sum(queue_length) > 5"#),
    ],
    fine: &[Example::Expr(r#"queue_length{job="worker"} unless on () sum(queue_length) > 5"#)],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, _| match &part.kind {
        Kind::Binary(one) => matching(rule, one, context, report),
        Kind::Selector(one) => contradiction(rule, one, report),
        _ => {}
    });
}

/// Reports matchers of one label that no value satisfies.
fn contradiction(rule: &Rule, one: &Selector, report: &mut Report<'_>) {
    for fixed in matchers(one).filter(|matcher| matcher.op == MatchOp::Equal) {
        let label = fixed.name.text.as_str();
        let others = matchers(one).filter(|other| other.name.text == label && other.span != fixed.span);
        let mut refuses = others.filter(|other| match other.op {
            MatchOp::Equal => other.value != fixed.value && other.span.start < fixed.span.start,
            MatchOp::NotEqual => other.value == fixed.value,
            MatchOp::Regex => whole(&other.value).is_some_and(|pattern| !pattern.is_match(&fixed.value)),
            MatchOp::NotRegex => whole(&other.value).is_some_and(|pattern| pattern.is_match(&fixed.value)),
        });
        if let Some(other) = refuses.next() {
            let message = format!("no value of the label {label} satisfies both {fixed} and {other}");
            report.part(
                LINT.id,
                Level::Error,
                &rule.expr,
                fixed.span,
                message,
                "remove one of the matchers, or use =~ with alternatives",
            );
        }
    }
}

fn matching(rule: &Rule, one: &Binary, context: &Context<'_>, report: &mut Report<'_>) {
    if is_scalar(&one.left) || is_scalar(&one.right) || one.op == BinaryOp::Or {
        return;
    }
    let known = &context.options.known;
    let (left, right) = (labels(&one.left, known), labels(&one.right, known));
    let (on, ignored) = match &one.matching {
        Some(matching) if matching.on => (Some(set(&matching.labels)), BTreeSet::new()),
        Some(matching) => (None, set(&matching.labels)),
        None => (None, BTreeSet::new()),
    };
    let counts = |name: &&&str| on.as_ref().map_or(!ignored.contains(**name), |on| on.contains(**name));
    let grouped = one.matching.as_ref().is_some_and(|matching| matching.group.is_some());
    let (left_by, right_by) = (by(&one.left), by(&one.right));
    for (has, lacks, side, level) in [
        (&left.certain, &right, "right", Level::Error),
        (&right.certain, &left, "left", Level::Error),
        (&left_by, &right, "right", Level::Warning),
        (&right_by, &left, "left", Level::Warning),
    ] {
        if let Some(name) = has.iter().filter(counts).find(|name| !lacks.may_have(name)) {
            let message = format!("the {side} side of {} has no label {name}: the sides never match", one.op);
            report.at(
                LINT.id,
                level,
                &rule.expr,
                message,
                "use on (...) or ignoring (...), or keep the label on both sides",
            );
            return;
        }
    }
    let differs =
        |(name, value): &(&&str, &&str)| counts(name) && right.fixed.get(*name).is_some_and(|other| other != *value);
    if let Some((name, value)) = left.fixed.iter().find(differs) {
        let other = right.fixed.get(name).copied().unwrap_or_default();
        let message = format!(
            "the left side of {} has {name}={value:?}, the right side {name}={other:?}: the sides never match",
            one.op
        );
        report.at(LINT.id, Level::Error, &rule.expr, message, "use on (...) or ignoring (...)");
        return;
    }
    if let (Some(on), false, false) = (&on, grouped, one.op.is_set()) {
        for (side, labels) in [("left", &left), ("right", &right)] {
            let more = labels.certain.iter().find(|name| !on.contains(*name));
            let exact = labels.possible.as_ref().is_some_and(|possible| !possible.is_subset(on));
            if let (Some(name), true) = (more, exact && aggregated(if side == "left" { &one.left } else { &one.right }))
            {
                let message = format!("several series of the {side} side can match, because {name} is not in on (...)");
                report.at(
                    LINT.id,
                    Level::Warning,
                    &rule.expr,
                    message,
                    "use group_left or group_right, or aggregate the label away",
                );
            }
        }
    }
}

/// The labels that an expression is aggregated by.
fn by(expr: &Expr) -> BTreeSet<&str> {
    match &expr.bare().kind {
        Kind::Aggregation(one) => {
            let grouping = one.grouping.as_ref().filter(|grouping| !grouping.without);
            let limits = ["topk", "bottomk", "limitk", "limit_ratio"].contains(&one.op.text.as_str());
            grouping.filter(|_| !limits).map(|grouping| set(&grouping.labels)).unwrap_or_default()
        }
        // Operations with a number do not change labels.
        Kind::Binary(binary) if is_scalar(&binary.right) => by(&binary.left),
        Kind::Binary(binary) if is_scalar(&binary.left) => by(&binary.right),
        _ => BTreeSet::new(),
    }
}

fn aggregated(expr: &Expr) -> bool {
    matches!(expr.bare().kind, Kind::Aggregation(_))
}
