//! Compares PromQL expressions by meaning, and splits comparisons for a backtest.

pub mod duration;

use promql::{BinaryOp, Error, Expr, Kind, MatchOp, Matcher, Modifiers, Name, Selector, Sign, parse};
use std::collections::BTreeSet;

/// Returns the first mistake of an expression with its line and column, and the number of further mistakes.
pub fn mistakes(errors: &[Error], expr: &str) -> String {
    let Some(first) = errors.first() else { return String::new() };
    let (line, column) = first.span.line_and_column(expr);
    let others = match errors.len() - 1 {
        0 => String::new(),
        1 => ", and one more error".to_owned(),
        count => format!(", and {count} more errors"),
    };
    format!("{line}:{column}: {first}{others}")
}

/// Returns an expression in a normal form, so that equal expressions give equal text: labels and matchers sorted,
/// needless parentheses removed, durations and numbers by value. `without` is a matcher that prometheus-operator adds
/// to every selector; it is removed. An expression that does not parse is returned with its white space normalised.
pub fn normalised(expr: &str, without: Option<(&str, &str)>) -> String {
    match parse(expr) {
        Ok(mut query) => {
            rewrite(&mut query.expr, without);
            peel(&mut query.expr);
            query.expr.to_string()
        }
        Err(_) => expr.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Normalises an expression in place.
fn rewrite(expr: &mut Expr, without: Option<(&str, &str)>) {
    let sort_names = |names: &mut Vec<Name>| names.sort_by(|a, b| a.text.cmp(&b.text));
    match &mut expr.kind {
        Kind::Aggregation(aggregation) => {
            if let Some(grouping) = &mut aggregation.grouping {
                sort_names(&mut grouping.labels);
            }
            rewrite_inside(&mut aggregation.expr, without);
            if let Some(parameter) = &mut aggregation.param {
                rewrite_inside(parameter, without);
            }
        }
        Kind::Unary(_, inner) => rewrite(inner, without),
        Kind::Binary(binary) => {
            if let Some(matching) = &mut binary.matching {
                sort_names(&mut matching.labels);
                if let Some(group) = &mut matching.group {
                    sort_names(&mut group.include);
                }
            }
            for side in [&mut binary.left, &mut binary.right] {
                rewrite(side, without);
                // Parentheses matter only around operators, and around a number with a sign.
                if let Kind::Paren(inner) = &side.kind
                    && !matches!(inner.kind, Kind::Binary(_) | Kind::Unary(..) | Kind::Number(_))
                {
                    *side = (**inner).clone();
                }
            }
        }
        Kind::Paren(inner) => rewrite_inside(inner, without),
        Kind::Subquery(subquery) => rewrite(&mut subquery.expr, without),
        Kind::Selector(selector) => sort(selector, without),
        Kind::Call(call) => call.args.iter_mut().for_each(|argument| rewrite_inside(argument, without)),
        Kind::Number(number) => number.duration = false,
        Kind::String(_) | Kind::Variable(_) => {}
    }
}

/// Normalises an expression that has delimiters of its own, such as an argument. Parentheses around the whole are
/// removed.
fn rewrite_inside(expr: &mut Expr, without: Option<(&str, &str)>) {
    rewrite(expr, without);
    peel(expr);
}

fn peel(expr: &mut Expr) {
    while let Kind::Paren(inner) = &expr.kind {
        *expr = (**inner).clone();
    }
}

fn sort(selector: &mut Selector, without: Option<(&str, &str)>) {
    let given = |matcher: &Matcher| {
        without.is_some_and(|(name, value)| {
            matcher.name.text == name && *matcher.value == *value && matcher.op == MatchOp::Equal
        })
    };
    selector.matchers.retain(|matcher| !given(matcher));
    selector.matchers.sort_by_key(ToString::to_string);
    selector.matchers.dedup();
}

/// The operator between an expression and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether `value op limit` is true.
    #[expect(clippy::float_cmp, reason = "what PromQL does")]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Greater => value > limit,
            Self::AtLeast => value >= limit,
        }
    }

    /// Returns the operator in PromQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether a smaller limit makes the comparison true more often. `None` for equality.
    pub const fn smaller_is_more_sensitive(self) -> Option<bool> {
        match self {
            Self::Equal | Self::NotEqual => None,
            Self::Less | Self::AtMost => Some(false),
            Self::Greater | Self::AtLeast => Some(true),
        }
    }
}

