//! PromQL as text that means the same when it is the same, and what a backtest asks of an expression.

pub mod duration;
pub mod expression;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_NEQ};
use promql_parser::parser::{BinaryExpr, Expr, LabelModifier, VectorMatchCardinality, VectorSelector};
use std::collections::BTreeSet;

/// The expression in one way of writing: labels and matchers in order, no needless parentheses, durations and
/// numbers by value. `without` names a matcher that an operator adds to every selector. What does not parse stays as
/// it is, but for white space.
pub fn normalised(expr: &str, without: Option<(&str, &str)>) -> String {
    match expression::parse(expr) {
        Ok(mut parsed) => {
            rewrite(&mut parsed, without);
            peel(&mut parsed);
            parsed.to_string()
        }
        Err(_) => expr.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn rewrite(expr: &mut Expr, without: Option<(&str, &str)>) {
    match expr {
        Expr::Aggregate(aggregate) => {
            if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) = &mut aggregate.modifier {
                labels.labels.sort();
            }
            rewrite_inside(&mut aggregate.expr, without);
            if let Some(parameter) = &mut aggregate.param {
                rewrite_inside(parameter, without);
            }
        }
        Expr::Unary(unary) => rewrite(&mut unary.expr, without),
        Expr::Binary(binary) => {
            if let Some(modifier) = &mut binary.modifier {
                if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) = &mut modifier.matching {
                    labels.labels.sort();
                }
                if let VectorMatchCardinality::ManyToOne(labels) | VectorMatchCardinality::OneToMany(labels) =
                    &mut modifier.card
                {
                    labels.labels.sort();
                }
            }
            for side in [&mut binary.lhs, &mut binary.rhs] {
                rewrite(side, without);
                // Around anything but an operator parentheses say nothing.
                if let Expr::Paren(inner) = &**side
                    && !matches!(&*inner.expr, Expr::Binary(_) | Expr::Unary(_) | Expr::NumberLiteral(_))
                {
                    **side = (*inner.expr).clone();
                }
            }
        }
        Expr::Paren(paren) => rewrite_inside(&mut paren.expr, without),
        Expr::Subquery(subquery) => rewrite(&mut subquery.expr, without),
        Expr::VectorSelector(selector) => sort(selector, without),
        Expr::MatrixSelector(matrix) => sort(&mut matrix.vs, without),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|argument| rewrite_inside(argument, without)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// A place that has its own delimiters: parentheses around the whole say nothing.
fn rewrite_inside(expr: &mut Box<Expr>, without: Option<(&str, &str)>) {
    rewrite(expr, without);
    peel(expr);
}

fn peel(expr: &mut Expr) {
    while let Expr::Paren(paren) = expr {
        *expr = (*paren.expr).clone();
    }
}

fn sort(selector: &mut VectorSelector, without: Option<(&str, &str)>) {
    let given = |matcher: &Matcher| {
        without.is_some_and(|(name, value)| {
            matcher.name == name && matcher.value == value && matches!(matcher.op, MatchOp::Equal)
        })
    };
    let own = &mut selector.matchers;
    own.matchers.retain(|matcher| !given(matcher));
    own.matchers.sort_by_key(ToString::to_string);
    own.matchers.dedup();
    for alternative in &mut own.or_matchers {
        alternative.retain(|matcher| !given(matcher));
        alternative.sort_by_key(ToString::to_string);
    }
}

/// `<`, `>`, `==` and the like between an expression and a number.
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
    /// Whether it holds.
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

    /// As PromQL writes it.
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

    /// Whether a smaller limit makes it hold more often; nothing for equality.
    pub const fn smaller_is_more_sensitive(self) -> Option<bool> {
        match self {
            Self::Equal | Self::NotEqual => None,
            Self::Less | Self::AtMost => Some(false),
            Self::Greater | Self::AtLeast => Some(true),
        }
    }
}

/// An expression of the form `lhs op number`, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is compared.
    pub lhs: String,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub limit: f64,
}

/// Takes `lhs op number` (or `number op lhs`) apart; nothing when the expression is of another form.
pub fn judged(expr: &str) -> Option<Judged> {
    let mut parsed = expression::parse(expr).ok()?;
    peel(&mut parsed);
    let Expr::Binary(BinaryExpr { op, lhs, rhs, modifier }) = parsed else { return None };
    if modifier.is_some_and(|modifier| modifier.return_bool) {
        return None;
    }
    let comparison = |turned: bool| match (op.id(), turned) {
        (T_EQLC, _) => Some(Comparison::Equal),
        (T_NEQ, _) => Some(Comparison::NotEqual),
        (T_LSS, false) | (T_GTR, true) => Some(Comparison::Less),
        (T_LTE, false) | (T_GTE, true) => Some(Comparison::AtMost),
        (T_GTR, false) | (T_LSS, true) => Some(Comparison::Greater),
        (T_GTE, false) | (T_LTE, true) => Some(Comparison::AtLeast),
        _ => None,
    };
    match (number(&lhs), number(&rhs)) {
        (None, Some(limit)) => Some(Judged { lhs: bare(*lhs), comparison: comparison(false)?, limit }),
        (Some(limit), None) => Some(Judged { lhs: bare(*rhs), comparison: comparison(true)?, limit }),
        _ => None,
    }
}

fn bare(mut expr: Expr) -> String {
    peel(&mut expr);
    expr.to_string()
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(literal) => Some(literal.val),
        Expr::Paren(paren) => number(&paren.expr),
        Expr::Unary(unary) => number(&unary.expr).map(|value| -value),
        _ => None,
    }
}

/// The selectors of an expression, without their ranges and offsets, each once; nothing when it does not parse.
pub fn selectors(expr: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Ok(parsed) = expression::parse(expr) {
        collect(&parsed, &mut found);
    }
    found
}

fn collect(expr: &Expr, found: &mut BTreeSet<String>) {
    let mut add = |selector: &VectorSelector| {
        let plain = VectorSelector { offset: None, at: None, ..selector.clone() };
        found.insert(plain.to_string());
    };
    match expr {
        Expr::VectorSelector(selector) => add(selector),
        Expr::MatrixSelector(matrix) => add(&matrix.vs),
        Expr::Aggregate(aggregate) => {
            collect(&aggregate.expr, found);
            if let Some(parameter) = &aggregate.param {
                collect(parameter, found);
            }
        }
        Expr::Unary(unary) => collect(&unary.expr, found),
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Paren(paren) => collect(&paren.expr, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, found),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_meaning_is_the_same_text() {
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
        let of = |expr: &str| judged(expr).map(|judged| (judged.lhs, judged.comparison.as_str(), judged.limit));
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
