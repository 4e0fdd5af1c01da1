//! Questions to a PromQL expression: its parts, its selectors, the labels of its result, whether it is a condition.

use super::known::{Known, OF_TARGETS};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::TokenType;
use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier, Offset, VectorMatchCardinality, VectorSelector};
use std::collections::BTreeSet;

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

/// What is known of the labels of a result.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Those that it can have; any when nothing.
    pub possible: Option<BTreeSet<String>>,
    /// Those that it surely has not.
    pub gone: BTreeSet<String>,
    /// Those that it surely has.
    pub certain: BTreeSet<String>,
}

impl Labels {
    fn none() -> Self {
        Self { possible: Some(BTreeSet::new()), ..Self::default() }
    }

    fn only(mut self, names: &BTreeSet<String>) -> Self {
        let possible = self.possible.unwrap_or_else(|| names.clone());
        let gone = &self.gone;
        self.possible =
            Some(possible.into_iter().filter(|name| names.contains(name) && !gone.contains(name)).collect());
        self.certain.retain(|name| names.contains(name));
        self
    }

    fn without(mut self, names: &BTreeSet<String>) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.retain(|name| !names.contains(name));
        }
        self.certain.retain(|name| !names.contains(name));
        self.gone.extend(names.iter().cloned());
        self
    }

    fn with(mut self, name: &str) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.insert(name.to_owned());
        }
        self.gone.remove(name);
        self
    }

    /// Either of two.
    fn or(self, other: Self) -> Self {
        Self {
            possible: self.possible.zip(other.possible).map(|(a, b)| &a | &b),
            gone: &self.gone & &other.gone,
            certain: &self.certain & &other.certain,
        }
    }

    /// Whether a result may have the label.
    pub fn may_have(&self, name: &str) -> bool {
        !self.gone.contains(name) && self.possible.as_ref().is_none_or(|possible| possible.contains(name))
    }
}

/// A set of names.
pub fn set(names: &promql_parser::label::Labels) -> BTreeSet<String> {
    names.labels.iter().cloned().collect()
}

/// The labels of an expression's result.
pub fn labels(expr: &Expr, known: &Known) -> Labels {
    match expr {
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) => {
            selector(expr).map(|one| of_selector(one, known)).unwrap_or_default()
        }
        Expr::Paren(one) => labels(&one.expr, known),
        Expr::Unary(one) => labels(&one.expr, known),
        Expr::Subquery(one) => labels(&one.expr, known),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::none(),
        Expr::Aggregate(one) => {
            let inner = labels(&one.expr, known);
            let keeps = ["topk", "bottomk", "limitk", "limit_ratio"].contains(&one.op.to_string().as_str());
            match &one.modifier {
                _ if keeps => inner,
                Some(LabelModifier::Include(names)) => inner.only(&set(names)),
                Some(LabelModifier::Exclude(names)) => inner.without(&set(names)),
                None => inner.only(&BTreeSet::new()),
            }
        }
        Expr::Call(call) => of_call(call, known),
        Expr::Binary(one) => of_binary(one, known),
        Expr::Extension(_) => Labels::default(),
    }
}

fn of_selector(selector: &VectorSelector, known: &Known) -> Labels {
    let mut labels = Labels::default();
    let text = |matcher: &&Matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty();
    labels.certain.extend(selector.matchers.matchers.iter().filter(text).map(|matcher| matcher.name.clone()));
    labels
        .gone
        .extend(matchers(selector).filter(|m| m.op == MatchOp::Equal && m.value.is_empty()).map(|m| m.name.clone()));
    labels.certain.remove("__name__");
    if let Some(fact) = metric(selector).and_then(|name| known.get(name)) {
        labels.certain.extend(fact.labels.iter().cloned());
        let others = OF_TARGETS.into_iter().map(ToOwned::to_owned);
        // External labels and relabelling may add more: what is possible stays open unless the metric is ours.
        if metric(selector).is_some_and(|name| name.starts_with("checklist_")) {
            let matched = matchers(selector).map(|matcher| matcher.name.clone());
            labels.possible = Some(fact.labels.iter().cloned().chain(others).chain(matched).collect());
        }
    }
    labels
}

fn of_call(call: &Call, known: &Known) -> Labels {
    let argument = |at: usize| call.args.args.get(at).map(|arg| labels(arg, known)).unwrap_or_default();
    let text = |at: usize| match call.args.args.get(at).map(|arg| bare(arg)) {
        Some(Expr::StringLiteral(one)) => one.val.clone(),
        _ => String::new(),
    };
    match call.func.name {
        "time" | "vector" | "pi" | "scalar" => Labels::none(),
        "absent" | "absent_over_time" => {
            let certain =
                call.args.args.first().and_then(|arg| selector(arg)).map(|one| of_selector(one, &Known::default()));
            let certain = certain.map(|labels| labels.certain).unwrap_or_default();
            Labels { possible: Some(certain.clone()), certain, gone: BTreeSet::new() }
        }
        "label_replace" | "label_join" => argument(0).with(&text(1)),
        "histogram_quantile" | "histogram_fraction" => {
            let inner = argument(call.args.args.len().saturating_sub(1));
            inner.without(&BTreeSet::from(["le".to_owned()]))
        }
        "quantile_over_time" | "predict_linear" => argument(usize::from(call.func.name == "quantile_over_time")),
        _ if call.args.args.is_empty() => Labels::none(),
        _ => argument(0),
    }
}

fn of_binary(one: &BinaryExpr, known: &Known) -> Labels {
    let (left, right) = (labels(&one.lhs, known), labels(&one.rhs, known));
    match one.op.to_string().as_str() {
        "or" => return left.or(right),
        "and" | "unless" => return left,
        _ => {}
    }
    if is_scalar(&one.lhs) {
        return right;
    }
    if is_scalar(&one.rhs) {
        return left;
    }
    let (card, matching) = match &one.modifier {
        Some(modifier) => (Some(&modifier.card), modifier.matching.as_ref()),
        None => (None, None),
    };
    match (card, matching) {
        (Some(VectorMatchCardinality::ManyToOne(include)), _) => {
            set(include).iter().fold(left, |all, name| all.with(name))
        }
        (Some(VectorMatchCardinality::OneToMany(include)), _) => {
            set(include).iter().fold(right, |all, name| all.with(name))
        }
        (_, Some(LabelModifier::Include(on))) => left.only(&set(on)),
        (_, Some(LabelModifier::Exclude(ignored))) => left.without(&set(ignored)),
        _ => left,
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
