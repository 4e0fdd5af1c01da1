//! Splits a template action into tokens, as Go does.

use regex::Regex;
use std::sync::LazyLock;

/// Words that are constants.
pub(super) const CONSTANTS: [&str; 3] = ["true", "false", "nil"];

/// A token of an action.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Variable(&'a str),
    /// A field of the dot, or the dot itself, whose name is empty.
    Field(&'a str),
    /// A field of what stands before it.
    Of(&'a str),
    Text(&'a str),
    Number(&'a str),
    Sign(char),
    /// `:=` (true) or `=` (false).
    Assign(bool),
}

impl Token<'_> {
    /// Whether the token is a literal, which has no fields.
    pub(super) fn is_literal(&self) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) => true,
            Self::Word(word) => CONSTANTS.contains(word),
            _ => false,
        }
    }

    /// Whether `rest` may follow the token without a space.
    fn may_precede(&self, rest: &str) -> bool {
        let field =
            rest.strip_prefix('.').is_some_and(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_'));
        let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r', '|', ')']) || rest.starts_with("}}");
        match self {
            // A keyword such as `if` is not a value, so no field may follow it.
            Self::Word("if" | "with" | "range") if rest.starts_with('(') => true,
            Self::Word("if" | "with" | "range") => ends || rest.starts_with('.'),
            Self::Variable(_) => ends || field || rest.starts_with(',') || rest.starts_with(":="),
            Self::Word(word) if CONSTANTS.contains(word) => ends,
            Self::Word(_) | Self::Of(_) | Self::Sign(')') => ends || field,
            Self::Field(name) => ends || (field && !name.is_empty()),
            Self::Text(_) | Self::Number(_) => ends,
            Self::Sign(_) | Self::Assign(_) => true,
        }
    }
}

/// Returns the tokens of an action, and the text after its `}}`.
pub(super) fn tokens(text: &str) -> Result<(Vec<Token<'_>>, &str), String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let blank = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if let Some(after) = blank.strip_prefix("}}") {
            return Ok((tokens, after));
        }
        if blank.len() < rest.len()
            && let Some(after) = blank.strip_prefix("-}}")
        {
            return Ok((tokens, after));
        }
        let is_joined = blank.len() == rest.len();
        rest = blank;
        let Some(first) = rest.chars().next() else { return Err("an action is not closed".to_owned()) };
        let name = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let length = match first {
            '"' | '`' | '\'' => {
                let length = quoted(rest, first)?;
                let inside = &rest[1..length - 1];
                if first == '\'' && !inside.starts_with('\\') && inside.chars().count() != 1 {
                    return Err("single quotes hold a single character".to_owned());
                }
                tokens.push(Token::Text(&rest[..length]));
                length
            }
            '$' => {
                let end = name(&rest[1..]) + 1;
                tokens.push(Token::Variable(&rest[1..end]));
                end
            }
            '.' if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                let end = name(&rest[1..]) + 1;
                let of = match tokens.last() {
                    Some(Token::Variable(_) | Token::Field(_) | Token::Of(_) | Token::Word(_) | Token::Sign(')')) => {
                        is_joined
                    }
                    _ => false,
                };
                tokens.push(if of { Token::Of(&rest[1..end]) } else { Token::Field(&rest[1..end]) });
                end
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                tokens.push(Token::Field(""));
                1
            }
            '0'..='9' | '+' | '-' | '.' => {
                let end = number(rest).ok_or_else(|| {
                    let end =
                        rest[1..].find(|c: char| !c.is_alphanumeric() && c != '.').map_or(rest.len(), |end| end + 1);
                    format!("{} is not a number", &rest[..end])
                })?;
                tokens.push(Token::Number(&rest[..end]));
                end
            }
            ':' if rest.starts_with(":=") => {
                tokens.push(Token::Assign(true));
                2
            }
            '=' => {
                tokens.push(Token::Assign(false));
                1
            }
            '|' | '(' | ')' | ',' => {
                tokens.push(Token::Sign(first));
                1
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = name(rest);
                tokens.push(Token::Word(&rest[..end]));
                end
            }
            other => return Err(format!("unexpected {other:?} in an action")),
        };
        rest = &rest[length..];
        if let Some(last) = tokens.last()
            && !last.may_precede(rest)
        {
            return Err(format!("a space is missing before {:?}", rest.chars().next().unwrap_or_default()));
        }
    }
}

/// Returns the length in bytes of the number at the start of the text. Go's notation allows `1_000`, `0x1p-2`, `1e+5`
/// and `2i`.
fn number(text: &str) -> Option<usize> {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^[+-]?(?:0[xX](?:[0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?[pP][+-]?[0-9]+|[0-9a-fA-F_]+)|0[bBoO][0-9_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][+-]?[0-9]+)?i?)").ok()
    });
    let end = NUMBER.as_ref()?.find(text)?.end();
    let plain = text[..end].trim_start_matches(['+', '-']).replace('_', "");
    // A leading zero means octal. Integers have at most 64 bits.
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        u64::from_str_radix(&plain, if plain.starts_with('0') { 8 } else { 10 }).ok()?;
    }
    (!text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '.')).then_some(end)
}

fn quoted(text: &str, quote: char) -> Result<usize, String> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' if quote != '`' => break,
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return Ok(at + c.len_utf8()),
            _ => {}
        }
    }
    Err("a quoted text is not closed".to_owned())
}
