//! Numbers and durations: how they are recognised in a text, their values, and how they are written.

/// The longest duration that Prometheus accepts, in seconds: 2^63 nanoseconds, about 292 years.
pub(crate) const LONGEST: f64 = 9_223_372_036.854_776;

/// The units of durations with their length in milliseconds. Prometheus accepts units in this order only.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The result of [`scan`] for a text that begins with a digit, or with a point and a digit. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The length of the number, and which servers accept its spelling.
    Number(usize, Spelling),
    Duration(usize),
    /// Neither a number nor a duration: the length of the text that was taken for one.
    Neither(usize),
}

/// Which servers accept the spelling of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// All versions.
    Plain,
    /// Versions since 2.54, which accept underscores.
    Underscores,
    /// Only versions before 2.54. For example, later versions refuse `0xee` at the end of an expression.
    Old,
}

/// Recognises a number or a duration at the beginning of a text.
pub(crate) fn scan(text: &str) -> Scanned {
    let (new, old) = (with_underscores(text), without_underscores(text));
    let valid = |length: usize| value(&text[..length]).is_some();
    match (new, old) {
        (Ok(length), Ok(other)) if length == other => return Scanned::Number(length, Spelling::Plain),
        (Ok(length), _) if valid(length) => return Scanned::Number(length, Spelling::Underscores),
        // A number with two points is one mistake, not two numbers.
        (_, Ok(length)) if valid(length) && !text[length..].starts_with('.') => {
            return Scanned::Number(length, Spelling::Old);
        }
        (Ok(length), _) => return Scanned::Number(length, Spelling::Plain),
        _ => {}
    }
    let from = new.unwrap_or_else(|at| at).min(old.unwrap_or_else(|at| at));
    let end = text.bytes().take_while(|byte| is_alphanumeric(*byte) || *byte == b'.').count().max(1);
    match units(&text.as_bytes()[from..]) {
        Some(length) => Scanned::Duration(from + length),
        None => Scanned::Neither(end),
    }
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the length in bytes of what follows the first digits of a duration: `m`, or `h30m`. `None` when that is no
/// unit.
fn units(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut allowed: &[u8] = b"smhdwy";
    loop {
        if !allowed.contains(text.get(at)?) {
            return None;
        }
        // An unknown unit such as `hs` passes here. `duration` reports it with a better message.
        at += 1 + usize::from(text.get(at + 1) == Some(&b's'));
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return (!text.get(at).is_some_and(|byte| is_alphanumeric(*byte))).then_some(at);
        }
        at += digits;
        allowed = b"smhdw";
    }
}

/// Returns the length of a number by the rules of Prometheus 2.54 and later, or the position at which the number is
/// wrong.
fn with_underscores(text: &str) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let hexadecimal = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let digit = |at: usize| {
        bytes.get(at).is_some_and(|byte| if hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })
    };
    let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
    let mut at = 0;
    if hexadecimal {
        at = 2 + usize::from(is(2, b"_"));
    } else if is(0, b"0") {
        at = 1;
    }
    at += usize::from(is(at, b"."));
    at += usize::from(digit(at));
    // A leading point does not count as the point of the number, so `.5.5` is one wrong number instead of two numbers.
    let (mut point, mut exponent) = (false, false);
    loop {
        if is(at, b".") {
            if point || is(at + 1, b"_.") || hexadecimal {
                return Err(at + 1);
            }
            point = true;
            at += 1;
        } else if is(at, b"eE") {
            if exponent {
                return Err(at + 1);
            }
            exponent = true;
            at += 1 + usize::from(is(at + 1, b"+-"));
            if is(at, b"._eE") || at >= bytes.len() {
                return Err(at);
            }
        } else if is(at, b"_") {
            at += 1;
            if is(at, b"._eE") || at >= bytes.len() {
                return Err(at);
            }
        } else if digit(at) {
            while digit(at) {
                at += 1;
            }
        } else {
            break;
        }
    }
    if bytes.get(at).is_some_and(|byte| is_alphanumeric(*byte)) { Err(at) } else { Ok(at) }
}

/// Returns the length of a number by the rules of Prometheus before 2.54, or the position at which the number is wrong.
fn without_underscores(text: &str) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let hexadecimal = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let digits = |from: usize, hexadecimal: bool| {
        let digit = |byte: &&u8| if hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        from + bytes[from.min(bytes.len())..].iter().take_while(digit).count()
    };
    let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
    let mut at = digits(if hexadecimal { 2 } else { 0 }, hexadecimal);
    if is(at, b".") {
        at = digits(at + 1, hexadecimal);
    }
    if is(at, b"eE") {
        at += 1;
        at = digits(at + usize::from(is(at, b"+-")), false);
    }
    if bytes.get(at).is_some_and(|byte| is_alphanumeric(*byte)) { Err(at) } else { Ok(at) }
}

