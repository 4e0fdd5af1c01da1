//! Histograms of run durations: one for each signal, so that the number of series does not grow with the targets.

use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
use std::collections::BTreeMap;

/// Upper bounds of the classic buckets in seconds, from a fast query up to the longest deadlines of checks.
const BUCKETS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Growth factor of the native buckets: each bucket is 10% wider than the one before.
const GROWTH: f64 = 1.1;
/// Maximum number of native buckets in one histogram. With more, the buckets are merged into wider ones.
const MAX_NATIVE_BUCKETS: usize = 100;

/// The histograms by signal id. They outlive a reload of checklist.yaml.
#[derive(Debug, Default)]
pub struct Durations(BTreeMap<&'static str, Histogram>);

impl Durations {
    /// Returns the histogram of a signal, which all its checks share.
    pub fn of(&mut self, signal: &'static str) -> Histogram {
        self.0.entry(signal).or_insert_with(histogram).clone()
    }
}

/// Creates an empty histogram with classic and native buckets.
pub fn histogram() -> Histogram {
    let native = NativeHistogramConfig::new(GROWTH).max_buckets(MAX_NATIVE_BUCKETS);
    Histogram::new_classic_and_native(BUCKETS, native)
}
