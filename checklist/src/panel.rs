//! Panels of the catalog: what a dashboard shows of a signal, and how.

use crate::condition::threshold::Threshold;
use crate::condition::value::{Scope, Value};
use crate::metric::Metric;
use crate::units::Unit;

/// How a panel draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// The current value, coloured by the threshold.
    Stat,
    /// The course of the value, with the threshold as a line.
    TimeSeries,
    /// The current values as rows.
    Table,
    /// Whether something is so: 1 is good, 0 is bad.
    Whether,
}

/// What a panel shows.
#[derive(Debug, Clone, Copy)]
pub enum PanelQuery {
    /// A value of the catalog.
    Value(Value),
    /// An expression that needs history; the metrics are those that it names.
    Expression(fn(&Scope) -> String, &'static [&'static Metric]),
}

impl PanelQuery {
    /// Its expression within a scope; a rate has Grafana's own variable as its window.
    pub fn promql(&self, scope: &Scope) -> String {
        match self {
            Self::Value(value) => value.promql(scope),
            Self::Expression(expression, _) => expression(scope),
        }
    }

    /// The metrics that it reads.
    pub fn metrics(&self) -> Vec<&'static Metric> {
        match self {
            Self::Value(value) => value.selectors().iter().map(|selector| selector.metric).collect(),
            Self::Expression(_, metrics) => metrics.to_vec(),
        }
    }
}

/// One panel of the dashboard.
#[derive(Debug)]
pub struct Panel {
    /// Its heading.
    pub title: &'static str,
    /// What it says and what to look for; one sentence.
    pub description: &'static str,
    /// How it draws.
    pub drawing: Drawing,
    /// What it shows.
    pub query: PanelQuery,
    /// Its unit.
    pub unit: Unit,
    /// Labels that name a series in the legend.
    pub legend: &'static [&'static str],
    /// The limit it draws.
    pub threshold: Option<&'static Threshold>,
}

/// A course over time without a limit; the base of the catalog's panels.
pub const PANEL: Panel = Panel {
    title: "",
    description: "",
    drawing: Drawing::TimeSeries,
    query: PanelQuery::Value(Value::Of(crate::condition::value::of(&crate::self_metrics::PROBE_SUCCESS))),
    unit: Unit::Count,
    legend: &["target"],
    threshold: None,
};
