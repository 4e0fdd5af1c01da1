//! Reads how far back the samples of a server reach, and at which evaluations Prometheus was down.

use super::replay::Clock;
use crate::promql::selectors;
use crate::server::{NoVerdict, Server};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The number of steps into which the range is divided when a query looks for the first sample of a selector.
const PLACES: i64 = 1_000;
/// Prometheus' default `--query.lookback-delta` in milliseconds: a query returns a sample for so long after it was
/// scraped.
const LOOKBACK: i64 = 5 * 60 * 1000;

/// The samples that a server has within the range of the backtest.
pub(super) struct History<'a> {
    server: &'a Server,
    /// The times at which the rules are evaluated.
    pub(super) clock: Clock,
    /// The time of the first sample of any scraped target within the range. `None` when the server scrapes no targets.
    begin: Option<i64>,
    /// The names of recorded series. A warning about missing samples says "recording rule" for these.
    records: BTreeSet<String>,
    /// The time of the first sample of each selector within the range, as queried so far.
    firsts: BTreeMap<String, Option<i64>>,
}

impl<'a> History<'a> {
    /// Queries when targets were scraped. `records` are the names of the series that recording rules write.
    pub(super) async fn read(
        server: &'a Server,
        mut clock: Clock,
        records: BTreeSet<String>,
    ) -> Result<Self, NoVerdict> {
        let mut seen = vec![false; clock.count];
        let mut take = |series: Vec<crate::server::Series>| {
            for (seconds, _) in series.iter().flat_map(|one| &one.points) {
                if let Some(index) = clock.index(*seconds) {
                    seen[index] = true;
                }
            }
        };
        let time = (clock.start as f64 / 1000.0, clock.last() as f64 / 1000.0);
        server.each_slice("count(up)", time, clock.step as f64 / 1000.0, f64::INFINITY, &mut take, &|_, _| {}).await?;
        let first = seen.iter().position(|seen| *seen);
        let last = seen.iter().rposition(|seen| *seen);
        if let (Some(first), Some(last)) = (first, last) {
            // Only a gap between the first and the last scrape shows that Prometheus was down. Outside of them it is
            // unknown.
            clock.missed = seen.iter().enumerate().map(|(at, seen)| !seen && at > first && at < last).collect();
        }
        let begin = first.map(|first| clock.at(first));
        Ok(Self { server, clock, begin, records, firsts: BTreeMap::new() })
    }

    /// Returns the number of evaluations at which Prometheus was down.
    pub(super) fn missed(&self) -> usize {
        self.clock.missed.iter().filter(|missed| **missed).count()
    }

    /// Returns warnings about the selectors of an expression that have no samples in a part of the range.
    pub(super) async fn warnings(&mut self, expr: &str) -> Result<Vec<String>, NoVerdict> {
        let mut warnings = Vec::new();
        let begin = self.begin.unwrap_or(self.clock.start).max(self.clock.start);
        for selector in selectors(expr) {
            let first = self.first(&selector).await?;
            let name = selector.split('{').next().unwrap_or_default();
            let is_recorded = name.contains(':') || self.records.contains(name);
            let what = if is_recorded { "the recording rule" } else { "the metric" };
            match first {
                None => warnings.push(format!("{what} {selector} has no samples in the range")),
                Some(first) if first > begin + self.pace() + LOOKBACK => {
                    let since = shown(first);
                    warnings.push(if is_recorded {
                        format!("the recording rule {selector} has samples only since {since}; the time before is not judged")
                    } else {
                        format!("the metric {selector} has samples only since {since}")
                    });
                }
                Some(_) => {}
            }
        }
        Ok(warnings)
    }

    /// Returns the seconds of the range in which an expression can be evaluated. They begin with the first sample of
    /// any target; if the server scrapes no targets, with the first sample of the expression's own selectors.
    pub(super) fn covered(&self, expr: &str) -> f64 {
        let own = selectors(expr).into_iter().filter_map(|selector| self.firsts.get(&selector).copied().flatten());
        let begin = match (own.min(), self.begin) {
            (Some(own), Some(server)) => own.min(server),
            (own, server) => own.or(server).unwrap_or_else(|| self.clock.last()),
        };
        (self.clock.last() - begin.max(self.clock.start)) as f64 / 1000.0
    }

    /// Returns whether the server has samples within the range of what an expression reads. Series of our probes that
    /// only exist while something is wrong count as read: a month without them is a good one.
    pub(super) fn sees(&self, expr: &str) -> bool {
        let selectors = selectors(expr);
        let sparse = |selector: &str| {
            let name = selector.split('{').next().unwrap_or_default();
            checklist::SIGNALS
                .iter()
                .flat_map(|signal| signal.metrics)
                .any(|metric| metric.sparse && metric.name == name)
        };
        selectors.is_empty()
            || selectors.iter().any(|one| sparse(one) || self.firsts.get(one).is_some_and(Option::is_some))
    }

    /// Returns the time of the first sample, if it is later than the start of the range.
    pub(super) fn shortened(&self) -> Option<i64> {
        let own = self.firsts.values().copied().flatten().min();
        let begin = self.begin.into_iter().chain(own).min()?;
        (begin > self.clock.start + self.pace() + LOOKBACK).then_some(begin)
    }

    /// Milliseconds between two points of a query for the first sample.
    fn pace(&self) -> i64 {
        let length = self.clock.last() - self.clock.start;
        // A whole number of steps, and at least one, so that every point is an evaluation of the clock.
        ((length / PLACES) / self.clock.step).max(1) * self.clock.step
    }

    /// The time of the first sample of a selector within the range, rounded to the pace. Answers are kept.
    async fn first(&mut self, selector: &str) -> Result<Option<i64>, NoVerdict> {
        if let Some(first) = self.firsts.get(selector) {
            return Ok(*first);
        }
        let time = (self.clock.start as f64 / 1000.0, self.clock.last() as f64 / 1000.0);
        let pace = self.pace() as f64 / 1000.0;
        let series = self.server.query_range(&format!("count({selector})"), time, pace, &|_, _| {}).await?;
        let seconds = series.first().and_then(|one| one.points.first()).map(|point| point.0);
        let first = seconds.and_then(|seconds| self.clock.index(seconds)).map(|index| self.clock.at(index));
        self.firsts.insert(selector.to_owned(), first);
        Ok(first)
    }
}

/// Writes a time for a warning, in UTC and to the minute.
pub(super) fn shown(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default()
}
