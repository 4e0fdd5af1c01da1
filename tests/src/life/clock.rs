//! The clock of the model: one value a minute.

/// Seconds of an hour.
pub const HOUR: f64 = 3_600.0;
/// Seconds of a day.
pub const DAY_SECONDS: f64 = 86_400.0;

/// Where the clock of the model begins: Monday, 2 March 2026, midnight, Unix seconds.
pub const BEGIN: i64 = 1_772_409_600;

/// Unix seconds of a minute.
pub fn at(minute: usize) -> f64 {
    BEGIN as f64 + minute as f64 * 60.0
}

/// The sum of the last minutes, at every minute.
pub fn sliding(values: &[f64], length: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |minute: usize| {
        sum += values[minute] - minute.checked_sub(length).map_or(0.0, |old| values[old]);
        sum
    };
    (0..values.len()).map(add).collect()
}
