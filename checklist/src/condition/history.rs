//! Conditions over time: expressions that only Prometheus can judge, and the input series of their rule tests.

use super::limits::Limits;
use super::threshold::{Severity, Threshold};
use super::value::{Scope, Selector, of};
use crate::metric::Metric;
use std::time::Duration;

/// A condition over time.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Returns the expression for a severity, written with the metrics' own names.
    pub expr: fn(&Scope, &Limits, Severity) -> String,
    /// The threshold whose levels decide the severities.
    pub threshold: Option<&'static Threshold>,
    /// The metrics that the expression reads.
    pub metrics: &'static [&'static Metric],
    /// Returns the input series of the rule test: some that make the alert fire, and some that do not.
    pub case: fn(&Given<'_>) -> Case,
}

/// The values that a rule test may depend on.
#[derive(Debug)]
pub struct Given<'a> {
    /// The limit at the severity that is tested.
    pub limit: f64,
    /// All limits of the signal.
    pub limits: &'a Limits,
    /// The pending time (`for`) of the alert.
    pub pending: Duration,
}

/// The input series of a rule test, with one value a minute unless `pace` or `sampled` differs.
#[derive(Debug, Clone)]
pub struct Case {
    /// Series that make the alert fire.
    pub firing: Vec<InputSeries>,
    /// Series that do not make the alert fire.
    pub silent: Vec<InputSeries>,
    /// The labels of the firing alert beyond `check` and `target`.
    pub labels: Vec<(&'static str, String)>,
    /// The time until the condition begins to hold.
    pub lead: Duration,
    /// The time between two evaluations, and between two values unless `sampled` is set.
    pub pace: Duration,
    /// The time between two values, when the series has more values than evaluations.
    pub sampled: Option<Duration>,
    /// Further series that test a part of the condition which `firing` and `silent` do not.
    pub also: Vec<Also>,
}

/// Additional input series of a rule test.
#[derive(Debug, Clone)]
pub struct Also {
    /// The name of the test: "fires when ..." or "does not fire when ...".
    pub name: &'static str,
    /// Whether the alert is expected to fire.
    pub fires: bool,
    pub series: Vec<InputSeries>,
}

/// One input series.
#[derive(Debug, Clone)]
pub struct InputSeries {
    pub metric: &'static Metric,
    /// The labels beyond `check` and `target`.
    pub labels: Vec<(&'static str, String)>,
    /// The values in promtool's notation.
    pub values: String,
}

impl Case {
    /// Makes a case whose alert has the labels of the first firing series.
    pub fn new(firing: Vec<InputSeries>, silent: Vec<InputSeries>) -> Self {
        let labels = firing.first().map(|series| series.labels.clone()).unwrap_or_default();
        Self {
            firing,
            silent,
            labels,
            lead: Duration::ZERO,
            pace: Duration::from_mins(1),
            sampled: None,
            also: Vec::new(),
        }
    }

    /// Removes labels from the expected alert.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.labels.retain(|(name, _)| !names.contains(name));
        self
    }

    /// Sets one value an hour, for series of weeks.
    #[must_use]
    pub const fn hourly(mut self) -> Self {
        self.pace = Duration::from_hours(1);
        self
    }

    /// Sets a value every five minutes and an evaluation every half an hour, for series of a week and windows of an
    /// hour.
    #[must_use]
    pub const fn sampled_often(mut self) -> Self {
        self.pace = Duration::from_mins(30);
        self.sampled = Some(Duration::from_mins(5));
        self
    }

    /// Adds series on which the alert must not fire.
    #[must_use]
    pub fn quiet(mut self, name: &'static str, series: Vec<InputSeries>) -> Self {
        self.also.push(Also { name, fires: false, series });
        self
    }

    /// Adds series on which the alert must fire, with the same labels.
    #[must_use]
    pub fn fires(mut self, name: &'static str, series: Vec<InputSeries>) -> Self {
        self.also.push(Also { name, fires: true, series });
        self
    }

    /// Adds time before the condition begins to hold.
    #[must_use]
    pub const fn after(mut self, lead: Duration) -> Self {
        self.lead = lead;
        self
    }
}

/// Makes a series with an example value for each label of the metric.
pub fn input(metric: &'static Metric, values: impl Into<String>) -> InputSeries {
    InputSeries { metric, labels: labels(&of(metric)), values: values.into() }
}

/// The number of values of a long series: more than a day at one value a minute.
pub const SAMPLES: u64 = 1500;

/// Makes a series with one constant value for more than a day.
pub fn steady(metric: &'static Metric, value: f64) -> InputSeries {
    input(metric, constant(value))
}

/// Makes a series that has one value until a minute and another value from then on, for more than a day.
pub fn step(metric: &'static Metric, before: f64, until_minute: u64, after: f64) -> InputSeries {
    input(metric, format!("{before}+0x{until_minute} {after}+0x{SAMPLES}"))
}

/// Makes a series that rises or falls linearly for more than a day.
pub fn line(metric: &'static Metric, from: f64, per_minute: f64) -> InputSeries {
    input(metric, format!("{from}+{per_minute}x{SAMPLES}"))
}

impl InputSeries {
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.labels.retain(|(known, _)| *known != name);
        self.labels.push((name, value.to_owned()));
        self
    }
}

/// Returns a constant value for more than a day in promtool's notation.
pub fn constant(value: f64) -> String {
    format!("{value}+0x{SAMPLES}")
}

/// Returns an example value for each label of the metric, or the matcher's value where there is one.
pub fn labels(selector: &Selector) -> Vec<(&'static str, String)> {
    let value = |label: &&'static str| {
        let matcher = selector.matchers.iter().find(|(name, _)| name == label);
        let value =
            matcher.and_then(|(_, values)| values.first()).map_or_else(|| format!("some-{label}"), |v| (*v).to_owned());
        (*label, value)
    };
    selector.metric.labels.iter().map(value).collect()
}
