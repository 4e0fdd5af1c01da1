//! Parses and writes durations in the notation of Prometheus.

use std::time::Duration;

/// Parses `1h30m`, `90s`, `5m`, `2w`, `250ms` or `0`. As in Prometheus, units go from large to small and each occurs at
/// most once.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let length = promql::seconds(text).map(Duration::from_secs_f64);
    length.map_err(|why| format!("{text:?} is not a duration such as 90s, 15m, 1h30m or 30d: {why}"))
}

/// Writes a duration as Prometheus does: 90 seconds are `1m30s`. Parts of a millisecond are left out.
#[expect(clippy::cast_precision_loss, reason = "whole milliseconds of at most 292 years are exact in a float")]
pub fn prometheus_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    promql::duration(milliseconds as f64 / 1_000.0).unwrap_or_else(|| format!("{milliseconds}ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_compared_by_value() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("30d"), Ok(Duration::from_hours(720)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert!(parse("292y").is_ok() && parse("106751d").is_ok());
        for wrong in [
            "",
            "5",
            "5m1h",
            "1m1m",
            " 5m",
            "m",
            "5x",
            "-1m",
            "99999999999999999999y",
            "9999999999999y",
            "293y",
            "106752d",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
