//! The conditions of alerts: a closed set of shapes. Each shape renders itself as an alert expression, and judges the
//! samples of one run for the exporter's own verdict. Conditions over time are judged by Prometheus only.

pub mod history;
pub mod limits;
pub mod threshold;
pub mod value;

use crate::metric::Metric;
use crate::samples::Series;
use history::History;
use limits::{Limits, number};
use threshold::{Direction, Levels, Severity, Threshold};
use value::{Computed, Scope, Selector, Value, agreed, of};

/// The condition of an alert.
#[derive(Debug, Clone, Copy)]
pub enum When {
    Beyond(Value, &'static Threshold),
    /// `part` divided by `whole` is beyond `limit`, and `part` is beyond `floor`: a large share of very few is no
    /// problem.
    Enough {
        part: Selector,
        /// The total, with the same labels as `part`.
        whole: Selector,
        /// The limit of the share.
        limit: &'static Threshold,
        /// The minimum of `part`.
        floor: &'static Threshold,
    },
    /// The series was above the threshold for a whole week. Missed scrapes do not count as a pause. A pending time
    /// (`for`) of a week cannot be used, because it begins anew with every missed scrape.
    Lasting(Selector, &'static Threshold),
    Zero(Selector),
    /// The series is 0, or was 0 at least twice within a quarter of an hour and for a third of it. Behind one address
    /// may be several servers of which one fails, and a crash loop answers between two crashes: a pending time (`for`)
    /// would begin anew with each success.
    Failing(Selector),
    /// The first metric is smaller than the second for the same labels, and has not changed for ten minutes. A value
    /// that changes belongs to a rollout that makes progress.
    Fewer(&'static Metric, &'static Metric),
    /// The first metric is 0 although the second is not.
    None(&'static Metric, &'static Metric),
    /// The remaining time is below the threshold, or below a share of the whole lifetime (from `begin` to `end`) when
    /// that is shorter.
    Expiring {
        /// The metric with the start of the lifetime.
        begin: &'static Metric,
        /// The metric with the end of the lifetime.
        end: &'static Metric,
        /// The remaining time from which on the alert fires.
        lead: &'static Threshold,
        /// The divisors of the lifetime for warning and critical: 3 stands for a third.
        parts: (f64, f64),
    },
    /// A condition over time, which only Prometheus can judge.
    History(History),
}

impl When {
    /// Returns the threshold whose levels decide the severities.
    pub const fn threshold(&self) -> Option<&'static Threshold> {
        match self {
            Self::Beyond(_, threshold)
            | Self::Enough { limit: threshold, .. }
            | Self::Lasting(_, threshold)
            | Self::Expiring { lead: threshold, .. } => Some(*threshold),
            Self::History(history) => history.threshold,
            Self::Zero(_) | Self::Failing(_) | Self::Fewer(..) | Self::None(..) => None,
        }
    }

    /// Returns the value and its threshold, when the comparison of both decides alone at any moment.
    pub const fn value(&self) -> Option<(Value, &'static Threshold)> {
        match self {
            Self::Beyond(value, threshold) => Some((*value, threshold)),
            Self::Lasting(selector, threshold) => Some((Value::Of(*selector), threshold)),
            _ => None,
        }
    }

    /// Returns the metrics that the condition reads.
    pub fn metrics(&self) -> Vec<&'static Metric> {
        match self {
            Self::Beyond(value, _) => value.selectors().iter().map(|selector| selector.metric).collect(),
            Self::Enough { part, whole, .. } => vec![part.metric, whole.metric],
            Self::Zero(selector) | Self::Failing(selector) | Self::Lasting(selector, _) => vec![selector.metric],
            Self::Fewer(a, b) | Self::None(a, b) => vec![*a, *b],
            Self::Expiring { begin, end, .. } => vec![*begin, *end],
            Self::History(history) => history.metrics.to_vec(),
        }
    }

    /// Returns whether only Prometheus can judge the condition.
    pub const fn needs_history(&self) -> bool {
        matches!(self, Self::History(..))
    }

