//! RG050 for LogQL queries, as far as they can be checked without a parser: brackets, quotes and ranges.

use crate::lint::report::{Level, Report};

/// Reports unclosed brackets and quotes, and ranges that do not follow the dashboard's time range.
pub(super) fn check(query: &str, near: &str, report: &mut Report<'_>) {
    let ranges = match ranges(query) {
        Ok(ranges) => ranges,
        Err(why) => {
            report.near("RG050", Level::Error, near, format!("a LogQL query does not parse: {why}"), query);
            return;
        }
    };
    let fixed = |range: &&str| range.starts_with(|c: char| c.is_ascii_digit());
    if let Some(range) = ranges.into_iter().find(fixed) {
        let message = format!("a LogQL query uses the fixed range [{range}] for every time range of the dashboard");
        report.near("RG050", Level::Info, near, message, "use [$__auto]");
    }
}

/// Returns the contents of square brackets outside of quotes and comments.
fn ranges(query: &str) -> Result<Vec<&str>, String> {
    let (mut open, mut ranges) = (Vec::new(), Vec::new());
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' | '`' => quoted(rest, c).ok_or_else(|| format!("a string that begins with {c} is not closed"))?,
            '#' => rest.find('\n').unwrap_or(rest.len()),
            // Skips variables such as `${name}`, which have braces of their own.
            '$' if rest.starts_with("${") => rest.find('}').ok_or("a variable is not closed with }")? + 1,
            '[' => {
                let end = rest.find(']').ok_or("a [ is not closed")?;
                ranges.push(rest[1..end].trim());
                end + 1
            }
            '(' | '{' => {
                open.push(c);
                1
            }
            ')' | '}' => {
                let opened = if c == ')' { '(' } else { '{' };
                if open.pop() != Some(opened) {
                    return Err(format!("a {c} without {opened}"));
                }
                1
            }
            ']' => return Err("a ] without [".to_owned()),
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    match open.pop() {
        Some(c) => Err(format!("a {c} is not closed")),
        None => Ok(ranges),
    }
}

fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_outside_of_strings_and_unclosed_brackets_are_reported() {
        assert_eq!(ranges("sum(count_over_time({job=\"a[1m]\"} |= `[x` [5m]))"), Ok(vec!["5m"]));
        assert_eq!(ranges("{job=~\"${job:regex}\"} |~ \"a\\\"}\" # [5m]"), Ok(Vec::new()));
        assert_eq!(ranges("rate({job=\"x\"} | json [$__auto])"), Ok(vec!["$__auto"]));
        for bad in ["sum(rate({a=\"b\"}[5m])", "{a=\"b}", "{a=\"b\"}}", "rate({a=\"b\"}[5m)", "{a=`b}", "{a=\"b\")"] {
            assert!(ranges(bad).is_err(), "{bad}");
        }
    }
}
