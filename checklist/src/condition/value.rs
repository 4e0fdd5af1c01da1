//! The values that the checklist judges: rendered as PromQL, and computed from the samples of one run.

use crate::condition::limits::number;
use crate::metric::Metric;
use crate::samples::Series;
use crate::units::Unit;
use std::collections::BTreeMap;
use std::time::Duration;

/// A metric with label matchers.
#[derive(Debug, Clone, Copy)]
pub struct Selector {
    pub metric: &'static Metric,
    /// Label names with their allowed values.
    pub matchers: &'static [(&'static str, &'static [&'static str])],
}

/// Selects a metric without matchers.
pub const fn of(metric: &'static Metric) -> Selector {
    Selector { metric, matchers: &[] }
}

impl Selector {
    #[must_use]
    pub const fn with(mut self, matchers: &'static [(&'static str, &'static [&'static str])]) -> Self {
        self.matchers = matchers;
        self
    }

    /// Returns whether the selector matches a series.
    pub fn accepts(&self, series: &Series) -> bool {
        std::ptr::eq(series.metric, self.metric)
            && self
                .matchers
                .iter()
                .all(|(name, values)| series.label(name).is_some_and(|value| values.contains(&value)))
    }

    /// Returns the instant vector selector within a scope.
    pub fn promql(&self, scope: &Scope) -> String {
        let matchers = self.matchers.iter().map(|(name, values)| match values {
            [one] => format!("{name}={one:?}"),
            many => format!("{name}=~{:?}", alternatives(many)),
        });
        let all: Vec<String> = scope.matchers().into_iter().chain(matchers).collect();
        format!("{}{{{}}}", self.metric, all.join(", "))
    }
}

/// Returns a regular expression (RE2) that matches exactly these texts.
pub fn alternatives(texts: &[impl AsRef<str>]) -> String {
    let escaped = |text: &str| {
        text.chars().fold(String::new(), |mut safe, c| {
            if "\\.+*?()|[]{}^$".contains(c) {
                safe.push('\\');
            }
            safe.push(c);
            safe
        })
    };
    texts.iter().map(|text| escaped(text.as_ref())).collect::<Vec<_>>().join("|")
}

/// Where an expression applies: one check on all or some of its targets.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The id of the signal.
    pub check: String,
    /// The names of the targets. Empty: every target.
    pub targets: Vec<String>,
    /// Whether the last value still counts for [`BRIDGED`] when there is no new one. Otherwise each missed scrape would
    /// restart the `for` of an alert that must last for hours.
    pub bridges: bool,
}

/// How long a value is bridged: a missed scrape, or an exporter that moves.
const BRIDGED: &str = "10m";
/// Alerts whose `for` is at least this long bridge missing values.
const BRIDGES_FROM: Duration = Duration::from_hours(1);

impl Scope {
    /// Returns the scope of a check and its targets.
    pub fn new(check: &str, targets: Vec<String>) -> Self {
        Self { check: check.to_owned(), targets, bridges: false }
    }

    /// Returns the scope for an alert that must last for a time (`for`).
    #[must_use]
    pub fn lasting(&self, pending: Duration) -> Self {
        Self { bridges: pending >= BRIDGES_FROM, ..self.clone() }
    }

    /// Returns the present value of a selector.
    fn present(&self, selector: &Selector) -> String {
        let series = selector.promql(self);
        // A sparse metric has series only for what is wrong: a series that ends means that it is well again.
        if self.bridges && !selector.metric.sparse { format!("last_over_time({series}[{BRIDGED}])") } else { series }
    }

    /// Returns the matchers that select the check and its targets.
    fn matchers(&self) -> Vec<String> {
        let mut matchers = vec![format!("check={:?}", self.check)];
        match self.targets.as_slice() {
            [] => {}
            [one] => matchers.push(format!("target={one:?}")),
            many => matchers.push(format!("target=~{:?}", alternatives(many))),
        }
        matchers
    }

