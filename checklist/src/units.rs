//! Quantities: parsing of values as people write them (`26h`, `1d12h`, `100MiB`, `70%`), and formatting for people and
//! for programs. Values are always in base units: seconds, bytes, ratios from 0 to 1.

use std::fmt::Write as _;

pub const MINUTE: f64 = 60.0;
pub const HOUR: f64 = 3_600.0;
pub const DAY: f64 = 86_400.0;
pub const MIB: f64 = 1_048_576.0;
pub const GIB: f64 = 1_073_741_824.0;

/// The unit of a value. It is always a base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    /// A plain number.
    Count,
    /// A share of a whole, from 0 to 1.
    Ratio,
    Seconds,
}

const TIMES: [(&str, f64); 6] = [("ms", 0.001), ("s", 1.0), ("m", MINUTE), ("h", HOUR), ("d", DAY), ("w", 7.0 * DAY)];
const SIZES: [(&str, f64); 4] = [("TiB", MIB * MIB), ("GiB", GIB), ("MiB", MIB), ("KiB", 1024.0)];

impl Unit {
    /// Parses a value. The error describes the expected form.
    ///
    /// # Errors
    /// The text is not in this unit, or the value is negative.
    pub fn parse(self, text: &str) -> Result<f64, &'static str> {
        let text = text.trim();
        let value = match self {
            Self::Seconds => seconds(text).ok_or("a duration such as 30s, 15m, 26h or 7d")?,
            Self::Bytes => bytes(text).ok_or("a size such as 512KiB, 100MiB or 2GiB")?,
            Self::Ratio => ratio(text).ok_or("a ratio such as 70% or 0.7")?,
            Self::Count => text.parse().map_err(|_| "a number")?,
        };
        if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("a value that is not negative") }
    }

    /// Formats a value so that parsing returns the same value, as checklist.yaml has it: `26h`, `1m30s`, `70%`,
    /// `100MiB`, `50`.
    pub fn exact(self, value: f64) -> String {
        match self {
            Self::Bytes => {
                let whole = |(_, size): &&(&str, f64)| value >= *size && (value / size * 100.0).fract() == 0.0;
                let (name, size) = SIZES.iter().find(whole).copied().unwrap_or(("B", 1.0));
                format!("{}{name}", value / size)
            }
            Self::Count => format!("{value}"),
            Self::Ratio => format!("{}%", (value * 1e10).round() / 1e8),
            Self::Seconds => {
                let mut text = String::new();
                let mut rest = value;
                for (name, size) in TIMES.iter().rev().skip(1) {
                    let whole = if *name == "ms" { (rest / size).round() } else { (rest / size).floor() };
                    if whole > 0.0 && (*name != "d" || by_days(value)) {
                        // Writing to a String cannot fail.
                        let _ = write!(text, "{whole}{name}");
                        rest -= whole * size;
                    }
                }
                if text.is_empty() { "0s".to_owned() } else { text }
            }
        }
    }

    /// Formats a value for people, rounded, with at most two units: `26h`, `5d 21h`, `1.4 s`, `391 MiB`, `12.5%`,
    /// `1,000,000`. NaN is "no value".
    pub fn human(self, value: f64) -> String {
        if !value.is_finite() {
            return if value.is_nan() { "no value".to_owned() } else { "no limit".to_owned() };
        }
        if value < 0.0 {
            let positive = self.human(-value);
            return if positive.starts_with('0') && !positive.contains(|c: char| ('1'..='9').contains(&c)) {
                positive
            } else {
                format!("-{positive}")
            };
        }
        match self {
            Self::Bytes => {
                // The factor 0.9995 switches to the next unit where rounding would print 1024 of a unit.
                let (name, size) = SIZES.iter().find(|(_, size)| value >= size * 0.9995).copied().unwrap_or(("B", 1.0));
                format!("{} {name}", significant(value / size))
            }
            Self::Count => significant(value),
            // Two decimals, so that a value just below 100% is not rounded to 100%.
            Self::Ratio if value >= 0.01 => format!("{}%", (value * 1e4).round() / 1e2),
            Self::Ratio => format!("{}%", significant(value * 100.0)),
            Self::Seconds => human_seconds(value),
        }
    }

    /// Returns the Go template that shows `$value` in this unit.
    pub const fn template(self) -> &'static str {
        match self {
            Self::Bytes => "{{ $value | humanize1024 }}B",
            Self::Count => "{{ $value | humanize }}",
            Self::Ratio => "{{ $value | humanizePercentage }}",
            Self::Seconds => "{{ $value | humanizeDuration }}",
        }
    }
}

/// Returns whether a duration is written in days: from three days on, or for whole days. Below that the written
/// checklist uses hours ("26h").
fn by_days(seconds: f64) -> bool {
    seconds >= 3.0 * DAY || (seconds % DAY == 0.0 && seconds > 0.0)
}

/// Formats a number with three significant digits, or with all digits before the decimal point, and commas between
/// thousands.
fn significant(value: f64) -> String {
    let mut factor = 1.0;
    while value > 0.0 && value * factor < 99.95 && factor < 1e8 {
        factor *= 10.0;
    }
    let text = format!("{}", (value * factor).round() / factor);
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &rest
}

