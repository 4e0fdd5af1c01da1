//! Replays the evaluations of one rule over a range. Each label set has one state machine for each variant of the rule.

use super::machine::{Episode, Machine, Waits};
use super::sweep::Variant;
use crate::promql::Comparison;
use crate::review::rule_set::ListedRule;
use crate::server::{Labels, Series};
use std::collections::BTreeMap;

/// The number of points of a curve in a chart.
pub(super) const BUCKETS: usize = 600;
/// The largest number of curves that a replay keeps for one rule.
const MAX_CURVES: usize = 200;

/// The times of the evaluations in milliseconds, and at which of them Prometheus was down.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// The time of the first evaluation.
    pub start: i64,
    /// Milliseconds between two evaluations.
    pub step: i64,
    /// The number of evaluations.
    pub count: usize,
    /// For each evaluation, whether it did not take place because Prometheus was down.
    pub missed: Vec<bool>,
}

impl Clock {
    /// Returns the time of the evaluation with a number, counted from 0.
    pub(super) fn at(&self, index: usize) -> i64 {
        self.start + i64::try_from(index).unwrap_or(i64::MAX / 2).saturating_mul(self.step)
    }

    /// Returns the number of the evaluation at a time in seconds. `None` outside the range.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    pub(super) fn index(&self, seconds: f64) -> Option<usize> {
        let index = ((seconds * 1000.0 - self.start as f64) / self.step as f64).round();
        (index >= 0.0 && index < self.count as f64).then_some(index as usize)
    }

    /// Returns the time of the last evaluation.
    pub(super) fn last(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// The times of the evaluations in `from..to` at which Prometheus was up.
    fn happened(&self, from: usize, to: usize) -> impl Iterator<Item = i64> {
        (from..to).filter(|index| !self.is_missed(*index)).map(|index| self.at(index))
    }

    fn is_missed(&self, index: usize) -> bool {
        self.missed.get(index).copied().unwrap_or_default()
    }
}

/// The lowest and the highest value in each of [`BUCKETS`] equal parts of the range. `None` in a part without samples.
pub(super) type Curve = Vec<Option<(f64, f64)>>;

/// The state of one label set during a replay.
struct Set {
    /// One machine for each variant.
    machines: Vec<Machine>,
    /// The number of the first evaluation that the machines have not made yet.
    next: usize,
    curve: Option<Curve>,
}

/// The episodes of each label set that fired, for one variant of the rule.
pub(super) type Outcome = BTreeMap<Labels, Vec<Episode>>;

/// The replay of one rule.
pub(super) struct Replay<'a> {
    rule: &'a ListedRule,
    clock: &'a Clock,
    variants: &'a [Variant],
    comparison: Option<Comparison>,
    /// Whether curves for a chart are kept.
    draws: bool,
    sets: BTreeMap<Labels, Set>,
}

impl<'a> Replay<'a> {
    /// Returns a replay before its first evaluation. With `comparison`, the points are values of the left side, and the
    /// replay compares them with each variant's limit. Without one, the points are results of the whole expression, and
    /// each means that it was true.
    pub(super) const fn new(
        rule: &'a ListedRule,
        clock: &'a Clock,
        variants: &'a [Variant],
        comparison: Option<Comparison>,
        draws: bool,
    ) -> Self {
        Self { rule, clock, variants, comparison, draws, sets: BTreeMap::new() }
    }

