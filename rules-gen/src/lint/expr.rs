//! Questions to a PromQL expression: its selectors' labels, whether it is a condition, how far back it looks.

use promql::{Binary, BinaryOp, Construct, Duration, Expr, Kind, Matcher, Modifiers, Selector, Sign, Type};

/// The matchers of a selector beside its name.
pub fn matchers(selector: &Selector) -> impl Iterator<Item = &Matcher> {
    selector.matchers.iter().filter(|matcher| matcher.name.text != "__name__")
}

/// Whether a pattern matches itself and nothing else.
pub fn is_plain_text(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
}

/// The value of a constant expression.
pub fn constant(expr: &Expr) -> Option<f64> {
    match &expr.bare().kind {
        Kind::Number(number) => Some(number.value),
        Kind::Unary(Sign::Minus, inner) => constant(inner).map(|value| -value),
        Kind::Unary(Sign::Plus, inner) => constant(inner),
        Kind::Binary(one) => {
            let (a, b) = (constant(&one.left)?, constant(&one.right)?);
            match one.op {
                BinaryOp::Add => Some(a + b),
                BinaryOp::Sub => Some(a - b),
                BinaryOp::Mul => Some(a * b),
                BinaryOp::Div => Some(a / b),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A comparison that filters: without `bool`.
pub fn filter(expr: &Expr) -> Option<&Binary> {
    match &expr.kind {
        Kind::Binary(one) if one.op.compares() && !one.returns_bool => Some(one),
        _ => None,
    }
}

/// Whether the expression can give nothing although its metrics are there.
pub fn conditional(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Call(call) if call.function.text.starts_with("absent") => true,
        Kind::Binary(one) => match one.op {
            BinaryOp::Or => conditional(&one.left) && conditional(&one.right),
            BinaryOp::Unless => true,
            _ => filter(expr).is_some() || conditional(&one.left) || conditional(&one.right),
        },
        _ => expr.children().into_iter().any(conditional),
    }
}

/// Seconds before now that a selector's offset reaches; 0 when the query or a variable says.
pub fn offset(modifiers: &Modifiers) -> f64 {
    modifiers.offset.as_ref().and_then(Duration::seconds).unwrap_or_default()
}

/// How far into the past an expression looks, in seconds.
pub fn reach(expr: &Expr) -> f64 {
    let length = |range: Option<&Duration>| range.and_then(Duration::seconds).unwrap_or_default();
    match &expr.kind {
        Kind::Selector(one) => length(one.range.as_ref()) + offset(&one.modifiers),
        Kind::Subquery(one) => length(Some(&one.range)) + offset(&one.modifiers) + reach(&one.expr),
        _ => expr.children().into_iter().map(reach).fold(0.0, f64::max),
    }
}

/// Whether the expression gives a number without labels.
pub fn is_scalar(expr: &Expr) -> bool {
    expr.result() == Type::Scalar
}

/// The name of the function, when the expression is a call.
pub fn function(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        Kind::Call(call) => Some(&call.function.text),
        _ => None,
    }
}

/// What a construct is called: `start()`, `offset`.
pub fn construct(construct: &Construct) -> String {
    match construct.signature() {
        Some(_) => format!("{}()", construct.name),
        None => construct.name.to_owned(),
    }
}

/// A comparison of a metric that is 1 while all is well and 0 otherwise.
#[derive(Debug)]
pub struct Health<'a> {
    /// The metric.
    pub metric: &'a str,
    /// Whether the comparison holds while all is well.
    pub holds_well: bool,
    /// Whether it holds when it is not.
    pub holds_ill: bool,
}

/// A comparison of such a metric with a number, if it is one.
#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
pub fn health(one: &Binary) -> Option<Health<'_>> {
    let mut side = one.left.bare();
    while let Kind::Aggregation(inner) = &side.kind {
        if !["max", "min", "avg"].contains(&inner.op.text.as_str()) {
            return None;
        }
        side = inner.expr.bare();
    }
    let metric = side.selector().and_then(Selector::metric)?;
    let healthy = metric == "up"
        || ["_up", "_success", "_successful", "_healthy", "_passed"].iter().any(|ending| metric.ends_with(ending));
    let limit = constant(&one.right).filter(|_| healthy)?;
    // Of other names with these endings some count: `brokers_up`.
    if !["up", "probe_success"].contains(&metric) && ![0.0, 1.0].contains(&limit) {
        return None;
    }
    let holds = |value: f64| match one.op {
        BinaryOp::Equal => value == limit,
        BinaryOp::NotEqual => value != limit,
        BinaryOp::Greater => value > limit,
        BinaryOp::GreaterOrEqual => value >= limit,
        BinaryOp::Less => value < limit,
        _ => value <= limit,
    };
    Some(Health { metric, holds_well: holds(1.0), holds_ill: holds(0.0) })
}
