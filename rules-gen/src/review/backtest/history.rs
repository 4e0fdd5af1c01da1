//! How far back a server's data goes, and when Prometheus was down.

use super::replay::Clock;
use crate::promql::selectors;
use crate::server::{NoVerdict, Server};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Number of times in the range at which samples are looked for.
const PLACES: i64 = 1_000;
/// How long PromQL returns a series after its last sample (lookback delta).
const LOOKBACK: i64 = 5 * 60 * 1000;

/// What is known of a server's history.
pub(super) struct History<'a> {
    server: &'a Server,
    /// The evaluations.
    pub(super) clock: Clock,
    /// The first sample of any target within the range, when targets are scraped at all.
    begin: Option<i64>,
    records: BTreeSet<String>,
    /// The first sample of each selector within the range.
    firsts: BTreeMap<String, Option<i64>>,
}

impl<'a> History<'a> {
    /// Asks when targets were scraped. `records` are the names that rules record.
    pub(super) async fn read(
        server: &'a Server,
        mut clock: Clock,
        records: BTreeSet<String>,
    ) -> Result<Self, NoVerdict> {
        let mut seen = vec![false; clock.count];
        let mut take = |courses: Vec<crate::server::Series>| {
            for (seconds, _) in courses.iter().flat_map(|course| &course.points) {
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
            // Before the first sample and after the last one Prometheus may have been up or down.
            clock.missed = seen.iter().enumerate().map(|(at, seen)| !seen && at > first && at < last).collect();
        }
        let begin = first.map(|first| clock.at(first));
        Ok(Self { server, clock, begin, records, firsts: BTreeMap::new() })
    }

    /// Steps at which Prometheus was down.
    pub(super) fn missed(&self) -> usize {
        self.clock.missed.iter().filter(|missed| **missed).count()
    }

    /// Warnings about missing data of an expression.
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
                        format!("the recording rule {selector} did not exist before {since}: nothing is judged there")
                    } else {
                        format!("the metric {selector} has samples only since {since}")
                    });
                }
                Some(_) => {}
            }
        }
        Ok(warnings)
    }

    /// The seconds of the range in which an expression could be judged: since the server has targets, or, where none
    /// are scraped, since the first sample of the expression itself.
    pub(super) fn covered(&self, expr: &str) -> f64 {
        let own = selectors(expr).into_iter().filter_map(|selector| self.firsts.get(&selector).copied().flatten());
        let begin = match (own.min(), self.begin) {
            (Some(own), Some(server)) => own.min(server),
            (own, server) => own.or(server).unwrap_or_else(|| self.clock.last()),
        };
        (self.clock.last() - begin.max(self.clock.start)) as f64 / 1000.0
    }

    /// The beginning of the history, when it is later than that of the range.
    pub(super) fn shortened(&self) -> Option<i64> {
        let own = self.firsts.values().copied().flatten().min();
        let begin = self.begin.into_iter().chain(own).min()?;
        (begin > self.clock.start + self.pace() + LOOKBACK).then_some(begin)
    }

    fn pace(&self) -> i64 {
        let length = self.clock.last() - self.clock.start;
        // On whole steps, at least one.
        ((length / PLACES) / self.clock.step).max(1) * self.clock.step
    }

    async fn first(&mut self, selector: &str) -> Result<Option<i64>, NoVerdict> {
        if let Some(first) = self.firsts.get(selector) {
            return Ok(*first);
        }
        let time = (self.clock.start as f64 / 1000.0, self.clock.last() as f64 / 1000.0);
        let pace = self.pace() as f64 / 1000.0;
        let courses = self.server.query_range(&format!("count({selector})"), time, pace, &|_, _| {}).await?;
        let seconds = courses.first().and_then(|course| course.points.first()).map(|point| point.0);
        let first = seconds.and_then(|seconds| self.clock.index(seconds)).map(|index| self.clock.at(index));
        self.firsts.insert(selector.to_owned(), first);
        Ok(first)
    }
}

/// A time in warnings.
pub(super) fn shown(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.strftime("%Y-%m-%dT%H:%MZ").to_string()).unwrap_or_default()
}
