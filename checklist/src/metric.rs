//! The type of a Prometheus metric in the catalog.

use std::fmt;

/// The type of a metric, and how long its values are exposed after the run that measured them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A current value. It is dropped when the check is stale.
    Gauge,
    /// A cumulative count. It is kept as long as the process runs.
    Counter,
    /// A distribution of values, as a classic and a native histogram. It is kept as long as the process runs.
    Histogram,
    /// A gauge with a lasting fact, such as the end of a certificate. It is kept for seven days after the last
    /// successful run, so that the alert continues when the probe fails.
    Fact,
}

/// A metric of the exporter. Every series also has the labels `check` and `target`.
#[derive(Debug)]
pub struct Metric {
    /// The complete name, as exposed.
    pub name: &'static str,
    /// One sentence with the meaning and unit of the values.
    pub help: &'static str,
    pub kind: Kind,
    /// The label names beyond `check` and `target`, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// Whether the metric has no series as long as everything is healthy or idle.
    pub sparse: bool,
}

impl Metric {
    /// A current value, exposed only as long as the check is not stale.
    pub const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, kind: Kind::Gauge, labels, sparse: false }
    }

    /// A cumulative count. The name must end in `_total`.
    pub const fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Counter, ..Self::gauge(name, help, labels) }
    }

    /// A distribution. The name is that of the family, without `_bucket`, `_sum` or `_count`.
    pub const fn histogram(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Histogram, ..Self::gauge(name, help, labels) }
    }

    /// A fact that stays true without being measured again.
    pub const fn fact(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Fact, ..Self::gauge(name, help, labels) }
    }

    /// Marks a metric that has no series in a healthy or idle state.
    #[must_use]
    pub const fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// Returns the type in the exposition format.
    pub const fn type_word(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Gauge | Kind::Fact => "gauge",
        }
    }
}

impl PartialEq for Metric {
    /// Compares the names, which are unique in the catalog.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