    /// Returns the selector of a metric for expressions over time: `metric{check="pods"}`.
    pub fn series(&self, metric: &'static Metric) -> String {
        of(metric).promql(self)
    }

    /// Returns a function over a window of a metric, aggregated so that any number of exporter replicas gives one
    /// result: the largest, or with `min_over_time` the smallest, because a replica that has just started has no past.
    pub fn over(&self, function: &str, metric: &'static Metric, window: &str) -> String {
        self.over_of(function, &of(metric), window)
    }

    /// Like [`Self::over`] for a selector. The window is written as for [`range`].
    pub fn over_of(&self, function: &str, selector: &Selector, window: &str) -> String {
        let (without, agreed) = (without(selector.metric), if function == "min_over_time" { "min" } else { "max" });
        // A function with a parameter, such as `quantile_over_time(0.95, `, is given with its parenthesis.
        let open = if function.contains('(') { "" } else { "(" };
        format!("{agreed} without ({without}) ({function}{open}{}{}))", selector.promql(self), range(window))
    }

    /// Returns the past of a metric, aggregated over the replicas of the exporter, as a subquery such as `1d:5m`. After
    /// a deployment of the exporter its series have new labels: a function over one series would see only the time
    /// since.
    pub fn past(&self, metric: &'static Metric, window: &str) -> String {
        let unbridged = Self { bridges: false, ..self.clone() };
        format!("({})[{window}]", unbridged.max(metric))
    }

    /// Returns how far a counter has risen within a window: the difference from its lowest value. Unlike `increase`, it
    /// does not extrapolate, and a deployment of the exporter, which gives the series new labels, loses none. A counter
    /// that began again at 0 counts from there.
    pub fn risen(&self, counter: &'static Metric, window: &str) -> String {
        format!("{} - {}", self.max(counter), self.over("min_over_time", counter, window))
    }

    /// Returns the condition that a metric reached `least` within a window both an hour earlier and an hour later than
    /// now, a week ago.
    pub fn around_a_week_ago(&self, function: &str, metric: &'static Metric, window: &str, least: f64) -> String {
        let [later, earlier] = ["167h", "169h"].map(|ago| self.over(function, metric, &format!("{window}@{ago}")));
        format!("{later} >= {0} and {earlier} >= {0}", number(least))
    }

    /// Returns the value of a metric in `ahead` seconds, by linear regression over the window.
    pub fn predict(&self, metric: &'static Metric, window: &str, ahead: f64) -> String {
        format!("predict_linear({}, {ahead})", self.past(metric, window))
    }

    /// Returns the largest value of a metric among the replicas of the exporter.
    pub fn max(&self, metric: &'static Metric) -> String {
        self.max_of(&of(metric))
    }

    /// Combines several metrics with the same labels, and adds a label that distinguishes them.
    pub fn named(&self, label: &str, metrics: &[(&'static Metric, &str)]) -> String {
        let one = |(metric, name): &(&'static Metric, &str)| {
            format!("label_replace({}, {label:?}, {name:?}, \"\", \"\")", self.max(metric))
        };
        metrics.iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    /// Like [`Self::max`] for a selector.
    pub fn max_of(&self, selector: &Selector) -> String {
        agreed("max", selector, self)
    }
}

/// The closed set of value shapes. Ages and remaining times are in seconds.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// The value of the series.
    Of(Selector),
    /// Now minus a timestamp.
    Age(Selector),
    /// A timestamp minus now.
    Until(Selector),
    /// The first divided by the second. The first is summed over the labels that the second lacks.
    Share(Selector, Selector),
}

/// A value that was computed from samples, with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// Label names and values, sorted by name.
    pub labels: BTreeMap<&'static str, String>,
    pub value: f64,
}

impl Value {
    /// Returns the selectors that the value reads. The labels of the result are those of the first.
    pub fn selectors(&self) -> Vec<Selector> {
        match self {
            Self::Of(one) | Self::Age(one) | Self::Until(one) => vec![*one],
            Self::Share(part, whole) => vec![*part, *whole],
        }
    }

