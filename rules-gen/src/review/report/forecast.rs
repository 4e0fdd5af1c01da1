//! Forecasts a year from ninety daily values, with a seasonal model that has intervals, and with a straight line.
//!
//! The seasonal model separates the weekly pattern from the rest (MSTL: Bandara, Hyndman and Bergmeir 2021) and
//! continues the rest by exponential smoothing with additive errors (ETS: Hyndman et al. 2008). The intervals of ETS
//! have a formula and need no random numbers, so the same history gives the same forecast.

use augurs::ets::AutoETS;
use augurs::mstl::MSTLModel;
use augurs::{Fit, Predict};

/// Days of history that a forecast uses.
pub const HISTORY_DAYS: usize = 90;
/// The smallest number of days with which there is a forecast. Eight weeks show the weekly pattern at least four times
/// on each half of the history.
pub const LEAST_DAYS: usize = 60;
/// The largest number of consecutive days without a value. A longer gap would be filled with a straight line that says
/// nothing.
const LONGEST_GAP: usize = 7;
/// The largest share of days without a value, from 0 to 1.
const MOST_MISSING: f64 = 0.15;
/// Days ahead: a leap year.
pub const AHEAD_DAYS: usize = 366;
/// The share of future values that lie within the interval, from 0 to 1.
pub const LEVEL: f64 = 0.90;
/// The last days of the history, on which the error of the models is measured.
const HELD_OUT: usize = 14;
const WEEK: usize = 7;

/// A forecast with one value a day, starting the day after the history.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// The history with its gaps filled, one value a day. The last value is at the report's time.
    pub history: Vec<f64>,
    /// The values of the seasonal model.
    pub seasonal: Vec<f64>,
    /// The lower end of the seasonal model's interval.
    pub low: Vec<f64>,
    /// The upper end of the seasonal model's interval.
    pub high: Vec<f64>,
    /// The values of a straight line through the history (least squares).
    pub linear: Vec<f64>,
    /// The slope of the straight line, per day.
    pub slope: f64,
    /// The mean absolute percentage errors on the last [`HELD_OUT`] days, as ratios: of the seasonal model, then of the
    /// line. Both were fitted without these days.
    pub error: Option<(f64, f64)>,
}

/// Forecasts from one value a day, the oldest first. `None` is a day without a value.
///
/// # Errors
/// The reason why the history does not suffice, for the report.
pub fn forecast(days: &[Option<f64>]) -> Result<Forecast, String> {
    let history = enough(days)?;
    let held = history.len().saturating_sub(HELD_OUT);
    let error = (held >= LEAST_DAYS).then(|| {
        let (before, after) = history.split_at(held);
        let (line, _) = linear(before, after.len());
        Some((mape(after, &seasonal(before, after.len()).ok()?.0)?, mape(after, &line)?))
    });
    let (points, low, high) = seasonal(&history, AHEAD_DAYS)?;
    let (linear, slope) = linear(&history, AHEAD_DAYS);
    // Bytes, requests and cores are never negative.
    let floor = |values: Vec<f64>| values.into_iter().map(|value| value.max(0.0)).collect();
    let (seasonal, low, high, linear) = (floor(points), floor(low), floor(high), floor(linear));
    Ok(Forecast { history, seasonal, low, high, linear, slope, error: error.flatten() })
}

/// Checks that the history suffices, drops the days before the first value, and fills the gaps.
fn enough(days: &[Option<f64>]) -> Result<Vec<f64>, String> {
    let first = days.iter().position(Option::is_some).ok_or("no history")?;
    let days = &days[first..];
    if days.len() < LEAST_DAYS {
        return Err(format!("only {} days of history; a forecast needs {LEAST_DAYS}", days.len()));
    }
    let missing = days.iter().filter(|day| day.is_none()).count();
    if missing as f64 > MOST_MISSING * days.len() as f64 {
        return Err(format!("{missing} of {} days have no value", days.len()));
    }
    let longest = days.split(Option::is_some).map(<[_]>::len).max().unwrap_or(0);
    if longest > LONGEST_GAP {
        return Err(format!("{longest} consecutive days have no value"));
    }
    if days.last().is_some_and(Option::is_none) {
        return Err("the last day has no value".to_owned());
    }
    Ok(filled(days))
}

