//! Statistics of the episodes of an alert.

use crate::review::backtest::machine::Episode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// In milliseconds: an alert that fires again within this time after its end flaps.
pub const FLAP: i64 = 10 * 60 * 1000;

/// How often and how long an alert fired, over all its label sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// The number of label sets that fired.
    pub series: usize,
    /// How often label sets began to fire.
    pub episodes: usize,
    /// How often the alert began to fire while no other label set of it fired. Alertmanager sends at least so many
    /// notifications.
    pub pages: usize,
    /// The firing times of all label sets, added up.
    pub firing_seconds: f64,
    /// The median length of an episode.
    pub median_seconds: f64,
    /// The 95th percentile of the length of an episode.
    pub p95_seconds: f64,
    /// Episodes that began less than ten minutes after the previous one of the same label set.
    pub flaps: usize,
    /// The number of pages in each hour of the day.
    pub pages_by_hour: [usize; 24],
    /// The number of label sets that still fire at the end.
    pub still_firing: usize,
    /// The start of the first episode.
    pub first: Option<Timestamp>,
    /// The start of the last episode.
    pub last: Option<Timestamp>,
}

impl Statistics {
    /// Computes the statistics from the episodes of all label sets. `zone` is the time zone of the hours.
    pub fn of<'a>(sets: impl IntoIterator<Item = &'a [Episode]>, zone: &TimeZone) -> Self {
        let mut statistics = Self::default();
        let mut all: Vec<Episode> = Vec::new();
        for set in sets.into_iter().filter(|set| !set.is_empty()) {
            statistics.series += 1;
            statistics.flaps += set.windows(2).filter(|pair| pair[1].begin - pair[0].end < FLAP).count();
            statistics.still_firing += set.iter().filter(|episode| episode.open).count();
            all.extend(set);
        }
        all.sort_by_key(|episode| (episode.begin, episode.end));
        let mut lengths: Vec<f64> = all.iter().map(seconds).collect();
        lengths.sort_by(f64::total_cmp);
        statistics.episodes = all.len();
        statistics.firing_seconds = lengths.iter().sum();
        statistics.median_seconds = quantile(&lengths, 50);
        statistics.p95_seconds = quantile(&lengths, 95);
        statistics.first = all.first().and_then(|episode| Timestamp::from_millisecond(episode.begin).ok());
        statistics.last = all.last().and_then(|episode| Timestamp::from_millisecond(episode.begin).ok());
        let pages = pages(&all);
        statistics.pages = pages.len();
        for begin in pages {
            if let Ok(at) = Timestamp::from_millisecond(begin) {
                let hour = zone.to_datetime(at).hour();
                statistics.pages_by_hour[usize::try_from(hour).unwrap_or_default() % 24] += 1;
            }
        }
        statistics
    }
}

/// Returns when each page begins: the first episode after a time in which no label set fired. `all` must be ordered by
/// start.
fn pages(all: &[Episode]) -> Vec<i64> {
    let mut pages = Vec::new();
    let mut until = i64::MIN;
    for episode in all {
        if episode.begin > until {
            pages.push(episode.begin);
        }
        until = until.max(episode.end);
    }
    pages
}

/// Returns the length of an episode.
pub fn seconds(episode: &Episode) -> f64 {
    (episode.end - episode.begin) as f64 / 1000.0
}

/// Returns a percentile of sorted values by the nearest-rank method.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Draws one bar for each hour of the day.
pub fn bars(by_hour: &[usize; 24]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = by_hour.iter().copied().max().unwrap_or_default();
    let bar = |count: &usize| if *count == 0 { '·' } else { BARS[(count * 8).div_ceil(most).clamp(1, 8) - 1] };
    by_hour.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_per_alert_and_flaps_per_label_set() {
        let minute = 60_000;
        let episode = |begin: i64, end: i64| Episode { begin: begin * minute, end: end * minute, open: false };
        let (one, two) = ([episode(0, 10), episode(15, 20), episode(60, 61)], [episode(5, 16)]);
        let statistics = Statistics::of([&one[..], &two[..], &[]], &TimeZone::UTC);
        assert_eq!((statistics.series, statistics.episodes, statistics.pages, statistics.flaps), (2, 4, 2, 1));
        assert!((statistics.firing_seconds - 27.0 * 60.0).abs() < 1e-9);
        assert!((statistics.median_seconds - 300.0).abs() < 1e-9 && (statistics.p95_seconds - 660.0).abs() < 1e-9);
        assert_eq!((statistics.pages_by_hour[0], statistics.pages_by_hour[1]), (1, 1));
    }
}
