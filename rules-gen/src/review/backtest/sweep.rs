//! The arguments `--sweep` (values to try instead of the rule's own) and `--budget` (pages that are allowed).

use crate::promql::LimitComparison;
use crate::promql::duration;
use crate::promql::duration::prometheus_duration;
use std::time::Duration;

/// The largest number of values in a sweep.
const MAX_VALUES: usize = 200;

/// Values that a backtest tries instead of the rule's own value.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// Limits for the comparison of the expression, in ascending order.
    Threshold(Vec<f64>),
    /// Durations for `for`, in ascending order.
    For(Vec<Duration>),
}

impl Sweep {
    /// Parses `threshold=FROM:TO:STEP`, `threshold=A,B,C` or `for=5m,15m,30m`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = "allowed: threshold=FROM:TO:STEP, threshold=A,B,C, for=5m,15m,30m";
        match text.split_once('=') {
            Some(("threshold", values)) => {
                let number = |text: &str| {
                    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                    number.ok_or_else(|| format!("{text:?} is not a number"))
                };
                let parts = values.split(':').collect::<Vec<_>>();
                let mut values = match parts.as_slice() {
                    [from, to, step] => steps(number(from)?, number(to)?, number(step)?)?,
                    [list] => list.split(',').map(number).collect::<Result<_, _>>()?,
                    _ => return Err(known.to_owned()),
                };
                values.sort_by(f64::total_cmp);
                values.dedup();
                enough(values.len())?;
                Ok(Self::Threshold(values))
            }
            Some(("for", values)) => {
                let mut waits = values.split(',').map(duration::parse).collect::<Result<Vec<_>, _>>()?;
                waits.sort_unstable();
                waits.dedup();
                enough(waits.len())?;
                Ok(Self::For(waits))
            }
            _ => Err(known.to_owned()),
        }
    }
}

fn enough(count: usize) -> Result<(), String> {
    if count > MAX_VALUES { Err(format!("{count} values; at most {MAX_VALUES}")) } else { Ok(()) }
}

/// Returns `FROM`, `FROM + STEP` and so on until `TO`. Each is rounded to twelve decimals, so that 0.1 + 0.2 gives 0.3.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
fn steps(from: f64, to: f64, step: f64) -> Result<Vec<f64>, String> {
    if step <= 0.0 || to < from {
        return Err("FROM:TO:STEP needs FROM <= TO and STEP > 0".to_owned());
    }
    let count = ((to - from) / step + 1e-9).floor();
    if count >= MAX_VALUES as f64 {
        return Err(format!("more than {MAX_VALUES} values"));
    }
    let clean = |value: f64| format!("{value:.12}").parse().unwrap_or(value);
    Ok((0..=count as u32).map(|n| clean(from + f64::from(n) * step)).collect())
}

/// A rule as it is, or with one value of the sweep.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    /// The value of the sweep. `None` for the rule as it is.
    pub value: Option<String>,
    /// The limit that the replay compares with. `None` when the server evaluates the whole expression.
    pub limit: Option<f64>,
    /// The duration of `for`.
    pub pending: Duration,
}

/// Returns the rule as it is, then a variant for each value of the sweep, the most sensitive first. The second result
/// is false when the values have no such order, as with `==`.
pub(super) fn variants(
    sweep: Option<&Sweep>,
    own: Duration,
    compared: Option<&LimitComparison>,
) -> (Vec<Variant>, bool) {
    let limit = compared.map(|compared| compared.limit);
    let mut variants = vec![Variant { value: None, limit, pending: own }];
    match (sweep, compared) {
        (Some(Sweep::Threshold(values)), Some(compared)) => {
            let smaller = compared.comparison.smaller_is_more_sensitive();
            let mut values = values.clone();
            if smaller == Some(false) {
                values.reverse();
            }
            let with = |value: f64| Variant { value: Some(value.to_string()), limit: Some(value), pending: own };
            variants.extend(values.into_iter().map(with));
            (variants, smaller.is_some())
        }
        (Some(Sweep::For(waits)), _) => {
            let with = |wait: &Duration| Variant { value: Some(prometheus_duration(*wait)), limit, pending: *wait };
            variants.extend(waits.iter().map(with));
            (variants, true)
        }
        (Some(Sweep::Threshold(_)) | None, _) => (variants, false),
    }
}

/// The largest number of pages that an alert may cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    pub pages: f64,
    /// The time in which that many pages are allowed.
    pub per: Duration,
    /// The budget as the user wrote it.
    pub text: String,
}

impl Budget {
    /// Parses `2/week`, `1/day` or `5/30d`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = "examples: 2/week, 1/day, 5/30d";
        let (pages, per) = text.split_once('/').ok_or(known)?;
        let pages = pages.trim().parse::<f64>().ok().filter(|pages| pages.is_finite() && *pages >= 0.0).ok_or(known)?;
        let per = match per.trim() {
            "hour" => Duration::from_hours(1),
            "day" => Duration::from_hours(24),
            "week" => Duration::from_hours(7 * 24),
            "month" => Duration::from_hours(30 * 24),
            other => duration::parse(other)?,
        };
        if per.is_zero() { Err(known.to_owned()) } else { Ok(Self { pages, per, text: text.to_owned() }) }
    }

    /// Whether `pages` in `seconds` are within the budget. If the history is shorter than the budget's time, it is too
    /// short for a rate, and the pages may reach the whole budget.
    pub fn allows(&self, pages: usize, seconds: f64) -> bool {
        pages as f64 <= self.pages * (seconds / self.per.as_secs_f64()).max(1.0) + 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_and_budgets_are_parsed() {
        let Ok(Sweep::Threshold(values)) = Sweep::parse("threshold=0.6:0.9:0.05") else { panic!("no sweep") };
        let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9"]);
        let minutes = |minutes| Duration::from_mins(minutes);
        assert_eq!(Sweep::parse("for=15m,5m"), Ok(Sweep::For(vec![minutes(5), minutes(15)])));
        for wrong in ["threshold=1:0:1", "threshold=0:1:0", "threshold=0:1:0.0001", "for=x", "y=1", "threshold=a"] {
            assert!(Sweep::parse(wrong).is_err(), "{wrong}");
        }
        let Ok(budget) = Budget::parse("2/week") else { panic!("no budget") };
        assert!(budget.allows(8, 28.0 * 86_400.0) && !budget.allows(9, 28.0 * 86_400.0));
        assert!(budget.allows(2, 3.0 * 3_600.0) && !budget.allows(3, 3.0 * 3_600.0), "three hours are no week");
        assert!(Budget::parse("2").is_err() && Budget::parse("x/week").is_err() && Budget::parse("1/0s").is_err());
    }
}