    /// Returns the alert expression for a severity.
    pub fn promql(&self, scope: &Scope, limits: &Limits, severity: Severity) -> String {
        let max = |metric| agreed("max", &of(metric), scope);
        match self {
            Self::Beyond(value, threshold) => {
                let operator = match threshold.direction {
                    Direction::Above => ">",
                    Direction::Below => "<",
                };
                format!("{} {operator} {}", value.promql(scope), limits.level(threshold, severity))
            }
            Self::Enough { part, whole, limit, floor } => {
                let beyond = Self::Beyond(Value::Share(*part, *whole), limit).promql(scope, limits, severity);
                format!("{beyond} and {} >= {}", scope.max_of(part), number(limits.value(floor)))
            }
            Self::Lasting(selector, threshold) => {
                let (least, begun) = (
                    scope.over_of("min_over_time", selector, "7d"),
                    scope.over_of("count_over_time", selector, "1d@6d"),
                );
                format!("{least} > {} and {begun}", limits.level(threshold, severity))
            }
            Self::Zero(selector) => format!("{} == 0", agreed("max", selector, scope)),
            Self::Failing(selector) => failing(
                &agreed("max", selector, scope),
                &scope.over_of("avg_over_time", selector, FAILING_WINDOW),
                &scope.over_of("changes", selector, FAILING_WINDOW),
            ),
            Self::Fewer(have, want) => {
                format!("{} < {} and {} == 0", max(have), max(want), scope.over("changes", have, "10m"))
            }
            Self::None(have, want) => format!("{} == 0 and {} > 0", max(have), max(want)),
            Self::Expiring { begin, end, lead, parts } => {
                let limit = limits.of(lead).at(severity).unwrap_or(f64::NAN);
                // The lowest of half an hour: behind one address may be several servers, of which one still has the old
                // certificate.
                let [last, first] = [end, begin].map(|metric| scope.over("min_over_time", metric, "30m"));
                let [end, begin] = [end, begin].map(|metric| scope.max(metric));
                let ends = |end: &str, begin: &str| {
                    let lead = format!("clamp_max(({end} - {begin}) / {}, {})", part(*parts, severity), number(limit));
                    format!("{end} - time() < {lead}")
                };
                // One that lives for hours may be renewed half an hour before its end. The lowest is that of the old one
                // then, so only the present one counts.
                format!(
                    "{} unless ({end} - {begin} < {} unless {})",
                    ends(&last, &first),
                    number(86_400.0),
                    ends(&end, &begin)
                )
            }
            Self::History(history) => (history.expr)(scope, limits, severity),
        }
    }

    /// Returns the values in one run's samples at `now` (Unix seconds) that the alert expression would return. Empty
    /// for a condition over time.
    pub fn offenders(&self, samples: &[Series], now: f64, limits: &Limits, severity: Severity) -> Vec<Computed> {
        let pairs = |a, b| pairs(samples, now, a, b).into_iter();
        match self {
            Self::Beyond(value, threshold) => {
                let Some(limit) = limits.of(threshold).at(severity) else { return Vec::new() };
                let bad = |computed: &Computed| match threshold.direction {
                    Direction::Above => computed.value > limit,
                    Direction::Below => computed.value < limit,
                };
                value.compute(samples, now).into_iter().filter(bad).collect()
            }
            Self::Enough { part, whole, limit, floor } => {
                let (all, least) = (Value::Of(*part).compute(samples, now), limits.value(floor));
                let share = Self::Beyond(Value::Share(*part, *whole), limit);
                let mut offenders = share.offenders(samples, now, limits, severity);
                offenders.retain(|offender| all.iter().any(|one| one.labels == offender.labels && one.value >= least));
                offenders
            }
            // One run sees only the present value. The duration is judged by Prometheus.
            Self::Lasting(selector, threshold) => {
                Self::Beyond(Value::Of(*selector), threshold).offenders(samples, now, limits, severity)
            }
            Self::Zero(selector) | Self::Failing(selector) => {
                Value::Of(*selector).compute(samples, now).into_iter().filter(|c| c.value == 0.0).collect()
            }
            Self::Fewer(have, want) => pairs(have, want).filter(|(c, want)| c.value < *want).map(|(c, _)| c).collect(),
            Self::None(have, want) => {
                pairs(have, want).filter(|(c, want)| c.value == 0.0 && *want > 0.0).map(|(c, _)| c).collect()
            }
            Self::Expiring { begin, end, lead, parts } => {
                let Some(limit) = limits.of(lead).at(severity) else { return Vec::new() };
                let left = |(c, begin): (Computed, f64)| {
                    let lead = ((c.value - begin) / part(*parts, severity)).min(limit);
                    let value = c.value - now;
                    (value < lead).then_some(Computed { value, ..c })
                };
                pairs(end, begin).filter_map(left).collect()
            }
            Self::History(..) => Vec::new(),
        }
    }

