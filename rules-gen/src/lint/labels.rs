//! The labels that an expression's result has, may have and cannot have.

use super::expr::{bare, is_scalar, matchers, metric, selector};
use super::known::{Known, OF_TARGETS};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector};
use std::collections::{BTreeMap, BTreeSet};

/// What Prometheus makes of every scrape itself, with the labels of the target whatever a relabelling of metrics does.
const OF_SCRAPES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// What is known of the labels of a result.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Those that it can have; any when nothing.
    pub possible: Option<BTreeSet<String>>,
    /// Those that it surely has not.
    pub gone: BTreeSet<String>,
    /// Those that it surely has.
    pub certain: BTreeSet<String>,
    /// Those of which it has one value only.
    pub fixed: BTreeMap<String, String>,
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
        self.fixed.retain(|name, _| names.contains(name));
        self
    }

    fn without(mut self, names: &BTreeSet<String>) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.retain(|name| !names.contains(name));
        }
        self.certain.retain(|name| !names.contains(name));
        self.fixed.retain(|name, _| !names.contains(name));
        self.gone.extend(names.iter().cloned());
        self
    }

    fn with(mut self, name: &str) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.insert(name.to_owned());
        }
        self.gone.remove(name);
        self.fixed.remove(name);
        self
    }

    /// Either of two.
    fn or(self, other: Self) -> Self {
        Self {
            possible: self.possible.zip(other.possible).map(|(a, b)| &a | &b),
            gone: &self.gone & &other.gone,
            certain: &self.certain & &other.certain,
            fixed: self.fixed.into_iter().filter(|(name, value)| other.fixed.get(name) == Some(value)).collect(),
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
            let op = one.op.to_string();
            if ["topk", "bottomk", "limitk", "limit_ratio"].contains(&op.as_str()) {
                return inner;
            }
            let kept = match &one.modifier {
                Some(LabelModifier::Include(names)) => inner.only(&set(names)),
                Some(LabelModifier::Exclude(names)) => inner.without(&set(names)),
                None => inner.only(&BTreeSet::new()),
            };
            // The values become a label of the given name.
            match &one.param {
                Some(name) if op == "count_values" => kept.with(text(name)),
                _ => kept,
            }
        }
        Expr::Call(call) => of_call(call, known),
        Expr::Binary(one) => of_binary(one, known),
        Expr::Extension(_) => Labels::default(),
    }
}

fn of_selector(selector: &VectorSelector, known: &Known) -> Labels {
    let mut labels = Labels::default();
    // Those of alternatives hold for some series only.
    let equal = selector.matchers.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
    for Matcher { name, value, .. } in equal.filter(|matcher| matcher.name != "__name__") {
        if value.is_empty() {
            labels.gone.insert(name.clone());
        } else {
            labels.certain.insert(name.clone());
            labels.fixed.insert(name.clone(), value.clone());
        }
    }
    if metric(selector).is_some_and(|name| OF_SCRAPES.contains(&name)) {
        labels
            .certain
            .extend(["job", "instance"].map(ToOwned::to_owned).into_iter().filter(|name| !labels.gone.contains(name)));
    }
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

fn text(expr: &Expr) -> &str {
    match bare(expr) {
        Expr::StringLiteral(one) => &one.val,
        _ => "",
    }
}

fn of_call(call: &Call, known: &Known) -> Labels {
    let argument = |at: usize| call.args.args.get(at).map(|arg| labels(arg, known)).unwrap_or_default();
    match call.func.name {
        "time" | "vector" | "pi" | "scalar" => Labels::none(),
        "absent" | "absent_over_time" => {
            let of = call.args.args.first().and_then(|arg| selector(arg));
            let fixed = of.map(|one| of_selector(one, &Known::default()).fixed).unwrap_or_default();
            let certain: BTreeSet<String> = fixed.keys().cloned().collect();
            Labels { possible: Some(certain.clone()), certain, gone: BTreeSet::new(), fixed }
        }
        "label_replace" | "label_join" => argument(0).with(call.args.args.get(1).map_or("", |arg| text(arg))),
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
