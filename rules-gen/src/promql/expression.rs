//! Expressions of others, parsed within bounds: the trees are walked by recursion, so a text must not choose their depth.

use crate::promql::duration::{self, LONGEST};
use promql_parser::parser::{self, Expr};

/// Deeper than anyone writes.
const MAX_BRACKETS: usize = 200;
/// Each operator may be a level of the tree; longer than anyone writes.
const MAX_OPERATORS: usize = 500;
/// Seconds behind `@` that Prometheus takes: 63 bits.
const LATEST: f64 = 9_223_372_036_854_775_807.0;

/// The parsed expression.
///
/// # Errors
/// What is wrong, in one line; also when it is nested too deep or has too many operators.
pub fn parse(expr: &str) -> Result<Expr, String> {
    bounded(expr)?;
    parser::parse(expr).map_err(|error| first_line(&error).to_owned())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Counts what can make the tree deeper: open brackets, and operators outside of strings, comments and matchers.
fn bounded(expr: &str) -> Result<(), String> {
    let (mut open, mut braces, mut ranges, mut operators) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut before = "";
    let mut rest = expr;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' | '\'' | '`' => quoted(rest, c),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if c.is_alphanumeric() || matches!(c, '_' | ':' | '.') => {
                let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
                let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                if c.is_ascii_digit() || c == '.' { end + exponent(&rest[..end], &rest[end..]) } else { end }
            }
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        match c {
            '[' if braces == 0 => ranges += 1,
            ']' => ranges = ranges.saturating_sub(1),
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' | '!' | '[' if braces == 0 => operators += 1,
            _ if braces == 0
                && ["and", "or", "unless", "atan2"].iter().any(|word| token.eq_ignore_ascii_case(word)) =>
            {
                operators += 1;
            }
            _ => {}
        }
        if braces == 0 && (c.is_ascii_digit() || c == '.') {
            token.split(':').try_for_each(|number| in_bounds(number, if ranges > 0 { "[" } else { before }))?;
        }
        // A sign belongs to its number.
        if !c.is_whitespace() && !matches!(c, '+' | '-') {
            before = token;
        }
        // The second half of >=, == and the like.
        rest = match (c, behind.strip_prefix(['=', '~'])) {
            ('<' | '>' | '=' | '!', Some(behind)) => behind,
            _ => behind,
        };
        if open > MAX_BRACKETS {
            return Err(format!("more than {MAX_BRACKETS} brackets are open at once"));
        }
        if operators > MAX_OPERATORS {
            return Err(format!("it has more than {MAX_OPERATORS} operators"));
        }
    }
    Ok(())
}

/// Bytes of the signed exponent behind `1e`.
fn exponent(number: &str, behind: &str) -> usize {
    let digits = behind.strip_prefix(['+', '-']).filter(|_| number.ends_with(['e', 'E']) && !number.starts_with("0x"));
    digits.map_or(0, |rest| 1 + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))
}

/// Prometheus refuses what is longer than its durations and what is beyond its times; the parser takes it, or breaks.
fn in_bounds(number: &str, before: &str) -> Result<(), String> {
    let value = number.parse::<f64>().ok();
    let seconds = value.filter(|_| before == "[" || before.eq_ignore_ascii_case("offset"));
    if seconds.is_some_and(|seconds| seconds > LONGEST.as_secs_f64()) || duration::is_too_long(number) {
        return Err(format!("the duration {number} is out of range: 292y is the longest"));
    }
    if before == "@" && value.is_some_and(|value| value >= LATEST) {
        return Err(format!("the time {number} is out of range"));
    }
    Ok(())
}

/// Bytes of the string that begins here, with both of its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_out_of_range_are_refused_before_the_parser_breaks_on_them() {
        for bad in [
            "up[1000000y]",
            "up offset 1000y",
            "up offset -300y",
            "rate(up[1y:300y])",
            "rate(up[293y])",
            "up[1e300]",
            "up[1e+300]",
            "up offset 1e300",
            "up offset - 1e300",
            "up[5m:1e300]",
            "up @ 1e30",
            "up @ -1e30",
            "up @1e+30",
        ] {
            assert!(parse(bad).map(|_| ()).is_err_and(|error| error.contains("out of range")), "{bad}");
        }
        for good in [
            "up[292y]",
            "up offset 5m > 1e300",
            "up @ 9223372036854775",
            "up{a=\"1000000y\"} == 1e300",
            "1e300",
            "up[5m:1m] offset -1y",
            "sum_over_time(up[1h]) > 1e+30",
            "a1000000y",
            "up @ end() > 1e30",
        ] {
            assert_eq!(parse(good).map(|_| ()), Ok(()), "{good}");
        }
    }

    #[test]
    fn long_chains_are_refused_and_strings_and_matchers_do_not_count() {
        for chain in ["up + ", "up or ", "-", "up ^ ", "up >= "] {
            let error = parse(&format!("{}up", chain.repeat(8000))).map(|_| ()).unwrap_err();
            assert!(error.contains("more than 500 operators"), "{error}");
        }
        let brackets = parse(&"(".repeat(8000)).map(|_| ()).unwrap_err();
        assert!(brackets.contains("more than 200 brackets"), "{brackets}");
        let pattern = "a+\\\\\"-or ".repeat(600);
        assert!(bounded(&format!("up{{x=~\"{pattern}\", y!=\"-\"}} == 1")).is_ok());
        let chain = format!("{}up", "up + ".repeat(500));
        assert!(bounded(&chain).is_ok() && parse(&chain).is_ok());
    }
}
