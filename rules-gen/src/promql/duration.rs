//! Parses and writes durations in the notation of Prometheus.

use std::time::Duration;

/// The longest duration: Prometheus uses 63 bits of nanoseconds, which is 292 years.
pub const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

/// Parses `1h30m`, `90s`, `5m`, `2w`, `250ms` or `0`. As in Prometheus, units go from large to small and each occurs at
/// most once.
pub fn parse(text: &str) -> Result<Duration, String> {
    let milliseconds =
        milliseconds(text).ok_or_else(|| format!("{text:?} is not a duration; examples: 90s, 15m, 1h30m, 30d"))?;
    let length = u64::try_from(milliseconds).ok().map(Duration::from_millis).filter(|length| *length <= LONGEST);
    length.ok_or_else(|| format!("{text} is too long: the maximum is 292y"))
}

/// Returns the milliseconds of a duration. It does not overflow, however long the duration is.
fn milliseconds(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut milliseconds: u128 = 0;
    for (unit, length) in UNITS {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Some(after) = rest[digits..].strip_prefix(unit) else { continue };
        // The `m` of "5ms" does not mean minutes.
        if digits == 0 || (unit == "m" && after.starts_with('s')) {
            continue;
        }
        let number: u128 = rest[..digits].parse().unwrap_or(u128::MAX);
        milliseconds = milliseconds.saturating_add(number.saturating_mul(length));
        rest = after;
    }
    (!text.is_empty() && rest.is_empty()).then_some(milliseconds)
}

const UNITS: [(&str, u128); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Writes a duration as Prometheus does: 90 seconds are `1m30s`.
pub fn prometheus_duration(duration: Duration) -> String {
    if duration.subsec_millis() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    let mut rest = duration.as_secs();
    let mut text = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            text += &format!("{}{unit}", rest / seconds);
            rest %= seconds;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
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