    /// Returns the unit. A metric has its unit at the end of its name.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Of(one) if one.metric.name.ends_with("_bytes") => Unit::Bytes,
            Self::Of(one) if one.metric.name.ends_with("_seconds") => Unit::Seconds,
            Self::Of(_) => Unit::Count,
            Self::Age(_) | Self::Until(_) => Unit::Seconds,
            Self::Share(..) => Unit::Ratio,
        }
    }

    /// Returns the PromQL expression, with one result for any number of exporter replicas.
    pub fn promql(&self, scope: &Scope) -> String {
        match self {
            Self::Of(one) => agreed("max", one, scope),
            Self::Age(one) => format!("time() - {}", agreed("max", one, scope)),
            Self::Until(one) => format!("{} - time()", agreed("min", one, scope)),
            Self::Share(part, whole) => {
                let extra = labels_beyond(part.metric, whole.metric);
                let whole = agreed("max", whole, scope);
                if extra.is_empty() {
                    format!("{} / {whole}", agreed("max", part, scope))
                } else {
                    // The replicas of the exporter look at different moments, so each adds up its own values.
                    let (replicas, part_of) = (without(part.metric), scope.present(part));
                    format!("max without ({replicas}) (sum without ({}) ({part_of})) / {whole}", extra.join(", "))
                }
            }
        }
    }

    /// Returns the values in one run's samples, as Prometheus would compute them at `now` (Unix seconds).
    pub fn compute(&self, samples: &[Series], now: f64) -> Vec<Computed> {
        let select = |selector: &Selector| -> Vec<Computed> {
            samples.iter().filter(|series| selector.accepts(series)).map(computed).collect()
        };
        let map = |selector: &Selector, f: &dyn Fn(f64) -> f64| {
            select(selector).into_iter().map(|c| Computed { value: f(c.value), ..c }).collect()
        };
        match self {
            Self::Of(one) => select(one),
            Self::Age(one) => map(one, &|value| now - value),
            Self::Until(one) => map(one, &|value| value - now),
            Self::Share(part, whole) => share(&select(part), &select(whole)),
        }
    }
}

/// Divides the sum of the parts by each whole with the same labels, as the PromQL expression does.
fn share(parts: &[Computed], wholes: &[Computed]) -> Vec<Computed> {
    let matching = |whole: &Computed| {
        let mut parts = parts.iter().filter(|part| whole.labels.iter().all(|(k, v)| part.labels.get(k) == Some(v)));
        let first = parts.next()?.value;
        Some(first + parts.map(|part| part.value).sum::<f64>())
    };
    wholes
        .iter()
        .filter_map(|whole| Some(Computed { value: matching(whole)? / whole.value, ..whole.clone() }))
        .collect()
}

fn computed(series: &Series) -> Computed {
    let labels = series.metric.labels.iter().copied().zip(series.labels.iter().cloned()).collect();
    Computed { labels, value: series.value }
}

/// Returns the labels of `part` that `whole` lacks.
fn labels_beyond(part: &Metric, whole: &Metric) -> Vec<&'static str> {
    part.labels.iter().filter(|label| !whole.labels.contains(label)).copied().collect()
}

/// Returns the range of a selector as PromQL writes it. A window with an offset, `[1d] offset 7d`, is given as `1d@7d`.
pub(crate) fn range(window: &str) -> String {
    match window.split_once('@') {
        Some((window, offset)) => format!("[{window}] offset {offset}"),
        None => format!("[{window}]"),
    }
}

/// Returns a selector, aggregated over the replicas of the exporter.
pub(crate) fn agreed(aggregator: &str, selector: &Selector, scope: &Scope) -> String {
    format!("{aggregator} without ({}) ({})", without(selector.metric), scope.present(selector))
}

/// Returns the labels that differ between replicas of the exporter. `pod` is one of them, unless the metric has a `pod`
/// of its own, which the scrape keeps with `honor_labels`.
fn without(metric: &Metric) -> &'static str {
    if metric.labels.contains(&"pod") { "instance" } else { "instance, pod" }
}