    /// Evaluates the points of some series. Each call must pass later points than the call before.
    pub(super) fn take(&mut self, all: Vec<Series>) {
        for series in all {
            let labels = self.labels(series.labels);
            let draws = self.draws && self.sets.len() < MAX_CURVES;
            let machine = |variant: &Variant| {
                Machine::new(Waits {
                    pending: i64::try_from(variant.pending.as_millis()).unwrap_or(i64::MAX),
                    keep_firing: i64::try_from(self.rule.keep_firing.as_millis()).unwrap_or(i64::MAX),
                })
            };
            let set = self.sets.entry(labels).or_insert_with(|| Set {
                machines: self.variants.iter().map(machine).collect(),
                next: 0,
                curve: draws.then(|| vec![None; BUCKETS]),
            });
            for (seconds, value) in series.points {
                let Some(index) = self.clock.index(seconds) else { continue };
                // Skips a second point of the same evaluation: two series that differ only in the metric's name have
                // one label set here.
                if index < set.next || self.clock.is_missed(index) {
                    continue;
                }
                for (machine, variant) in set.machines.iter_mut().zip(self.variants) {
                    machine.quiet(self.clock.happened(set.next, index));
                    let holds = match (self.comparison, variant.limit) {
                        (Some(comparison), Some(limit)) => comparison.holds(value, limit),
                        _ => true,
                    };
                    machine.evaluate(self.clock.at(index), holds);
                }
                set.next = index + 1;
                if let Some(curve) = &mut set.curve {
                    let bucket = &mut curve[index * BUCKETS / self.clock.count];
                    let (low, high) = bucket.unwrap_or((value, value));
                    *bucket = Some((low.min(value), high.max(value)));
                }
            }
        }
    }

    /// Returns the labels of an alert: those of the series without the metric's name, and those that the rule sets.
    fn labels(&self, mut labels: Labels) -> Labels {
        labels.remove("__name__");
        labels.extend(self.rule.labels.clone());
        labels
    }

    /// Makes the evaluations that are left, and returns the outcome of each variant and the curves.
    pub(super) fn finish(self) -> (Vec<Outcome>, BTreeMap<Labels, Curve>) {
        let mut outcomes: Vec<Outcome> = vec![Outcome::new(); self.variants.len()];
        let mut curves = BTreeMap::new();
        for (labels, set) in self.sets {
            for (mut machine, outcome) in set.machines.into_iter().zip(&mut outcomes) {
                machine.quiet(self.clock.happened(set.next, self.clock.count));
                let episodes = machine.finish(self.clock.last());
                if !episodes.is_empty() {
                    outcome.insert(labels.clone(), episodes);
                }
            }
            if let Some(curve) = set.curve {
                curves.insert(labels, curve);
            }
        }
        (outcomes, curves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::rule_set::Kind;
    use std::time::Duration;

    fn rule() -> ListedRule {
        ListedRule {
            group: String::new(),
            interval: None,
            kind: Kind::Alert,
            name: "A".to_owned(),
            expr: String::new(),
            pending: Duration::ZERO,
            keep_firing: Duration::ZERO,
            labels: Labels::from([("severity".to_owned(), "page".to_owned())]),
            annotations: Labels::new(),
        }
    }

    /// A series with one value a minute, from minute `begin` on.
    fn series(begin: u32, values: &[f64]) -> Series {
        let points = (begin..).zip(values).map(|(n, value)| (f64::from(n) * 60.0, *value)).collect();
        Series { labels: Labels::from([("__name__".to_owned(), "m".to_owned())]), points }
    }

    #[test]
    fn values_are_evaluated_across_slices_and_an_outage_resolves_no_alert() {
        let mut clock = Clock { start: 0, step: 60_000, count: 20, missed: vec![false; 20] };
        clock.missed[8..10].fill(true);
        let variant = |limit| Variant { value: None, limit: Some(limit), pending: Duration::ZERO };
        let variants = [variant(0.5), variant(5.0)];
        let rule = rule();
        let mut replay = Replay::new(&rule, &clock, &variants, Some(Comparison::Greater), true);
        replay.take(vec![series(5, &[1.0, 1.0, 9.0])]);
        replay.take(vec![series(10, &[9.0, 1.0, 0.0])]);
        let (outcomes, curves) = replay.finish();
        let labels = Labels::from([("severity".to_owned(), "page".to_owned())]);
        let minute = |begin: i64, end: i64| Episode { begin: begin * 60_000, end: end * 60_000, open: false };
        assert_eq!(outcomes[0][&labels], [minute(5, 12)]);
        assert_eq!(outcomes[1][&labels], [minute(7, 11)]);
        assert!(curves[&labels].iter().flatten().any(|(_, high)| (high - 9.0).abs() < 1e-9));
    }
}