fn human_seconds(value: f64) -> String {
    if value < 0.9995 && value > 0.0 {
        return format!("{} ms", significant(value * 1_000.0));
    }
    if value < 59.5 {
        let tenths = if value < 9.95 { 10.0 } else { 1.0 };
        return format!("{} s", (value * tenths).round() / tenths);
    }
    // Round to the smaller unit first, so that the result has no 60s or 24h.
    let step = if value >= 3.0 * DAY {
        HOUR
    } else if value >= HOUR {
        MINUTE
    } else {
        1.0
    };
    let value = (value / step).round() * step;
    let units: &[(&str, f64)] = match value {
        value if by_days(value) => &[("d", DAY), ("h", HOUR)],
        value if value >= HOUR => &[("h", HOUR), ("m", MINUTE)],
        _ => &[("m", MINUTE), ("s", 1.0)],
    };
    let mut rest = value;
    let mut parts = Vec::new();
    for (name, size) in units {
        let whole = (rest / size).floor();
        if whole > 0.0 {
            parts.push(format!("{}{name}", significant(whole)));
            rest -= whole * size;
        }
    }
    parts.join(" ")
}

fn seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, tail) = split_number(rest)?;
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total += number * TIMES.iter().find(|(name, _)| *name == unit)?.1;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = split_number(text)?;
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" | "Ki" => 1024.0,
        "MiB" | "Mi" => MIB,
        "GiB" | "Gi" => GIB,
        "TiB" | "Ti" => MIB * MIB,
        _ => return None,
    };
    Some(number * factor)
}

fn ratio(text: &str) -> Option<f64> {
    let value = match text.strip_suffix('%') {
        // Shift the decimal point in the text instead of dividing, so that 0.035% is exactly the float 0.00035.
        Some(percent) => format!("{}e-2", percent.trim()).parse().ok()?,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&value).then_some(value)
}

/// Splits a text into a leading number and the rest.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_parsed_with_common_units_and_spacing() {
        assert_eq!(Unit::Seconds.parse("26h"), Ok(93_600.0));
        assert_eq!(Unit::Seconds.parse("1d12h"), Ok(129_600.0));
        assert_eq!(Unit::Bytes.parse("100MiB"), Ok(104_857_600.0));
        assert_eq!(Unit::Ratio.parse("70%"), Ok(0.7));
        assert_eq!(Unit::Ratio.parse("0.7"), Ok(0.7));
        assert_eq!(Unit::Count.parse("50"), Ok(50.0));
    }

    #[test]
    fn the_error_for_a_wrong_unit_names_valid_ones() {
        for wrong in ["26 hours", "26", "", "1d 2h"] {
            assert_eq!(Unit::Seconds.parse(wrong), Err("a duration such as 30s, 15m, 26h or 7d"), "{wrong}");
        }
        assert_eq!(Unit::Ratio.parse("70"), Err("a ratio such as 70% or 0.7"));
        assert_eq!(Unit::Bytes.parse("100Mb"), Err("a size such as 512KiB, 100MiB or 2GiB"));
        assert_eq!(Unit::Count.parse("1e999"), Err("a value that is not negative"));
    }

    #[test]
    fn an_exactly_printed_value_parses_to_the_same_value() {
        for (unit, value, text) in [
            (Unit::Seconds, 26.0 * HOUR, "26h"),
            (Unit::Seconds, DAY, "1d"),
            (Unit::Seconds, 5.0 * DAY + 61.5, "5d1m1s500ms"),
            (Unit::Seconds, 0.25, "250ms"),
            (Unit::Seconds, 0.0, "0s"),
            (Unit::Ratio, 0.7, "70%"),
            (Unit::Ratio, 0.00035, "0.035%"),
            (Unit::Bytes, 100.0 * MIB, "100MiB"),
            (Unit::Bytes, 1_000_001.0, "1000001B"),
            (Unit::Count, 0.5, "0.5"),
        ] {
            assert_eq!(unit.exact(value), text);
            assert_eq!(unit.parse(text), Ok(value));
        }
    }

    #[test]
    fn durations_and_sizes_are_printed_with_at_most_two_units() {
        for (unit, value, text) in [
            (Unit::Seconds, 26.0 * HOUR, "26h"),
            (Unit::Seconds, DAY, "1d"),
            (Unit::Seconds, 30.0 * DAY, "30d"),
            (Unit::Seconds, -(5.0 * DAY + 21.0 * HOUR + 21.0 * MINUTE + 59.153), "-5d 21h"),
            (Unit::Seconds, 7.0 * DAY - 1.0, "7d"),
            (Unit::Seconds, 3_599.9, "1h"),
            (Unit::Seconds, 90.0, "1m 30s"),
            (Unit::Seconds, 59.7, "1m"),
            (Unit::Seconds, 9.96, "10 s"),
            (Unit::Seconds, 1.42, "1.4 s"),
            (Unit::Seconds, 2.0, "2 s"),
            (Unit::Seconds, 0.25, "250 ms"),
            (Unit::Seconds, 0.000_12, "0.12 ms"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Seconds, 4_000.0 * DAY, "4,000d"),
            (Unit::Bytes, 409_993_216.0, "391 MiB"),
            (Unit::Bytes, 1.5 * GIB, "1.5 GiB"),
            (Unit::Bytes, GIB - 1.0, "1 GiB"),
            (Unit::Bytes, 12.0, "12 B"),
            (Unit::Count, 1.0e9, "1,000,000,000"),
            (Unit::Count, 1234.5, "1,235"),
            (Unit::Count, 0.1 + 0.2, "0.3"),
            (Unit::Count, -0.000_000_000_1, "0"),
            (Unit::Ratio, 0.7, "70%"),
            (Unit::Ratio, 0.123_45, "12.35%"),
            (Unit::Ratio, 0.999_5, "99.95%"),
            (Unit::Ratio, 0.000_4, "0.04%"),
            (Unit::Ratio, f64::NAN, "no value"),
            (Unit::Count, f64::INFINITY, "no limit"),
        ] {
            assert_eq!(unit.human(value), text, "{unit:?} {value}");
        }
    }
}
