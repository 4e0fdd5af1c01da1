//! Integers as the YAML reader of Prometheus (yaml.v3) accepts them.

/// Whether the reader accepts a plain value for a field of type `int64`. It accepts fractions too and cuts off the
/// decimals.
#[expect(clippy::cast_precision_loss, reason = "Go compares with the nearest float as well")]
pub(super) fn is_taken_as_whole(text: &str) -> bool {
    // Values with another first character, such as `_1` and `nan`, are not numbers.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
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
    if let Some(whole) = whole {
        return i64::try_from(whole).is_ok() || (negative && whole == i64::MIN.unsigned_abs());
    }
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    decimal && plain.parse::<f64>().is_ok_and(|value| value.is_finite() && value < i64::MAX as f64)
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
}
