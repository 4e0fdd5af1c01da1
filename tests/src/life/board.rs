//! Series of a month: a value a minute.

#![expect(clippy::needless_range_loop, reason = "a minute is the time and the place in the track")]

use std::collections::BTreeMap;

/// Label names and values, without the metric's name.
pub type Labels = BTreeMap<String, String>;

/// One series.
#[derive(Debug, Clone)]
pub struct Track {
    /// The metric.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// A value for each minute; not a number where there is no sample.
    pub values: Vec<f64>,
}

/// Every series of a shop.
#[derive(Debug, Default)]
pub struct Board {
    tracks: BTreeMap<(String, Labels), Vec<f64>>,
    minutes: usize,
}

/// Labels from pairs.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Board {
    /// Nothing is on it yet.
    pub const fn new(minutes: usize) -> Self {
        Self { tracks: BTreeMap::new(), minutes }
    }

    /// How many minutes it has.
    pub const fn minutes(&self) -> usize {
        self.minutes
    }

    /// Writes a series from a function of the minute; what is there already is replaced where the function has a value.
    pub fn draw(&mut self, name: &str, pairs: &[(&str, &str)], value: impl Fn(usize) -> Option<f64>) {
        let minutes = self.minutes;
        self.part(name, pairs, 0..minutes, value);
    }

    /// The same for labels with values that are made here.
    pub fn put(&mut self, name: &str, own: &[(&'static str, String)], value: impl Fn(usize) -> Option<f64>) {
        let pairs: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.draw(name, &pairs, value);
    }

    /// The same for a part of the time; what lies outside stays.
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

    /// Changes the series that a test accepts, for a part of the time.
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

    /// Every series, in order of name and labels.
    pub fn tracks(&self) -> impl Iterator<Item = Track> + '_ {
        self.tracks.iter().map(|((name, labels), values)| Track {
            name: name.clone(),
            labels: labels.clone(),
            values: values.clone(),
        })
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }
}

/// A number of 0 to 1 that a seed, a name and a minute decide: the same in every run.
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
