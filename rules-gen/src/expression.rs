//! Expressions of others, parsed within bounds: the trees are walked by recursion, so a text must not choose their depth.

use promql_parser::parser::{self, Expr};

/// Deeper than anyone writes.
const MAX_BRACKETS: usize = 200;
/// Each operator may be a level of the tree; longer than anyone writes.
const MAX_OPERATORS: usize = 500;

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
    let (mut open, mut braces, mut operators) = (0_usize, 0_usize, 0_usize);
    let mut rest = expr;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' | '\'' | '`' => quoted(rest, c),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if c.is_alphanumeric() || matches!(c, '_' | ':' | '.') => {
                let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
                rest.find(|c| !word(c)).unwrap_or(rest.len())
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
