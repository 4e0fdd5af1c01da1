//! The samples of one run of a check: series of the signal's metrics, limited in number and size.

use crate::evidence::{Evidence, Object};
use crate::metric::Metric;
use crate::reason::Reason;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The limit of a label value in bytes. Longer values are cut. Kubernetes names have at most 253 bytes, and other names
/// in the checklist are no longer than a file name.
pub const MAX_LABEL_BYTES: usize = 256;

/// One series of a run, with label values in the order of [`Metric::labels`].
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub metric: &'static Metric,
    /// One value for each label name.
    pub labels: Vec<String>,
    /// The value. Infinite only when an operator's own query returns that, never NaN.
    pub value: f64,
}

impl Series {
    /// Returns the value of a label, if the metric has it.
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.metric.labels.iter().position(|label| *label == name)?;
        self.labels.get(at).map(String::as_str)
    }
}

/// The series of one run, limited in number. A series that is set twice keeps the last value and counts as dropped, so
/// that a duplicate neither breaks the scrape nor stays unnoticed.
#[derive(Debug, Clone)]
pub struct Samples {
    series: BTreeMap<(&'static str, Vec<String>), (&'static Metric, f64)>,
    limit: usize,
    dropped: u64,
    pub evidence: Evidence,
}

impl Samples {
    /// Makes an empty set. Series beyond the limit are dropped.
    pub fn within(limit: usize) -> Self {
        Self { series: BTreeMap::new(), limit, dropped: 0, evidence: Evidence::default() }
    }

    /// Returns the maximum number of series.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Sets one series. NaN is dropped and counted.
    ///
    /// # Panics
    /// The number of label values differs from that of the metric. This is a bug of the probe, which the scheduler
    /// turns into a failed run.
    pub fn set<const N: usize>(&mut self, metric: &'static Metric, labels: [&str; N], value: impl Number) {
        self.put(metric, &labels, value.number());
    }

    /// Like [`Samples::set`], when the number of labels is known only at run time.
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

    /// Counts objects that were judged. See [`Evidence::saw`].
    pub fn saw(&mut self, object: Object, count: usize) {
        self.evidence.saw(object, count as u64);
    }

    /// Counts one object that should have been judged and was not. See [`Evidence::missed`].
    pub fn missed(&mut self, object: Object, reason: Reason, what: impl Into<String>) {
        self.evidence.missed(object, reason, 1, what);
    }

    /// Returns the series in a fixed order, and the number of dropped ones.
    pub fn into_series(self) -> (Vec<Series>, u64) {
        let (series, dropped, _) = self.into_parts();
        (series, dropped)
    }

    /// Returns the series in a fixed order, the number of dropped ones, and the evidence of the run. Dropped series are
    /// added to the evidence as unseen.
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

/// A type that can be the value of a sample.
pub trait Number {
    /// Returns the value as Prometheus stores it.
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

/// Cuts a label value to [`MAX_LABEL_BYTES`], at the border of a character.
pub fn cut(value: &str) -> String {
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
    fn nan_values_and_series_beyond_the_limit_are_dropped_and_counted() {
        let mut samples = Samples::within(2);
        samples.set(&SIZE, ["nan"], f64::NAN);
        for name in ["a", "b", "c"] {
            samples.set(&SIZE, [name], true);
        }
        let (series, dropped) = samples.into_series();
        assert_eq!((series.len(), dropped), (2, 2));
    }
}
