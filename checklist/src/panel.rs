//! The dashboard panels of the catalog.

use crate::condition::threshold::Threshold;
use crate::condition::value::{Scope, Value};
use crate::metric::Metric;
use crate::units::Unit;

/// The kind of visualization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// The current value, coloured by the threshold.
    Stat,
    /// The values over time, with the threshold as a line.
    TimeSeries,
    /// The current values as rows of a table.
    Table,
    /// A yes/no state: 1 is good, 0 is bad.
    Whether,
}

/// The expression of a panel.
#[derive(Debug, Clone, Copy)]
pub enum PanelQuery {
    /// A value of the catalog.
    Value(Value),
    /// An expression over time, with the metrics that it reads.
    Expression(fn(&Scope) -> String, &'static [&'static Metric]),
}

impl PanelQuery {
    /// Returns the expression within a scope. The window of a rate is Grafana's `$__rate_interval`.
    pub fn promql(&self, scope: &Scope) -> String {
        match self {
            Self::Value(value) => value.promql(scope),
            Self::Expression(expression, _) => expression(scope),
        }
    }

    /// Returns the metrics that the panel reads.
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
    pub title: &'static str,
    /// One sentence: what the panel shows and what to look for.
    pub description: &'static str,
    pub drawing: Drawing,
    pub query: PanelQuery,
    /// The unit, where neither the threshold nor the value has one.
    pub unit: Option<Unit>,
    /// The labels that name a series in the legend.
    pub legend: &'static [&'static str],
    /// The threshold that the panel draws.
    pub threshold: Option<&'static Threshold>,
}

impl Panel {
    /// Returns the unit of the values.
    pub fn unit(&self) -> Unit {
        let of_query = match &self.query {
            PanelQuery::Value(value) => value.unit(),
            PanelQuery::Expression(..) => Unit::Count,
        };
        self.unit.or(self.threshold.map(|threshold| threshold.unit)).unwrap_or(of_query)
    }
}

/// A time series without a threshold. The panels of the catalog are based on it by `..PANEL`.
pub const PANEL: Panel = Panel {
    title: "",
    description: "",
    drawing: Drawing::TimeSeries,
    query: PanelQuery::Value(Value::Of(crate::condition::value::of(&crate::self_metrics::PROBE_SUCCESS))),
    unit: None,
    legend: &["target"],
    threshold: None,
};