/// Fills each gap with a straight line between its neighbours. The first and the last day must have a value.
fn filled(days: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<(usize, f64)> = days.iter().enumerate().filter_map(|(at, day)| Some((at, (*day)?))).collect();
    let value = |at: usize| {
        let after = known.partition_point(|(day, _)| *day < at).min(known.len().saturating_sub(1));
        let (right, high) = known[after];
        let (left, low) = known[after.saturating_sub(usize::from(right > at))];
        if right == left { high } else { low + (high - low) * (at - left) as f64 / (right - left) as f64 }
    };
    (0..days.len()).map(value).collect()
}

/// The points of a model, and the lower and upper ends of its interval.
type Band = (Vec<f64>, Vec<f64>, Vec<f64>);

/// Fits the seasonal model and returns its values and the ends of its interval.
fn seasonal(history: &[f64], ahead: usize) -> Result<Band, String> {
    let (mean, scale) = spread(history);
    // A constant series has no variance, and the models cannot be fitted to it.
    if scale <= mean.abs() * 1e-9 {
        let flat = vec![mean; ahead];
        return Ok((flat.clone(), flat.clone(), flat));
    }
    // The decomposition uses single precision, in which gigabytes would lose their last digits. So the values are
    // scaled.
    let scaled: Vec<f64> = history.iter().map(|value| (value - mean) / scale).collect();
    let wrong = |error: &dyn std::fmt::Display| format!("the seasonal model does not fit: {error}");
    let trend = AutoETS::new(1, "AZN").and_then(|ets| ets.damped(false)).map_err(|error| wrong(&error))?;
    let fitted = MSTLModel::new(vec![WEEK], trend.into_trend_model()).fit(&scaled).map_err(|error| wrong(&error))?;
    let forecast = fitted.predict(ahead, LEVEL).map_err(|error| wrong(&error))?;
    let back = |values: Vec<f64>| values.into_iter().map(|value| value * scale + mean).collect::<Vec<f64>>();
    let intervals = forecast.intervals.ok_or("the seasonal model gives no interval")?;
    let band = (back(forecast.point), back(intervals.lower), back(intervals.upper));
    let whole = [&band.0, &band.1, &band.2].iter().all(|values| values.iter().all(|value| value.is_finite()));
    if whole { Ok(band) } else { Err("the seasonal model gives no number".to_owned()) }
}

/// Fits a straight line by ordinary least squares. Returns its values for the days ahead, and its slope per day.
fn linear(history: &[f64], ahead: usize) -> (Vec<f64>, f64) {
    let count = history.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, history.iter().sum::<f64>() / count);
    let (mut xy, mut xx) = (0.0, 0.0);
    for (at, value) in history.iter().enumerate() {
        let x = at as f64 - mean_x;
        xy += x * (value - mean_y);
        xx += x * x;
    }
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    let value = |day: usize| mean_y + slope * ((history.len() + day) as f64 - mean_x);
    ((0..ahead).map(value).collect(), slope)
}

/// The mean and the standard deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Returns the mean absolute percentage error as a ratio. `None` when a true value is zero.
pub fn mape(truth: &[f64], guess: &[f64]) -> Option<f64> {
    let errors: Option<Vec<f64>> =
        truth.iter().zip(guess).map(|(t, g)| (*t != 0.0).then(|| ((t - g) / t).abs())).collect();
    errors.filter(|errors| !errors.is_empty()).map(|errors| errors.iter().sum::<f64>() / errors.len() as f64)
}

