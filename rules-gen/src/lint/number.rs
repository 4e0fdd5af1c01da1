//! Numbers as the YAML reader of Prometheus (yaml.v3) accepts them.

/// Whether the reader accepts a plain value for a field of type `int64`. It accepts fractions too and cuts off the
/// decimals.
#[expect(clippy::cast_precision_loss, reason = "Go compares with the nearest float as well")]
pub(super) fn is_taken_as_whole(text: &str) -> bool {
    match whole(text) {
        Some((negative, value)) => i64::try_from(value).is_ok() || (negative && value == i64::MIN.unsigned_abs()),
        None => decimal(text).is_some_and(|value| value < i64::MAX as f64),
    }
}

/// Whether a scalar with the tag `!!int` is accepted.
pub(super) fn is_integer(text: &str) -> bool {
    whole(text).is_some_and(|(negative, value)| !negative || value <= i64::MIN.unsigned_abs())
}

/// Whether a scalar with the tag `!!float` is accepted.
pub(crate) fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let infinite = matches!(unsigned, ".inf" | ".Inf" | ".INF");
    infinite || matches!(text, ".nan" | ".NaN" | ".NAN") || whole(text).is_some() || decimal(text).is_some()
}

/// Whether a text may be a number. One with another first character, such as `_1` and `nan`, is not.
fn begins_like_a_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

/// Returns whether an integer is negative, and its absolute value.
fn whole(text: &str) -> Option<(bool, u64)> {
    if !begins_like_a_number(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let based = |prefixes: [&str; 2], radix| {
        let digits = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix))?;
        // Go accepts no second sign after the prefix.
        Some(u64::from_str_radix(digits, radix)).filter(|_| !digits.starts_with('+'))
    };
    let bits = [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2), (["0", "0"], 8)];
    let whole = bits.into_iter().find_map(|(prefixes, radix)| based(prefixes, radix)?.ok());
    let whole = whole.or_else(|| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?);
    Some((negative, whole?))
}

/// Returns the value of a number with decimals or an exponent.
fn decimal(text: &str) -> Option<f64> {
    if !begins_like_a_number(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let of_a_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let numeric = digits.bytes().all(of_a_number) && digits.bytes().any(|byte| byte.is_ascii_digit());
    plain.parse().ok().filter(|value: &f64| numeric && value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_accepted_in_the_notations_of_go() {
        for good in [
            "0",
            "5",
            "-5",
            "+5",
            "05",
            "08",
            "0o7",
            "0O7",
            "-0o7",
            "0x1F",
            "0X1F",
            "-0x1",
            "0b11",
            "1_000",
            "1__0",
            "1e2",
            "5.0",
            "1.5",
            "-1.5",
            ".5",
            "5.",
            "1e-2",
            "1_0.0",
            "1e18",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert!(is_taken_as_whole(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "_1",
            "1e19",
            "1e30",
            "1e400",
            "99999999999999999999",
            "9223372036854775808",
            ".inf",
            ".nan",
            "true",
            "1:30",
            "2020-01-01",
            "0x",
            "0xg",
            "0o8",
            "0b2",
            "1e",
            ".",
            "5m",
        ] {
            assert!(!is_taken_as_whole(bad), "{bad}");
        }
    }

    #[test]
    fn numbers_with_a_tag_are_accepted_as_by_go() {
        for (text, integer, float) in [
            ("0x1F", true, true),
            ("1_0", true, true),
            ("017", true, true),
            ("-0x5", true, true),
            ("18446744073709551615", true, true),
            ("-9223372036854775809", false, true),
            ("99999999999999999999", false, true),
            ("1.0", false, true),
            ("1e3", false, true),
            (".inf", false, true),
            ("-.INF", false, true),
            (".nan", false, true),
            ("", false, false),
            ("x", false, false),
        ] {
            assert_eq!((is_integer(text), is_float(text)), (integer, float), "{text}");
        }
    }
}
