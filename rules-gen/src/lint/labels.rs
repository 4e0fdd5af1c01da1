//! Computes the labels that the result of an expression has, may have and cannot have.

use super::expr::{is_scalar, matchers};
use super::metric_facts::{MetricFacts, OF_SERVERS, OF_TARGETS};
use promql::{Binary, BinaryOp, Call, Expr, Kind, MatchOp, Name, Selector, Side};
use std::collections::{BTreeMap, BTreeSet};

/// The series that Prometheus writes for every scrape. They keep the target's labels, because `metric_relabel_configs`
/// does not apply to them.
const OF_SCRAPES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// The known labels of a result.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// The labels that the result can have. `None` means any.
    pub possible: Option<BTreeSet<String>>,
    /// The labels that the result certainly lacks.
    pub gone: BTreeSet<String>,
    /// The labels that the result certainly has.
    pub certain: BTreeSet<String>,
    /// The labels that have the same value on all series.
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

    /// Returns the labels of a result that comes from one of two expressions.
    fn or(self, other: Self) -> Self {
        Self {
            possible: self.possible.zip(other.possible).map(|(a, b)| &a | &b),
            gone: &self.gone & &other.gone,
            certain: &self.certain & &other.certain,
            fixed: self.fixed.into_iter().filter(|(name, value)| other.fixed.get(name) == Some(value)).collect(),
        }
    }

    /// Whether the result may have a label.
    pub fn may_have(&self, name: &str) -> bool {
        !self.gone.contains(name) && self.possible.as_ref().is_none_or(|possible| possible.contains(name))
    }
}

/// Returns the names as a set.
pub fn set(names: &[Name]) -> BTreeSet<String> {
    names.iter().map(|name| name.text.clone()).collect()
}

/// Returns the labels of an expression's result.
pub fn labels(expr: &Expr, known: &MetricFacts) -> Labels {
    match &expr.kind {
        Kind::Selector(one) => of_selector(one, known),
        Kind::Paren(inner) | Kind::Unary(_, inner) => labels(inner, known),
        Kind::Subquery(one) => labels(&one.expr, known),
        Kind::Number(_) | Kind::String(_) => Labels::none(),
        Kind::Aggregation(one) => {
            let inner = labels(&one.expr, known);
            let op = one.op.text.as_str();
            if ["topk", "bottomk", "limitk", "limit_ratio"].contains(&op) {
                return inner;
            }
            let kept = match &one.grouping {
                Some(grouping) if grouping.without => inner.without(&set(&grouping.labels)),
                Some(grouping) => inner.only(&set(&grouping.labels)),
                None => inner.only(&BTreeSet::new()),
            };
            // `count_values` adds a label with the given name.
            match &one.param {
                Some(name) if op == "count_values" => kept.with(text(name)),
                _ => kept,
            }
        }
        Kind::Call(call) => of_call(call, known),
        Kind::Binary(one) => of_binary(one, known),
        Kind::Variable(_) => Labels::default(),
    }
}

fn of_selector(selector: &Selector, known: &MetricFacts) -> Labels {
    let mut labels = Labels::default();
    for matcher in matchers(selector).filter(|matcher| matcher.op == MatchOp::Equal) {
        let name = &matcher.name.text;
        if matcher.value.is_empty() {
            labels.gone.insert(name.clone());
        } else {
            labels.certain.insert(name.clone());
            labels.fixed.insert(name.clone(), (*matcher.value).to_owned());
        }
    }
    if selector.metric().is_some_and(|name| OF_SCRAPES.contains(&name)) {
        labels
            .certain
            .extend(["job", "instance"].map(ToOwned::to_owned).into_iter().filter(|name| !labels.gone.contains(name)));
    }
    if let Some(recorded) = selector.metric().and_then(|name| known.recorded().get(name)) {
        let matched = matchers(selector).map(|matcher| matcher.name.text.clone());
        let others = OF_SERVERS.into_iter().map(ToOwned::to_owned);
        labels.possible = Some(recorded.iter().cloned().chain(others).chain(matched).collect());
    }
    if let Some(fact) = selector.metric().and_then(|name| known.get(name)) {
        labels.certain.extend(fact.labels.iter().cloned());
        let others = OF_TARGETS.into_iter().map(ToOwned::to_owned);
        // External labels and relabelling may add labels, so all labels are possible unless the metric is one of ours.
        if selector.metric().is_some_and(|name| name.starts_with("checklist_")) {
            let matched = matchers(selector).map(|matcher| matcher.name.text.clone());
            labels.possible = Some(fact.labels.iter().cloned().chain(others).chain(matched).collect());
        }
    }
    labels
}

fn text(expr: &Expr) -> &str {
    match &expr.bare().kind {
        Kind::String(text) => text,
        _ => "",
    }
}

fn of_call(call: &Call, known: &MetricFacts) -> Labels {
    let argument = |at: usize| call.args.get(at).map(|arg| labels(arg, known)).unwrap_or_default();
    match call.function.text.as_str() {
        "time" | "vector" | "pi" | "scalar" => Labels::none(),
        "absent" | "absent_over_time" => {
            let of = call.args.first().and_then(Expr::selector);
            let fixed = of.map(|one| of_selector(one, &MetricFacts::default()).fixed).unwrap_or_default();
            let certain: BTreeSet<String> = fixed.keys().cloned().collect();
            Labels { possible: Some(certain.clone()), certain, gone: BTreeSet::new(), fixed }
        }
        "label_replace" | "label_join" => argument(0).with(call.args.get(1).map_or("", |arg| text(arg))),
        "histogram_quantile" | "histogram_fraction" => {
            let inner = argument(call.args.len().saturating_sub(1));
            inner.without(&BTreeSet::from(["le".to_owned()]))
        }
        // `histogram_quantiles` adds a label with the given name.
        "histogram_quantiles" => {
            argument(0).without(&BTreeSet::from(["le".to_owned()])).with(call.args.get(1).map_or("", |arg| text(arg)))
        }
        // `info` adds labels of info metrics, which only the server knows.
        "info" => Labels { possible: None, gone: BTreeSet::new(), ..argument(0) },
        "quantile_over_time" | "predict_linear" => argument(usize::from(call.function.text == "quantile_over_time")),
        _ if call.args.is_empty() => Labels::none(),
        _ => argument(0),
    }
}

fn of_binary(one: &Binary, known: &MetricFacts) -> Labels {
    let (left, right) = (labels(&one.left, known), labels(&one.right, known));
    match one.op {
        BinaryOp::Or => return left.or(right),
        BinaryOp::And | BinaryOp::Unless => return left,
        _ => {}
    }
    if is_scalar(&one.left) {
        return right;
    }
    if is_scalar(&one.right) {
        return left;
    }
    let Some(matching) = &one.matching else { return left };
    match &matching.group {
        Some(group) if group.many == Side::Left => set(&group.include).iter().fold(left, |all, name| all.with(name)),
        Some(group) => set(&group.include).iter().fold(right, |all, name| all.with(name)),
        None if matching.on => left.only(&set(&matching.labels)),
        None => left.without(&set(&matching.labels)),
    }
}
