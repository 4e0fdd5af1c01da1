//! The wall clock.

/// Returns the present Unix time in seconds.
pub fn unix_now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
