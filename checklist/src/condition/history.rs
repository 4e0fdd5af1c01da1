//! Conditions over time: PromQL that only Prometheus can judge, and the input series that prove it.

use super::limits::Limits;
use super::threshold::{Severity, Threshold};
use super::value::{Scope, Selector, of};
use crate::metric::Metric;
use std::time::Duration;

/// A condition that needs history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// The expression at a severity, written with the metrics' own names.
    pub expr: fn(&Scope, &Limits, Severity) -> String,
    /// The threshold whose levels decide the severities.
    pub threshold: Option<&'static Threshold>,
    /// The metrics it reads.
    pub metrics: &'static [&'static Metric],
    /// A course of values that fires and one that stays quiet.
    pub case: fn(&Given<'_>) -> Case,
}

/// What a course of values may depend on.
#[derive(Debug)]
pub struct Given<'a> {
    /// The limit of the level.
    pub limit: f64,
    /// All limits of the signal.
    pub limits: &'a Limits,
    /// How long the condition must hold.
    pub pending: Duration,
}

/// Two sets of input series, one value a minute unless `pace` differs.
#[derive(Debug, Clone)]
pub struct Case {
    /// Makes the alert fire.
    pub firing: Vec<InputSeries>,
    /// Keeps it quiet.
    pub silent: Vec<InputSeries>,
    /// The labels of the firing result, beyond `check` and `target`.
    pub labels: Vec<(&'static str, String)>,
    /// Time that passes before the condition begins to hold.
    pub lead: Duration,
    /// Time between two evaluations, and between two values unless they are closer.
    pub pace: Duration,
    /// Time between two values of a course that is evaluated less often than it has values.
    pub sampled: Option<Duration>,
    /// More courses that prove a part of the condition which the two do not.
    pub also: Vec<Also>,
}

/// One more course of values.
#[derive(Debug, Clone)]
pub struct Also {
    /// What it shows: "fires when ..." or "stays quiet when ...".
    pub name: &'static str,
    /// Whether the alert fires on it.
    pub fires: bool,
    /// The series.
    pub series: Vec<InputSeries>,
}

/// One series over time.
#[derive(Debug, Clone)]
pub struct InputSeries {
    /// Its metric.
    pub metric: &'static Metric,
    /// Its labels beyond `check` and `target`.
    pub labels: Vec<(&'static str, String)>,
    /// Its values in promtool's notation.
    pub values: String,
}

impl Case {
    /// A case whose result has the labels of the first firing series.
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

    /// Takes labels off the result.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.labels.retain(|(name, _)| !names.contains(name));
        self
    }

    /// One value an hour, for courses of weeks.
    #[must_use]
    pub const fn hourly(mut self) -> Self {
        self.pace = Duration::from_hours(1);
        self
    }

    /// A value every five minutes and an evaluation every half an hour: for courses of a week whose windows are an hour.
    #[must_use]
    pub const fn sampled_often(mut self) -> Self {
        self.pace = Duration::from_mins(30);
        self.sampled = Some(Duration::from_mins(5));
        self
    }

    /// Adds a course on which the alert stays quiet.
    #[must_use]
    pub fn quiet(mut self, name: &'static str, series: Vec<InputSeries>) -> Self {
        self.also.push(Also { name, fires: false, series });
        self
    }

    /// Adds a course on which the alert fires, with the same labels.
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

/// A series with a plausible value for each label.
pub fn input(metric: &'static Metric, values: impl Into<String>) -> InputSeries {
    InputSeries { metric, labels: labels(&of(metric)), values: values.into() }
}

/// Samples of a course that goes on: at one a minute, more than a day.
pub const SAMPLES: u64 = 1500;

/// The same value for more than a day.
pub fn steady(metric: &'static Metric, value: f64) -> InputSeries {
    input(metric, constant(value))
}

/// One value until a minute, another one from then on for more than a day.
pub fn step(metric: &'static Metric, before: f64, until_minute: u64, after: f64) -> InputSeries {
    input(metric, format!("{before}+0x{until_minute} {after}+0x{SAMPLES}"))
}

/// A straight line for more than a day.
pub fn line(metric: &'static Metric, from: f64, per_minute: f64) -> InputSeries {
    input(metric, format!("{from}+{per_minute}x{SAMPLES}"))
}

impl InputSeries {
    /// Sets a label.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.labels.retain(|(known, _)| *known != name);
        self.labels.push((name, value.to_owned()));
        self
    }
}

/// The same value for a day, in promtool's notation.
pub fn constant(value: f64) -> String {
    format!("{value}+0x{SAMPLES}")
}

/// A plausible value for each label of the metric, the matcher's where there is one.
pub fn labels(selector: &Selector) -> Vec<(&'static str, String)> {
    let value = |label: &&'static str| {
        let matcher = selector.matchers.iter().find(|(name, _)| name == label);
        let value =
            matcher.and_then(|(_, values)| values.first()).map_or_else(|| format!("some-{label}"), |v| (*v).to_owned());
        (*label, value)
    };
    selector.metric.labels.iter().map(value).collect()
}
