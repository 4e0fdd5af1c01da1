//! Quantities as people write them: `26h`, `1d12h`, `100MiB`, `70%`.

use crate::condition::threshold::Unit;

/// Reads a value of a unit; the error says what would be right.
pub(crate) fn parse(text: &str, unit: Unit) -> Result<f64, &'static str> {
    let text = text.trim();
    let value = match unit {
        Unit::Seconds => seconds(text).ok_or("a duration like 30s, 15m, 26h or 7d")?,
        Unit::Bytes => bytes(text).ok_or("a size like 512KiB, 100MiB or 2GiB")?,
        Unit::Ratio => ratio(text).ok_or("a share like 70% or 0.7")?,
        Unit::Count => text.parse().map_err(|_| "a plain number")?,
    };
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("a value that is not negative") }
}

fn seconds(text: &str) -> Option<f64> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("w", 604_800.0)];
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, tail) = split_number(rest)?;
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total += number * units.iter().find(|(name, _)| *name == unit)?.1;
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
        "MiB" | "Mi" => 1_048_576.0,
        "GiB" | "Gi" => 1_073_741_824.0,
        "TiB" | "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some(number * factor)
}

fn ratio(text: &str) -> Option<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&value).then_some(value)
}

fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!(parse("26h", Unit::Seconds), Ok(93_600.0));
        assert_eq!(parse("1d12h", Unit::Seconds), Ok(129_600.0));
        assert_eq!(parse("100MiB", Unit::Bytes), Ok(104_857_600.0));
        assert_eq!(parse("70%", Unit::Ratio), Ok(0.7));
        assert_eq!(parse("0.7", Unit::Ratio), Ok(0.7));
        assert_eq!(parse("50", Unit::Count), Ok(50.0));
    }

    #[test]
    fn a_wrong_unit_says_what_would_be_right() {
        assert_eq!(parse("26 hours", Unit::Seconds), Err("a duration like 30s, 15m, 26h or 7d"));
        assert_eq!(parse("26", Unit::Seconds), Err("a duration like 30s, 15m, 26h or 7d"));
        assert_eq!(parse("", Unit::Seconds), Err("a duration like 30s, 15m, 26h or 7d"));
        assert_eq!(parse("70", Unit::Ratio), Err("a share like 70% or 0.7"));
        assert_eq!(parse("100Mb", Unit::Bytes), Err("a size like 512KiB, 100MiB or 2GiB"));
        assert_eq!(parse("1e999", Unit::Count), Err("a value that is not negative"));
    }
}