/// Returns the first day ahead, counted from 1, on which a value is at or above the limit.
pub fn reaches(values: &[f64], limit: f64) -> Option<usize> {
    values.iter().position(|value| *value >= limit).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform random numbers from -1 to 1, always the same: a linear congruential generator with the constants of
    /// Knuth's MMIX.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }
    }

    /// A series with a trend, a weekly pattern that is lower on the weekend, and noise.
    fn synthetic(days: usize, seed: u64, (slope, season, noise): (f64, f64, f64)) -> Vec<f64> {
        let mut random = Noise(seed);
        let day = |at: usize| {
            let week = if at % WEEK >= 5 { -season } else { 0.4 * season };
            1000.0 + slope * at as f64 + week + noise * random.next()
        };
        (0..days).map(day).collect()
    }

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    /// Compares the errors of the seasonal model, of the line and of "as on the last day", beyond ninety days of
    /// history.
    #[test]
    #[expect(clippy::print_stdout, reason = "the errors are what the test is for")]
    fn the_forecast_of_held_out_history_is_better_than_the_last_value() -> Result<(), String> {
        for (name, shape) in [
            ("growth, strong week", (5.0, 200.0, 20.0)),
            ("growth, weak week, noise", (3.0, 30.0, 60.0)),
            ("no growth, strong week", (0.0, 200.0, 20.0)),
        ] {
            for ahead in [28, 91, 182, 365] {
                let (mut model, mut line, mut naive, mut inside) = (0.0, 0.0, 0.0, 0.0);
                let seeds = 1..=8_u64;
                let count = 8.0;
                for seed in seeds {
                    let whole = synthetic(HISTORY_DAYS + ahead, seed, shape);
                    let (past, future) = whole.split_at(HISTORY_DAYS);
                    let forecast = forecast(&some(past))?;
                    let none = || "no error".to_owned();
                    model += mape(future, &forecast.seasonal).ok_or_else(none)? / count;
                    line += mape(future, &forecast.linear).ok_or_else(none)? / count;
                    naive += mape(future, &vec![past[HISTORY_DAYS - 1]; ahead]).ok_or_else(none)? / count;
                    let held = |(at, value): (usize, &f64)| (forecast.low[at]..=forecast.high[at]).contains(value);
                    inside += future.iter().enumerate().filter(|day| held(*day)).count() as f64 / ahead as f64 / count;
                }
                println!(
                    "{name}, {ahead} days: seasonal {:.2}%, linear {:.2}%, last value {:.2}%, inside {:.0}%",
                    model * 100.0,
                    line * 100.0,
                    naive * 100.0,
                    inside * 100.0
                );
                assert!(model < naive * 0.9 && model < 0.15, "{name}, {ahead} days: {model} against {naive}");
                assert!(inside > 0.6, "{name}, {ahead} days: the interval holds {inside}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_same_history_gives_the_same_forecast() -> Result<(), String> {
        let days = some(&synthetic(HISTORY_DAYS, 7, (2.0, 100.0, 10.0)));
        assert_eq!(format!("{:?}", forecast(&days)?), format!("{:?}", forecast(&days)?));
        Ok(())
    }

    #[test]
    fn too_little_history_is_refused_with_the_reason() {
        let refused = |days: &[Option<f64>]| forecast(days).err().unwrap_or_default();
        assert_eq!(refused(&[]), "no history");
        assert_eq!(refused(&[Some(1.0); 30]), "only 30 days of history; a forecast needs 60");
        let mut gap = vec![Some(1.0); 90];
        gap[20..30].fill(None);
        assert_eq!(refused(&gap), "10 consecutive days have no value");
        let holes: Vec<_> = (0..90).map(|at| (at % 3 > 0).then_some(1.0)).collect();
        assert!(refused(&holes).ends_with("of 89 days have no value"), "{}", refused(&holes));
        let mut stale = vec![Some(1.0); 90];
        stale[88..].fill(None);
        assert_eq!(refused(&stale), "the last day has no value");
    }

    #[test]
    fn small_gaps_are_interpolated_and_a_constant_series_stays_constant() -> Result<(), String> {
        assert_eq!(filled(&[Some(1.0), None, None, Some(4.0), Some(2.0)]), [1.0, 2.0, 3.0, 4.0, 2.0]);
        let flat = forecast(&[Some(5e11); 90])?;
        assert!(flat.seasonal.iter().chain(&flat.linear).all(|value| (value - 5e11).abs() < 1.0));
        assert_eq!(reaches(&flat.seasonal, 6e11), None);
        Ok(())
    }

    #[test]
    fn a_linear_trend_reaches_its_limit_on_the_exact_day() -> Result<(), String> {
        let days: Vec<_> = (0..90).map(|at| Some(f64::from(at))).collect();
        let straight = forecast(&days)?;
        assert_eq!(reaches(&straight.linear, 100.0), Some(11), "the last day is 89");
        let seasonal = reaches(&straight.seasonal, 100.0).unwrap_or_default();
        assert!((10..=12).contains(&seasonal), "{seasonal}");
        Ok(())
    }
}
