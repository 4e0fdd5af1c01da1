//! Questions to a PromQL expression: its parts, its selectors, whether it is a condition.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::TokenType;
use promql_parser::parser::{BinaryExpr, Expr, Offset, VectorSelector};

/// The operands of an expression.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(one) => one.param.iter().map(|param| &**param).chain([&*one.expr]).collect(),
        Expr::Unary(one) => vec![&one.expr],
        Expr::Binary(one) => vec![&one.lhs, &one.rhs],
        Expr::Paren(one) => vec![&one.expr],
        Expr::Subquery(one) => vec![&one.expr],
        Expr::Call(one) => one.args.args.iter().map(|arg| &**arg).collect(),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::MatrixSelector(_) => {
            Vec::new()
        }
        Expr::Extension(one) => one.expr.children().iter().collect(),
    }
}

/// Every part of an expression with what it stands in, the nearest last.
pub fn walk<'a>(expr: &'a Expr, above: &mut Vec<&'a Expr>, visit: &mut dyn FnMut(&'a Expr, &[&'a Expr])) {
    visit(expr, above);
    above.push(expr);
    for child in children(expr) {
        walk(child, above, visit);
    }
    above.pop();
}

/// An expression without its brackets.
pub fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(one) => bare(&one.expr),
        other => other,
    }
}

/// The selector of an instant or range vector.
pub fn selector(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::VectorSelector(one) => Some(one),
        Expr::MatrixSelector(one) => Some(&one.vs),
        _ => None,
    }
}

/// Every selector of an expression.
pub fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut found = Vec::new();
    walk(expr, &mut Vec::new(), &mut |part, _| found.extend(selector(part)));
    found
}

/// The metric of a selector, however it is written.
pub fn metric(selector: &VectorSelector) -> Option<&str> {
    let by_label = selector.matchers.matchers.iter().find(|m| m.name == "__name__" && m.op == MatchOp::Equal);
    selector.name.as_deref().or(by_label.map(|matcher| matcher.value.as_str()))
}

/// The matchers of a selector beside its name, of every alternative.
pub fn matchers(selector: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    let all = selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
    all.filter(|matcher| matcher.name != "__name__")
}

/// The value of a constant expression.
pub fn constant(expr: &Expr) -> Option<f64> {
    match bare(expr) {
        Expr::NumberLiteral(one) => Some(one.val),
        Expr::Unary(one) => constant(&one.expr).map(|value| -value),
        Expr::Binary(one) => {
            let (a, b) = (constant(&one.lhs)?, constant(&one.rhs)?);
            match one.op.to_string().as_str() {
                "+" => Some(a + b),
                "-" => Some(a - b),
                "*" => Some(a * b),
                "/" => Some(a / b),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an operator compares.
pub fn compares(op: TokenType) -> bool {
    op.is_comparison_operator()
}

/// A comparison that filters: without `bool`.
pub fn filter(expr: &Expr) -> Option<&BinaryExpr> {
    match expr {
        Expr::Binary(one) if compares(one.op) && !one.modifier.as_ref().is_some_and(|m| m.return_bool) => Some(one),
        _ => None,
    }
}

/// Whether the expression can give nothing although its metrics are there.
pub fn conditional(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) if call.func.name.starts_with("absent") => true,
        Expr::Binary(one) if one.op.is_set_operator() => match one.op.to_string().as_str() {
            "or" => conditional(&one.lhs) && conditional(&one.rhs),
            "unless" => true,
            _ => conditional(&one.lhs) || conditional(&one.rhs),
        },
        Expr::Binary(_) if filter(expr).is_some() => true,
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => false,
        other => children(other).into_iter().any(conditional),
    }
}

/// Seconds before now: how far back a selector's offset reaches.
pub fn offset(offset: Option<&Offset>) -> f64 {
    match offset {
        Some(Offset::Pos(duration)) => duration.as_secs_f64(),
        Some(Offset::Neg(duration)) => -duration.as_secs_f64(),
        None => 0.0,
    }
}

/// How far into the past an expression looks, in seconds.
pub fn reach(expr: &Expr) -> f64 {
    match expr {
        Expr::VectorSelector(one) => offset(one.offset.as_ref()),
        Expr::MatrixSelector(one) => one.range.as_secs_f64() + offset(one.vs.offset.as_ref()),
        Expr::Subquery(one) => one.range.as_secs_f64() + offset(one.offset.as_ref()) + reach(&one.expr),
        other => children(other).into_iter().map(reach).fold(0.0, f64::max),
    }
}

/// Whether the expression gives a number without labels.
pub fn is_scalar(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::NumberLiteral(_) => true,
        Expr::Call(call) => ["time", "scalar", "pi"].contains(&call.func.name),
        Expr::Binary(one) => is_scalar(&one.lhs) && is_scalar(&one.rhs),
        Expr::Unary(one) => is_scalar(&one.expr),
        _ => false,
    }
}
