//! Alertmanager's matchers in all notations: `match`, `match_re` and the strings of `matchers`.

use crate::server::Labels;
use anyhow::{Context, anyhow, bail, ensure};
use promql::check_pattern;
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt;

/// The operator of a matcher.
#[derive(Debug, Clone)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Like(Regex),
    /// `!~`, anchored at both ends.
    NotLike(Regex),
}

/// A condition on a label.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub name: String,
    pub operator: Operator,
    /// The value or regular expression, as written.
    pub value: String,
}

impl Matcher {
    /// Whether the labels satisfy the matcher. A missing label is empty.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        match &self.operator {
            Operator::Equal => value == self.value,
            Operator::NotEqual => value != self.value,
            Operator::Like(pattern) => pattern.is_match(value),
            Operator::NotLike(pattern) => !pattern.is_match(value),
        }
    }

    /// Creates a matcher. `operator` is `=`, `!=`, `=~` or `!~`.
    pub fn new(name: &str, operator: &str, value: String) -> anyhow::Result<Self> {
        ensure!(!name.is_empty(), "a matcher has no label");
        let pattern = |value: &str| {
            let whole = format!("^(?:{value})$");
            // Go knows less than Rust, such as no comments and no sets of classes.
            check_pattern(&whole.as_str().into())
                .map_err(|why| anyhow!("{value:?} is not a regular expression: {why}"))?;
            Regex::new(&whole).with_context(|| format!("{value:?} is not a regular expression"))
        };
        let operator = match operator {
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "=~" => Operator::Like(pattern(&value)?),
            _ => Operator::NotLike(pattern(&value)?),
        };
        Ok(Self { name: name.to_owned(), operator, value })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Like(_) => "=~",
            Operator::NotLike(_) => "!~",
        };
        write!(f, "{}{operator}{:?}", self.name, self.value)
    }
}

/// Returns the matchers of a route, or of one side of an inhibition rule, from all three notations.
pub(super) fn all(
    equals: &BTreeMap<String, String>,
    like: &BTreeMap<String, String>,
    strings: &[String],
) -> anyhow::Result<Vec<Matcher>> {
    let mut matchers = Vec::new();
    for (operator, map) in [("=", equals), ("=~", like)] {
        for (name, value) in map {
            matchers.push(Matcher::new(name, operator, value.clone())?);
        }
    }
    for text in strings {
        matchers.extend(parse(text)?);
    }
    Ok(matchers)
}

/// Parses a string of `matchers`: one or several matchers separated by commas, with or without braces.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Matcher>> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').unwrap_or(trimmed);
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    split(inner).into_iter().map(|one| single(one).with_context(|| format!("bad matcher {text:?}"))).collect()
}

/// Splits at the commas outside quotes. A comma at the end adds nothing.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            ',' if !quoted => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    if begin < text.len() {
        parts.push(&text[begin..]);
    }
    parts
}

fn single(text: &str) -> anyhow::Result<Matcher> {
    let text = text.trim();
    let (name, rest) = label(text)?;
    let rest = rest.trim_start();
    let operators = ["=~", "!~", "!=", "="];
    let Some(operator) = operators.into_iter().find(|operator| rest.starts_with(operator)) else {
        bail!("no operator; use one of =, !=, =~, !~");
    };
    Matcher::new(&name, operator, unquote(rest[operator.len()..].trim())?)
}

/// Parses the name of the label. Newer versions of Alertmanager allow it to be quoted.
fn label(text: &str) -> anyhow::Result<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find('"').context("the quoted label is not closed")?;
        return Ok((quoted[..end].to_owned(), &quoted[end + 1..]));
    }
    // Newer versions of Alertmanager take any letters.
    let reserved = |c: char| c.is_whitespace() || ['{', '}', '!', '=', '~', ',', '\\', '"', '\'', '`'].contains(&c);
    let end = text.find(reserved).context("an operator and a value must follow the label")?;
    ensure!(end > 0, "there is no label");
    Ok((text[..end].to_owned(), &text[end..]))
}

/// Removes quotes. `
/// `, `\"` and `\\` are escapes; any other backslash stays.
fn unquote(raw: &str) -> anyhow::Result<String> {
    let (inner, quoted) = raw.strip_prefix('"').map_or((raw, false), |inner| (inner, true));
    let mut value = String::new();
    let mut rest = inner.chars().peekable();
    let mut open = quoted;
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('n') => value.push('\n'),
                Some(escaped @ ('"' | '\\')) => value.push(escaped),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            '"' if open && rest.peek().is_none() => open = false,
            '"' => bail!("an unescaped double quote"),
            other => value.push(other),
        }
    }
    ensure!(!open, "the double quote is not closed");
    Ok(value)
}
