//! The clock of the simulation, which counts minutes.

/// Seconds in an hour.
pub const HOUR: f64 = 3_600.0;
/// Seconds in a day.
pub const DAY_SECONDS: f64 = 86_400.0;

/// Start of the simulation: Monday, 2 March 2026, 00:00 UTC, in Unix seconds.
pub const BEGIN: i64 = 1_772_409_600;

/// Converts a minute of the simulation to Unix seconds.
pub fn at(minute: usize) -> f64 {
    BEGIN as f64 + minute as f64 * 60.0
}

/// Returns for every minute the sum of the last `length` values.
pub fn sliding(values: &[f64], length: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |minute: usize| {
        sum += values[minute] - minute.checked_sub(length).map_or(0.0, |old| values[old]);
        sum
    };
    (0..values.len()).map(add).collect()
}
