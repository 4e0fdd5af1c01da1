//! The evaluations of one rule over a time, each label set with a machine per variant.

use super::machine::{Episode, Machine, Waits};
use super::sweep::Variant;
use crate::promql::Comparison;
use crate::review::rule_set::ListedRule;
use crate::server::{Labels, Series};
use std::collections::BTreeMap;

/// Points of a curve in a chart.
pub(super) const BUCKETS: usize = 600;
/// Curves beyond this are not kept.
const MAX_CURVES: usize = 200;

/// The evaluations: their times in milliseconds, and at which of them Prometheus was down.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// The first evaluation.
    pub start: i64,
    /// Time between two evaluations.
    pub step: i64,
    /// How many.
    pub count: usize,
    /// Evaluations that did not happen because Prometheus was down, in order.
    pub missed: Vec<bool>,
}

impl Clock {
    /// The time of an evaluation.
    pub(super) fn at(&self, index: usize) -> i64 {
        self.start + i64::try_from(index).unwrap_or(i64::MAX / 2).saturating_mul(self.step)
    }

    /// The evaluation at a time in seconds, if there is one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    pub(super) fn index(&self, seconds: f64) -> Option<usize> {
        let index = ((seconds * 1000.0 - self.start as f64) / self.step as f64).round();
        (index >= 0.0 && index < self.count as f64).then_some(index as usize)
    }

    /// The last evaluation.
    pub(super) fn last(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    fn happened(&self, from: usize, to: usize) -> impl Iterator<Item = i64> {
        (from..to).filter(|index| !self.is_missed(*index)).map(|index| self.at(index))
    }

    fn is_missed(&self, index: usize) -> bool {
        self.missed.get(index).copied().unwrap_or_default()
    }
}

/// Lowest and highest value in each piece of the time.
pub(super) type Curve = Vec<Option<(f64, f64)>>;

struct Set {
    machines: Vec<Machine>,
    /// The first evaluation that was not made yet.
    next: usize,
    curve: Option<Curve>,
}

/// What one variant did: the episodes of each label set.
pub(super) type Outcome = BTreeMap<Labels, Vec<Episode>>;

/// The replay of one rule.
pub(super) struct Replay<'a> {
    rule: &'a ListedRule,
    clock: &'a Clock,
    variants: &'a [Variant],
    comparison: Option<Comparison>,
    draws: bool,
    sets: BTreeMap<Labels, Set>,
}

impl<'a> Replay<'a> {
    /// A replay before its first evaluation. With a comparison the values are compared here; without one each point means
    /// that the expression was true.
    pub(super) const fn new(
        rule: &'a ListedRule,
        clock: &'a Clock,
        variants: &'a [Variant],
        comparison: Option<Comparison>,
        draws: bool,
    ) -> Self {
        Self { rule, clock, variants, comparison, draws, sets: BTreeMap::new() }
    }

    /// Takes the points of some series; every later call has later points.
    pub(super) fn take(&mut self, courses: Vec<Series>) {
        for course in courses {
            let labels = self.labels(course.labels);
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
            for (seconds, value) in course.points {
                let Some(index) = self.clock.index(seconds) else { continue };
                // Prometheus cannot distinguish two series of one label set either.
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

    /// An alert has the labels of its series without the metric's name, and those of its rule.
    fn labels(&self, mut labels: Labels) -> Labels {
        labels.remove("__name__");
        labels.extend(self.rule.labels.clone());
        labels
    }

    /// The outcome of every variant, and the curves.
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

    /// A minute a point, from `begin` on.
    fn course(begin: u32, values: &[f64]) -> Series {
        let points = (begin..).zip(values).map(|(n, value)| (f64::from(n) * 60.0, *value)).collect();
        Series { labels: Labels::from([("__name__".to_owned(), "m".to_owned())]), points }
    }

    #[test]
    fn values_are_judged_here_over_slices_and_an_outage_resolves_nothing() {
        let mut clock = Clock { start: 0, step: 60_000, count: 20, missed: vec![false; 20] };
        clock.missed[8..10].fill(true);
        let variant = |limit| Variant { value: None, limit: Some(limit), pending: Duration::ZERO };
        let variants = [variant(0.5), variant(5.0)];
        let rule = rule();
        let mut replay = Replay::new(&rule, &clock, &variants, Some(Comparison::Greater), true);
        replay.take(vec![course(5, &[1.0, 1.0, 9.0])]);
        replay.take(vec![course(10, &[9.0, 1.0, 0.0])]);
        let (outcomes, curves) = replay.finish();
        let labels = Labels::from([("severity".to_owned(), "page".to_owned())]);
        let minute = |begin: i64, end: i64| Episode { begin: begin * 60_000, end: end * 60_000, open: false };
        assert_eq!(outcomes[0][&labels], [minute(5, 12)]);
        assert_eq!(outcomes[1][&labels], [minute(7, 11)]);
        assert!(curves[&labels].iter().flatten().any(|(_, high)| (high - 9.0).abs() < 1e-9));
    }
}
