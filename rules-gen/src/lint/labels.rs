//! Computes the labels that the result of an expression has, may have and cannot have.

use super::expr::{is_scalar, matchers};
use super::metric_facts::{MetricFacts, OF_SERVERS, OF_TARGETS};
use promql::{Binary, BinaryOp, Call, Expr, Kind, MatchOp, Name, Selector, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

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
pub struct Labels<'a> {
    /// The labels that the result can have. `None` means any.
    pub possible: Option<BTreeSet<&'a str>>,
    /// The labels that the result certainly lacks.
    pub gone: BTreeSet<&'a str>,
    /// The labels that the result certainly has.
    pub certain: BTreeSet<&'a str>,
    /// The labels that have the same value on all series.
    pub fixed: BTreeMap<&'a str, &'a str>,
}

impl<'a> Labels<'a> {
    fn none() -> Self {
        Self { possible: Some(BTreeSet::new()), ..Self::default() }
    }

    fn only(mut self, names: &BTreeSet<&'a str>) -> Self {
        let possible = self.possible.unwrap_or_else(|| names.clone());
        let gone = &self.gone;
        self.possible =
            Some(possible.into_iter().filter(|name| names.contains(name) && !gone.contains(name)).collect());
        self.certain.retain(|name| names.contains(name));
        self.fixed.retain(|name, _| names.contains(name));
        self
    }

    fn without(mut self, names: &BTreeSet<&'a str>) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.retain(|name| !names.contains(name));
        }
        self.certain.retain(|name| !names.contains(name));
        self.fixed.retain(|name, _| !names.contains(name));
        self.gone.extend(names);
        self
    }

    fn with(mut self, name: &'a str) -> Self {
        if let Some(possible) = &mut self.possible {
            possible.insert(name);
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
pub fn set(names: &[Name]) -> BTreeSet<&str> {
    names.iter().map(|name| &*name.text).collect()
}

/// Returns the labels of an expression's result.
pub fn labels<'a>(expr: &'a Expr, known: &'a MetricFacts) -> Labels<'a> {
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

fn of_selector<'a>(selector: &'a Selector, known: &'a MetricFacts) -> Labels<'a> {
    let mut labels = Labels::default();
    for matcher in matchers(selector).filter(|matcher| matcher.op == MatchOp::Equal) {
        let name = &*matcher.name.text;
        if matcher.value.is_empty() {
            labels.gone.insert(name);
        } else {
            labels.certain.insert(name);
            labels.fixed.insert(name, &matcher.value);
        }
    }
    let Some(metric) = selector.metric() else { return labels };
    if OF_SCRAPES.contains(&metric) {
        labels.certain.extend(["job", "instance"].into_iter().filter(|name| !labels.gone.contains(name)));
    }
    let matched = || matchers(selector).map(|matcher| &*matcher.name.text);
    if let Some(recorded) = known.recorded().get(metric) {
        labels.possible = Some(recorded.iter().map(String::as_str).chain(OF_SERVERS).chain(matched()).collect());
    }
    if let Some(fact) = known.get(metric) {
        let own = || fact.labels.iter().map(String::as_str);
        labels.certain.extend(own());
        // External labels and relabelling may add labels, so all labels are possible unless the metric is one of ours.
        if metric.starts_with("checklist_") {
            labels.possible = Some(own().chain(OF_TARGETS).chain(matched()).collect());
        }
    }
    labels
}

/// No facts about metrics.
static UNKNOWN: LazyLock<MetricFacts> = LazyLock::new(MetricFacts::default);

fn text(expr: &Expr) -> &str {
    match &expr.bare().kind {
        Kind::String(text) => text,
        _ => "",
    }
}

fn of_call<'a>(call: &'a Call, known: &'a MetricFacts) -> Labels<'a> {
    let argument = |at: usize| call.args.get(at).map(|arg| labels(arg, known)).unwrap_or_default();
    match call.function.text.as_str() {
        "time" | "vector" | "pi" | "scalar" => Labels::none(),
        "absent" | "absent_over_time" => {
            let of = call.args.first().and_then(Expr::selector);
            let fixed = of.map(|one| of_selector(one, &UNKNOWN).fixed).unwrap_or_default();
            let certain: BTreeSet<&str> = fixed.keys().copied().collect();
            Labels { possible: Some(certain.clone()), certain, gone: BTreeSet::new(), fixed }
        }
        "label_replace" | "label_join" => argument(0).with(call.args.get(1).map_or("", |arg| text(arg))),
        "histogram_quantile" | "histogram_fraction" => {
            let inner = argument(call.args.len().saturating_sub(1));
            inner.without(&BTreeSet::from(["le"]))
        }
        // `histogram_quantiles` adds a label with the given name.
        "histogram_quantiles" => {
            argument(0).without(&BTreeSet::from(["le"])).with(call.args.get(1).map_or("", |arg| text(arg)))
        }
        // `info` adds labels of info metrics, which only the server knows.
        "info" => Labels { possible: None, gone: BTreeSet::new(), ..argument(0) },
        "quantile_over_time" | "predict_linear" => argument(usize::from(call.function.text == "quantile_over_time")),
        _ if call.args.is_empty() => Labels::none(),
        _ => argument(0),
    }
}

fn of_binary<'a>(one: &'a Binary, known: &'a MetricFacts) -> Labels<'a> {
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
