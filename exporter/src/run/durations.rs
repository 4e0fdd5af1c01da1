//! How long runs take: one histogram for each signal, so that the number of series does not grow with the targets.

use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
use std::collections::BTreeMap;

/// Upper bounds of the classic buckets in seconds: from one query to the longest deadline of a check.
const BUCKETS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// The growth of the native buckets: each is a tenth wider than the one before.
const GROWTH: f64 = 1.1;
/// Native buckets of one histogram; beyond it they become wider.
const MAX_NATIVE_BUCKETS: usize = 100;

/// The histograms by signal. They outlive a reload of checklist.yaml.
#[derive(Debug, Default)]
pub struct Durations(BTreeMap<&'static str, Histogram>);

impl Durations {
    /// The histogram of a signal, shared by all its checks.
    pub fn of(&mut self, signal: &'static str) -> Histogram {
        self.0.entry(signal).or_insert_with(histogram).clone()
    }
}

/// An empty histogram, classic and native.
pub fn histogram() -> Histogram {
    let native = NativeHistogramConfig::new(GROWTH).max_buckets(MAX_NATIVE_BUCKETS);
    Histogram::new_classic_and_native(BUCKETS, native)
}