/// Returns the value of a whole number in base 8, 10 or 16, or of a decimal fraction. `None` when it is not a number or
/// too large.
#[expect(clippy::cast_precision_loss, reason = "Prometheus takes the nearest float as well")]
pub(crate) fn value(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "inf" => return Some(f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let plain = text.replace('_', "");
    let hexadecimal = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X"));
    // Underscores must be single, and stand between two digits or directly behind `0x`.
    let lower = text.to_ascii_lowercase();
    let body = lower.strip_prefix("0x").map_or(lower.as_str(), |rest| rest.strip_prefix('_').unwrap_or(rest));
    let between = |at: usize| {
        let near = |at: Option<usize>| {
            let byte = at.and_then(|at| body.as_bytes().get(at));
            byte.is_some_and(
                |byte| if hexadecimal.is_some() { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() },
            )
        };
        near(at.checked_sub(1)) && near(Some(at + 1))
    };
    if body.bytes().enumerate().any(|(at, byte)| byte == b'_' && !between(at)) {
        return None;
    }
    if let Some(digits) = hexadecimal {
        return i64::from_str_radix(digits, 16).ok().map(|whole| whole as f64);
    }
    let octal =
        plain.strip_prefix('0').filter(|rest| !rest.is_empty() && rest.bytes().all(|b| matches!(b, b'0'..=b'7')));
    if let Some(whole) = octal.and_then(|digits| i64::from_str_radix(digits, 8).ok()) {
        return Some(whole as f64);
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Returns the seconds of a duration such as `1h30m`. The error says whether a unit is unknown, out of order, or the
/// duration is too long.
#[expect(clippy::cast_precision_loss, reason = "292 years in milliseconds are exact in a float")]
pub(crate) fn duration(text: &str) -> Result<f64, &'static str> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let (count, name) = (&rest[..digits], &rest[digits..digits + unit]);
        let Some((_, length)) = units.find(|(unit, _)| *unit == name).filter(|_| digits > 0) else {
            let known = UNITS.iter().any(|(unit, _)| *unit == name);
            return Err(if known && digits > 0 {
                "units of a duration stand once each, from the longest to the shortest"
            } else {
                "units of a duration are y, w, d, h, m, s and ms"
            });
        };
        let more = count.parse::<u64>().ok().and_then(|count| count.checked_mul(*length));
        total = more.and_then(|more| total.checked_add(more)).ok_or("the duration is longer than 292 years")?;
        rest = &rest[digits + unit..];
    }
    if total > i64::MAX.unsigned_abs() / 1_000_000 {
        return Err("the duration is longer than 292 years");
    }
    Ok(total as f64 / 1_000.0)
}

/// Writes seconds as a duration such as `1h30m`. `None` when the value is not a whole number of milliseconds or above
/// [`LONGEST`].
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, positive and below 292 years")]
pub(crate) fn in_units(seconds: f64) -> Option<String> {
    let milliseconds = (seconds.abs() * 1_000.0).round();
    #[expect(clippy::float_cmp, reason = "what is written must read the same")]
    if milliseconds / 1_000.0 != seconds.abs() || seconds.abs() > LONGEST {
        return None;
    }
    let mut rest = milliseconds as u64;
    let mut text = if seconds.is_sign_negative() { "-".to_owned() } else { String::new() };
    if rest == 0 {
        return Some(text + "0s");
    }
    for (unit, length) in UNITS {
        // Prometheus writes years and weeks only when nothing is left over: 8 days are `8d`, not `1w1d`.
        let whole = !matches!(unit, "y" | "w") || rest.is_multiple_of(length);
        if rest >= length && whole {
            text += &format!("{}{unit}", rest / length);
            rest %= length;
        }
    }
    Some(text)
}

/// Writes a number so that parsing returns the same value. Only very small and very large numbers have an exponent.
pub(crate) fn plain(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match value.abs() {
        size if size.is_nan() => format!("{sign}NaN"),
        size if size.is_infinite() => format!("{sign}Inf"),
        size if size == 0.0 || (1e-7..1e21).contains(&size) => format!("{value}"),
        _ => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_value_that_prometheus_gives_them() {
        for (text, worth) in [
            ("08", 8.0),
            ("010", 8.0),
            ("0_8", 8.0),
            ("0x1F", 31.0),
            ("0x_1", 1.0),
            ("1_000", 1_000.0),
            ("1_0.5", 10.5),
            (".5e1", 5.0),
            ("1.", 1.0),
            ("1.e5", 100_000.0),
            ("9999999999999999999999", 1e22),
        ] {
            assert!(matches!(scan(text), Scanned::Number(length, _) if length == text.len()), "{text}");
            assert_eq!(value(text), Some(worth), "{text}");
            assert_eq!(value(&plain(worth)), Some(worth));
        }
        for none in ["0b11", "1__0", "5x", "0x1E+1_", "1_"] {
            assert!(!matches!(scan(none), Scanned::Number(length, _) if length == none.len()), "{none}");
        }
        assert_eq!(scan("0xee"), Scanned::Number(4, Spelling::Old));
        assert_eq!(scan("0x1E+1"), Scanned::Number(4, Spelling::Old));
        assert_eq!(scan("1_000"), Scanned::Number(5, Spelling::Underscores));
        assert!(value("1e400").is_none());
    }

    #[test]
    fn printed_durations_parse_to_the_same_value() {
        for (text, seconds) in [("1h30m", 5_400.0), ("90m", 5_400.0), ("1y2w3d", 33_004_800.0), ("5ms", 0.005)] {
            assert_eq!(scan(text), Scanned::Duration(text.len()));
            assert_eq!(duration(text), Ok(seconds));
            assert_eq!(duration(&in_units(seconds).unwrap()), Ok(seconds));
        }
        assert_eq!(in_units(5_400.0).unwrap(), "1h30m");
        assert_eq!(in_units(-604_800.0).unwrap(), "-1w");
        assert_eq!(in_units(0.0001), None);
        for none in ["5hs", "1m1h", "1m1m", "300y"] {
            assert!(duration(none).is_err(), "{none}");
        }
        assert_eq!(scan("5mm"), Scanned::Neither(3));
    }
}