/// An expression of the form `lhs op number`, split into its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitComparison {
    /// The left side.
    pub lhs: String,
    pub comparison: Comparison,
    /// The number on the right side.
    pub limit: f64,
}

/// Splits `lhs op number` or `number op lhs`. `None` when the expression has another form.
pub fn limit_comparison(expr: &str) -> Option<LimitComparison> {
    let query = parse(expr).ok()?;
    let Kind::Binary(binary) = &query.expr.bare().kind else { return None };
    if binary.returns_bool {
        return None;
    }
    let comparison = |turned: bool| match (binary.op, turned) {
        (BinaryOp::Equal, _) => Some(Comparison::Equal),
        (BinaryOp::NotEqual, _) => Some(Comparison::NotEqual),
        (BinaryOp::Less, false) | (BinaryOp::Greater, true) => Some(Comparison::Less),
        (BinaryOp::LessOrEqual, false) | (BinaryOp::GreaterOrEqual, true) => Some(Comparison::AtMost),
        (BinaryOp::Greater, false) | (BinaryOp::Less, true) => Some(Comparison::Greater),
        (BinaryOp::GreaterOrEqual, false) | (BinaryOp::LessOrEqual, true) => Some(Comparison::AtLeast),
        _ => None,
    };
    let (left, right) = (&binary.left, &binary.right);
    match (constant(left), constant(right)) {
        (None, Some(limit)) => {
            Some(LimitComparison { lhs: left.bare().to_string(), comparison: comparison(false)?, limit })
        }
        (Some(limit), None) => {
            Some(LimitComparison { lhs: right.bare().to_string(), comparison: comparison(true)?, limit })
        }
        _ => None,
    }
}

fn constant(expr: &Expr) -> Option<f64> {
    match &expr.bare().kind {
        Kind::Number(number) => Some(number.value),
        Kind::Unary(Sign::Minus, inner) => constant(inner).map(|value| -value),
        Kind::Unary(Sign::Plus, inner) => constant(inner),
        _ => None,
    }
}

/// Returns the selectors of an expression without ranges and offsets, each once. Empty when it does not parse.
pub fn selectors(expr: &str) -> BTreeSet<String> {
    let Ok(query) = parse(expr) else { return BTreeSet::new() };
    let plain =
        |selector: &Selector| Selector { range: None, modifiers: Modifiers::default(), ..selector.clone() }.to_string();
    query.expr.selectors().into_iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_expressions_are_printed_identically() {
        for (one, other) in [
            ("sum by (b, a) (x{z=\"1\", y=~\"2\"})", "(sum(x{y=~\"2\",z=\"1\"}) by (a,b))"),
            ("rate(x[90m]) > 1000000", "rate((x[1h30m])) > 1e+06"),
            ("max without (pod, instance) (x) == 0", "(max without(instance, pod) (x)) == 0"),
            ("a + on (x, y) group_left (n, m) b", "a + on(y,x) group_left(m,n) b"),
        ] {
            assert_eq!(normalised(one, None), normalised(other, None));
        }
        assert_ne!(normalised("(a + b) * c", None), normalised("a + b * c", None));
        assert_ne!(normalised("-(a + b)", None), normalised("-a + b", None));
        assert_ne!(normalised("(2) ^ x", None), normalised("3 ^ x", None));
        let enforced = Some(("namespace", "prod"));
        assert_eq!(normalised("x{namespace=\"prod\", a=\"b\"} > 1", enforced), normalised("x{a=\"b\"} > 1", None));
    }

    #[test]
    fn a_comparison_with_a_number_is_taken_apart() {
        let of = |expr: &str| limit_comparison(expr).map(|one| (one.lhs, one.comparison.as_str(), one.limit));
        assert_eq!(of("(max(x) > -1.5)"), Some(("max(x)".to_owned(), ">", -1.5)));
        assert_eq!(of("3 > (x + y)"), Some(("x + y".to_owned(), "<", 3.0)));
        assert_eq!(of("x > 1 and y"), None);
        assert_eq!(of("x > bool 1"), None);
        assert_eq!(of("x > y"), None);
    }

    #[test]
    fn selectors_are_found_everywhere() {
        let found =
            selectors("rate(a{x=\"1\"}[5m] offset 1d) / on () max_over_time((b + c)[1h:1m]) > quantile(0.9, d)");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a{x=\"1\"}", "b", "c", "d"]);
    }
}