    /// Returns the worst value in one run's samples at `now` (Unix seconds), with the limits that apply to it. `None`
    /// for conditions without a limit or over time.
    pub fn worst(&self, samples: &[Series], now: f64, limits: &Limits) -> Option<(Computed, Levels)> {
        match self {
            Self::Beyond(value, threshold) => {
                let values = value.compute(samples, now).into_iter();
                let worst = match threshold.direction {
                    Direction::Above => values.max_by(|a, b| a.value.total_cmp(&b.value)),
                    Direction::Below => values.min_by(|a, b| a.value.total_cmp(&b.value)),
                };
                Some((worst?, limits.of(threshold)))
            }
            Self::Enough { part, whole, limit, .. } => {
                Self::Beyond(Value::Share(*part, *whole), limit).worst(samples, now, limits)
            }
            Self::Lasting(selector, limit) => Self::Beyond(Value::Of(*selector), limit).worst(samples, now, limits),
            Self::Expiring { begin, end, lead, parts } => {
                let lead = limits.of(lead);
                let left = |(end, begin): (Computed, f64)| {
                    let at = |severity| Some(lead.at(severity)?.min((end.value - begin) / part(*parts, severity)));
                    let levels = Levels { warning: at(Severity::Warning), critical: at(Severity::Critical) };
                    (Computed { value: end.value - now, ..end }, levels)
                };
                pairs(samples, now, end, begin).into_iter().map(left).min_by(|a, b| a.0.value.total_cmp(&b.0.value))
            }
            Self::Zero(_) | Self::Failing(_) | Self::Fewer(..) | Self::None(..) | Self::History(..) => None,
        }
    }
}

/// The time within which [`failing`] counts.
pub const FAILING_WINDOW: &str = "15m";

/// Returns the condition of [`When::Failing`] for expressions of the value, its mean and its changes.
pub fn failing(now: &str, mean: &str, changes: &str) -> String {
    format!("{now} == 0 or ({mean} < 0.7 and {changes} >= 4)")
}

/// Pairs each value of one metric with the value of another metric with the same labels.
fn pairs(samples: &[Series], now: f64, one: &'static Metric, other: &'static Metric) -> Vec<(Computed, f64)> {
    let values = |metric| Value::Of(of(metric)).compute(samples, now);
    let others = values(other);
    let with_other = |one: Computed| {
        let other = others.iter().find(|other| other.labels == one.labels)?.value;
        Some((one, other))
    };
    values(one).into_iter().filter_map(with_other).collect()
}

/// Returns the divisor of the lifetime for a severity.
const fn part(parts: (f64, f64), severity: Severity) -> f64 {
    match severity {
        Severity::Warning => parts.0,
        Severity::Critical => parts.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::certificates::{NOT_AFTER, NOT_BEFORE, SIGNAL};
    use crate::units::DAY;

    #[test]
    fn a_certificate_is_judged_by_the_shorter_of_the_lead_time_and_a_share_of_its_lifetime() {
        let mut samples = SIGNAL.samples();
        for (name, life) in [("short", 3.0), ("long", 90.0)] {
            samples.set(&NOT_BEFORE, ["endpoint", name, "ca", "leaf"], 0.0);
            samples.set(&NOT_AFTER, ["endpoint", name, "ca", "leaf"], life * DAY);
        }
        let (series, _) = samples.into_series();
        let expiring = &SIGNAL.alerts[0].when;
        let limits = Limits::default();
        let (left, levels) = expiring.worst(&series, 2.5 * DAY, &limits).unwrap_or_else(|| panic!("no value"));
        assert_eq!((left.value, levels.warning, levels.critical), (0.5 * DAY, Some(0.75 * DAY), Some(0.3 * DAY)));
        let severe = |now| !expiring.offenders(&series, now, &limits, Severity::Critical).is_empty();
        assert!(!severe(2.5 * DAY) && severe(2.8 * DAY));
    }
}
