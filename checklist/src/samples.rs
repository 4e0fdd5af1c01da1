//! What one run of a check saw: series of the signal's metrics, bounded before they leave.

use crate::evidence::{Evidence, Object};
use crate::metric::Metric;
use crate::reason::Reason;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Bytes of a label value; longer ones are cut. Kubernetes names end at 253, nothing the
/// checklist names legitimately is longer than a file path component.
pub const MAX_LABEL_BYTES: usize = 256;

/// One series of one run, with label values in the order of [`Metric::labels`].
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The metric it belongs to.
    pub metric: &'static Metric,
    /// One value per label name.
    pub labels: Vec<String>,
    /// The value; infinite where an own query says so, never NaN.
    pub value: f64,
}

impl Series {
    /// The value of a label, if the metric has it.
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.metric.labels.iter().position(|label| *label == name)?;
        self.labels.get(at).map(String::as_str)
    }
}

/// The series of one run, no more than the bound. A series set twice keeps the last value and
/// counts as dropped, so that a duplicate never breaks a scrape and never goes unseen.
#[derive(Debug, Clone)]
pub struct Samples {
    series: BTreeMap<(&'static str, Vec<String>), (&'static Metric, f64)>,
    limit: usize,
    dropped: u64,
    /// What the run looked at.
    pub evidence: Evidence,
}

impl Samples {
    /// No series yet. What is set first stays, what is set beyond the limit is dropped.
    pub fn within(limit: usize) -> Self {
        Self { series: BTreeMap::new(), limit, dropped: 0, evidence: Evidence::default() }
    }

    /// How many series there can be.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Sets one series. A value that is not a number is dropped and counted.
    ///
    /// # Panics
    /// When the number of label values is not that of the metric: a mistake in the probe,
    /// which the scheduler turns into a failed run.
    pub fn set<const N: usize>(&mut self, metric: &'static Metric, labels: [&str; N], value: impl Number) {
        self.put(metric, &labels, value.number());
    }

    /// The same for labels whose number is not known when the program is written.
    ///
    /// # Panics
    /// As [`Samples::set`].
    pub fn put(&mut self, metric: &'static Metric, labels: &[impl AsRef<str>], value: f64) {
        assert_eq!(labels.len(), metric.labels.len(), "{metric} has the labels {:?}", metric.labels);
        if value.is_nan() {
            self.dropped += 1;
            return;
        }
        let full = self.series.len() >= self.limit;
        match self.series.entry((metric.name, labels.iter().map(|label| cut(label.as_ref())).collect())) {
            Entry::Occupied(mut known) => {
                known.insert((metric, value));
                self.dropped += 1;
            }
            Entry::Vacant(_) if full => self.dropped += 1,
            Entry::Vacant(free) => {
                free.insert((metric, value));
            }
        }
    }

    /// Counts objects that were judged: see [`Evidence::saw`].
    pub fn saw(&mut self, object: Object, count: usize) {
        self.evidence.saw(object, count as u64);
    }

    /// One object that should have been judged and was not: see [`Evidence::missed`].
    pub fn missed(&mut self, object: Object, reason: Reason, what: impl Into<String>) {
        self.evidence.missed(object, reason, 1, what);
    }

    /// The series in a fixed order, and how many were dropped.
    pub fn into_series(self) -> (Vec<Series>, u64) {
        let (series, dropped, _) = self.into_parts();
        (series, dropped)
    }

    /// The series in a fixed order, how many were dropped, and what the run looked at. Series that were dropped are
    /// part of what was not seen.
    pub fn into_parts(mut self) -> (Vec<Series>, u64, Evidence) {
        if self.dropped > 0 {
            let many = Object::Series.counted(self.dropped);
            let what = if self.series.len() >= self.limit {
                format!("{many} left out: the check may have {}; `checks: NAME: {{series: N}}` allows more", self.limit)
            } else {
                format!("{many} left out: twice the same, or not a number")
            };
            self.evidence.missed(Object::Series, Reason::Limit, self.dropped, what);
        }
        let series = self.series.into_iter();
        let series = series.map(|((_, labels), (metric, value))| Series { metric, labels, value }).collect();
        (series, self.dropped, self.evidence)
    }
}

/// What a sample's value can be made of.
pub trait Number {
    /// The value as Prometheus keeps it.
    fn number(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

fn cut(value: &str) -> String {
    if value.len() <= MAX_LABEL_BYTES {
        return value.to_owned();
    }
    let end = (0..=MAX_LABEL_BYTES - '…'.len_utf8()).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    static SIZE: Metric = Metric::gauge("checklist_test_bytes", "A test.", &["name"]);

    #[test]
    fn a_duplicate_series_keeps_the_last_value_and_is_counted() {
        let mut samples = Samples::within(2);
        samples.set(&SIZE, ["a"], 1.0);
        samples.set(&SIZE, ["a"], 2.0);
        let (series, dropped) = samples.into_series();
        assert_eq!((series.len(), series[0].value, dropped), (1, 2.0, 1));
    }

    #[test]
    fn a_label_value_of_ten_kilobytes_is_cut_at_a_character() {
        let mut samples = Samples::within(2);
        samples.set(&SIZE, [&"ä".repeat(5_000)], 1.0);
        let (series, dropped) = samples.into_series();
        assert!(series[0].labels[0].len() <= MAX_LABEL_BYTES && series[0].labels[0].ends_with("ä…"));
        assert_eq!(dropped, 0);
    }

    #[test]
    fn values_that_are_no_numbers_and_series_beyond_the_limit_are_dropped_and_counted() {
        let mut samples = Samples::within(2);
        samples.set(&SIZE, ["nan"], f64::NAN);
        for name in ["a", "b", "c"] {
            samples.set(&SIZE, [name], true);
        }
        let (series, dropped) = samples.into_series();
        assert_eq!((series.len(), dropped), (2, 2));
    }
}
