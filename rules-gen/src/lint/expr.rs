//! Helpers that answer questions about a PromQL expression.

use promql::{
    Aggregation, Binary, BinaryOp, Construct, Duration, Expr, Kind, Matcher, Modifiers, Selector, Sign, Type,
};
use regex::Regex;

/// Returns the matchers of a selector, except that of the metric's name.
pub fn matchers(selector: &Selector) -> impl Iterator<Item = &Matcher> {
    selector.matchers.iter().filter(|matcher| matcher.name.text != "__name__")
}

/// Whether a pattern matches only itself.
pub fn is_plain_text(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'])
}

/// Compiles a pattern that must match the whole value of a label, as Prometheus anchors it. `None` when it does not
/// compile.
pub fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?s:{pattern})$")).ok()
}

/// Returns the value of a constant expression. `None` when it is not constant.
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

/// Returns the comparison if it filters series, that is, without `bool`.
pub fn filter(expr: &Expr) -> Option<&Binary> {
    match &expr.kind {
        Kind::Binary(one) if one.op.compares() && !one.returns_bool => Some(one),
        _ => None,
    }
}

/// Whether the expression can return nothing even if its metrics exist.
pub fn conditional(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Call(call) if call.function.text.starts_with("absent") => true,
        Kind::Binary(one) => match one.op {
            BinaryOp::Or => conditional(&one.left) && conditional(&one.right),
            BinaryOp::Unless => true,
            _ => filter(expr).is_some() || conditional(&one.left) || conditional(&one.right),
        },
        _ => expr.children().any(conditional),
    }
}

/// Returns the seconds of a selector's offset. 0 when the offset is a variable or an expression.
pub fn offset(modifiers: &Modifiers) -> f64 {
    modifiers.offset.as_ref().and_then(Duration::seconds).unwrap_or_default()
}

/// Returns how many seconds into the past an expression reads.
pub fn reach(expr: &Expr) -> f64 {
    let length = |range: Option<&Duration>| range.and_then(Duration::seconds).unwrap_or_default();
    match &expr.kind {
        Kind::Selector(one) => length(one.range.as_ref()) + offset(&one.modifiers),
        Kind::Subquery(one) => length(Some(&one.range)) + offset(&one.modifiers) + reach(&one.expr),
        _ => expr.children().map(reach).fold(0.0, f64::max),
    }
}

/// Whether the expression returns a scalar.
pub fn is_scalar(expr: &Expr) -> bool {
    expr.result() == Type::Scalar
}

/// Returns the name of the function if the expression is a call.
pub fn function(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        Kind::Call(call) => Some(&call.function.text),
        _ => None,
    }
}

/// Whether an aggregation returns a number of series or a deviation of their values, and not a value of the metric or a
/// sum of values.
pub fn leaves_the_values(aggregation: &Aggregation) -> bool {
    ["count", "count_values", "group", "stddev", "stdvar"].contains(&aggregation.op.text.as_str())
}

/// Returns the name of a construct for messages: `start()`, `offset`.
pub fn construct(construct: &Construct) -> String {
    match construct.signature() {
        Some(_) => format!("{}()", construct.name),
        None => construct.name.to_owned(),
    }
}

/// A comparison of a metric that is 1 when something is healthy and 0 otherwise.
#[derive(Debug)]
pub struct Health<'a> {
    pub metric: &'a str,
    /// Whether the comparison is true when the metric is 1.
    pub true_while_healthy: bool,
    /// Whether the comparison is true when the metric is 0.
    pub true_while_unhealthy: bool,
    /// Whether Prometheus or the blackbox exporter writes the metric; otherwise only its name says what it means.
    pub certain: bool,
}

/// Endings of metrics that are 1 while something works.
const HEALTHY: [&str; 5] = ["up", "success", "successful", "healthy", "passed"];
/// Words before such an ending that give it another meaning: `not_up`, `scale_up`, `seconds_passed`.
const OTHER_MEANING: [&str; 33] = [
    "back", "catch", "clean", "clear", "cold", "days", "follow", "hours", "last", "lock", "look", "minutes", "never",
    "no", "non", "not", "ramp", "roll", "scale", "scaled", "scaling", "seconds", "set", "since", "speed", "spin",
    "start", "time", "un", "wake", "warm", "wind", "without",
];

/// Whether a metric with this name is 1 while something works, and 0 otherwise.
fn is_health(metric: &str) -> bool {
    let mut words = metric.rsplit(['_', ':']);
    let ending = words.next().is_some_and(|word| HEALTHY.contains(&word));
    ending && words.next().is_some_and(|word| !OTHER_MEANING.contains(&word))
}

/// Returns the comparison of a health metric with a number. `None` for other comparisons.
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
    let certain = ["up", "probe_success"].contains(&metric);
    let limit = constant(&one.right).filter(|_| certain || is_health(metric))?;
    // Some metrics with these endings count, such as `brokers_up`. They are compared with other numbers.
    if !certain && ![0.0, 1.0].contains(&limit) {
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
    Some(Health { metric, true_while_healthy: holds(1.0), true_while_unhealthy: holds(0.0), certain })
}
