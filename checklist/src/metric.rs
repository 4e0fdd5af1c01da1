//! A Prometheus metric as the catalog declares it: its whole name, kind, help and labels.

use std::fmt;

/// How long a value stays true after the run that measured it, and how it is typed on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A level: dropped once the check is stale.
    Gauge,
    /// A count that only grows (or resets): kept while the process lives.
    Counter,
    /// A distribution of values, classic and native: kept while the process lives.
    Histogram,
    /// A gauge that states a lasting fact, such as a certificate's end: kept for
    /// seven days after the last successful run, so that its alert outlives the probe.
    Fact,
}

/// A metric of the exporter. Every series also carries the labels `check` and `target`.
#[derive(Debug)]
pub struct Metric {
    /// The complete name as it appears on the wire.
    pub name: &'static str,
    /// One sentence, with unit and meaning of the values.
    pub help: &'static str,
    /// Wire type and lifetime.
    pub kind: Kind,
    /// Label names beyond `check` and `target`, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// Whether a healthy world has no series of it.
    pub sparse: bool,
}

impl Metric {
    /// A level that is only known while the check is fresh.
    pub const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, kind: Kind::Gauge, labels, sparse: false }
    }

    /// A cumulative count; its name ends in `_total`.
    pub const fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Counter, ..Self::gauge(name, help, labels) }
    }

    /// A distribution; its name is that of the family, without `_bucket`, `_sum` or `_count`.
    pub const fn histogram(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Histogram, ..Self::gauge(name, help, labels) }
    }

    /// A fact that stays true without being looked at again.
    pub const fn fact(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: Kind::Fact, ..Self::gauge(name, help, labels) }
    }

    /// Marks a metric that has no series in a healthy or idle world.
    #[must_use]
    pub const fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// The type word of the exposition format.
    pub const fn type_word(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Gauge | Kind::Fact => "gauge",
        }
    }
}

impl PartialEq for Metric {
    /// Names are unique in the catalog.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
