//! The simulated series of a shop, with one value per minute.

#![expect(clippy::needless_range_loop, reason = "a minute is the time and the place in the track")]

use std::collections::BTreeMap;

/// Names and values of labels, without the metric name.
pub type Labels = BTreeMap<String, String>;

/// Series by metric name and labels: one value per minute, NaN where there is no sample.
pub type Tracks = BTreeMap<(String, Labels), Vec<f64>>;

/// All series of a shop.
#[derive(Debug, Default)]
pub struct Board {
    tracks: Tracks,
    minutes: usize,
}

/// Makes labels of pairs.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Board {
    /// Creates an empty board of a number of minutes.
    pub const fn new(minutes: usize) -> Self {
        Self { tracks: Tracks::new(), minutes }
    }

    /// The number of minutes.
    pub const fn minutes(&self) -> usize {
        self.minutes
    }

    /// Writes a series by a function of the minute. Where the function returns `None`, an existing value stays.
    pub fn draw(&mut self, name: &str, pairs: &[(&str, &str)], value: impl Fn(usize) -> Option<f64>) {
        let minutes = self.minutes;
        self.part(name, pairs, 0..minutes, value);
    }

    /// As [`Board::draw`], for labels with owned values.
    pub fn put(&mut self, name: &str, own: &[(&'static str, String)], value: impl Fn(usize) -> Option<f64>) {
        let pairs: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.draw(name, &pairs, value);
    }

    /// As [`Board::draw`], for a range of minutes only.
    pub fn part(
        &mut self,
        name: &str,
        pairs: &[(&str, &str)],
        minutes: std::ops::Range<usize>,
        value: impl Fn(usize) -> Option<f64>,
    ) {
        let all = self.minutes;
        let track = self.tracks.entry((name.to_owned(), labels(pairs))).or_insert_with(|| vec![f64::NAN; all]);
        for minute in minutes.start.min(all)..minutes.end.min(all) {
            if let Some(value) = value(minute) {
                track[minute] = value;
            }
        }
    }

    /// Changes the values in a range of minutes, of all series that `accepts` selects.
    pub fn change(
        &mut self,
        minutes: std::ops::Range<usize>,
        accepts: impl Fn(&str, &Labels) -> bool,
        value: impl Fn(usize, f64) -> f64,
    ) {
        let all = self.minutes;
        for ((name, labels), track) in &mut self.tracks {
            if accepts(name, labels) {
                for minute in minutes.start.min(all)..minutes.end.min(all) {
                    track[minute] = value(minute, track[minute]);
                }
            }
        }
    }

    /// Returns all series.
    pub const fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Returns the values of one series; an empty slice when it does not exist.
    pub fn values(&self, name: &str, pairs: &[(&str, &str)]) -> &[f64] {
        self.tracks.get(&(name.to_owned(), labels(pairs))).map_or(&[], Vec::as_slice)
    }

    /// Returns labels and values of all series of a metric.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Labels, &'a [f64])> {
        let all = self.tracks.range((name.to_owned(), Labels::new())..);
        all.take_while(move |((of, _), _)| of == name).map(|((_, labels), values)| (labels, values.as_slice()))
    }

    /// The number of series.
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }
}

/// Returns the value of a series at a minute, if there is one.
pub fn known(values: &[f64], minute: usize) -> Option<f64> {
    values.get(minute).copied().filter(|value| !value.is_nan())
}

/// Returns a pseudo-random number from 0 to 1 that depends only on the seed, the name and the minute, so that every run
/// of the benchmark is the same. FNV-1a hashes the name, and the finalizer of `SplitMix64` mixes the bits.
pub fn chance(seed: u64, name: &str, minute: usize) -> f64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state = state.wrapping_add((minute as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^= state >> 31;
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_depends_on_seed_name_and_minute_alone() {
        let all: Vec<f64> = (0..10_000).map(|minute| chance(7, "a", minute)).collect();
        assert_eq!(all, (0..10_000).map(|minute| chance(7, "a", minute)).collect::<Vec<_>>());
        let mean = all.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02 && all.iter().all(|one| (0.0..1.0).contains(one)), "{mean}");
        assert!((chance(7, "b", 0) - chance(8, "b", 0)).abs() > 1e-9);
    }
}
