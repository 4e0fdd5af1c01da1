//! String literals of `PromQL`: parsing of quotes and escapes, and writing a value as a literal.

use std::fmt::{self, Write};
use std::ops::Deref;

/// The value of a string literal. `PromQL` strings are bytes. A string that is not UTF-8 (`"\xff"`) keeps its bytes and
/// dereferences to a `str` with U+FFFD in their place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text {
    text: String,
    /// The original bytes, only when they are not UTF-8.
    bytes: Option<Vec<u8>>,
}

impl Text {
    fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, bytes: None },
            Err(error) => {
                let bytes = error.into_bytes();
                Self { text: String::from_utf8_lossy(&bytes).into_owned(), bytes: Some(bytes) }
            }
        }
    }

    /// Parses a literal with its quotes. Returns `None` when the text is not a literal, or continues after the closing
    /// quote.
    pub fn of_literal(literal: &str) -> Option<Self> {
        read(literal).ok().filter(|(_, length)| *length == literal.len()).map(|(text, _)| text)
    }

    pub const fn is_utf8(&self) -> bool {
        self.bytes.is_none()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), bytes: None }
    }
}

/// Writes the value as a literal in double quotes.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(bytes) = &self.bytes else { return quote(&self.text, f) };
        f.write_char('"')?;
        for chunk in bytes.utf8_chunks() {
            escape(chunk.valid(), f)?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

/// Writes a text as a literal in double quotes, with escapes.
pub(crate) fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    escape(text, f)?;
    f.write_char('"')
}

fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        // Prometheus' lexer treats a literal U+FFFD as an invalid UTF-8 byte, so it needs an escape.
        '\u{fffd}' => f.write_str("\\ufffd"),
        c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c)),
        c => f.write_char(c),
    })
}

/// The range of bytes that is wrong in a literal, and the reason.
type TextError = (std::ops::Range<usize>, &'static str);

/// Returns the length in bytes of the literal at the beginning of a text.
///
/// # Errors
/// As [`read`].
pub(crate) fn length(text: &str) -> Result<usize, TextError> {
    plain(text).map_or_else(|| read(text).map(|(_, length)| length), |inner| Ok(inner.len() + 2))
}

/// Returns the value of the literal at the beginning of a text if it has only ASCII characters and no escapes, as most
/// have.
fn plain(text: &str) -> Option<&str> {
    let (quote, rest) = text.as_bytes().split_first()?;
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let raw = *quote == b'`';
    let ends = |byte: &u8| byte == quote || !byte.is_ascii() || (!raw && matches!(byte, b'\\' | b'\n'));
    let end = rest.iter().position(ends)?;
    (rest[end] == *quote).then(|| &text[1..=end])
}

/// Parses the literal at the beginning of a text. Returns its value, and its length in bytes with both quotes.
///
/// # Errors
/// The range of bytes that is wrong, and the reason.
pub(crate) fn read(text: &str) -> Result<(Text, usize), TextError> {
    if let Some(inner) = plain(text) {
        return Ok((inner.into(), inner.len() + 2));
    }
    let Some(quote) = text.chars().next() else { return Err((0..0, "a string is missing")) };
    let raw = quote == '`';
    let mut value = Vec::new();
    let mut rest = text.char_indices().skip(1);
    while let Some((at, c)) = rest.next() {
        match c {
            c if c == quote => return Ok((Text::new(value), at + 1)),
            '\u{fffd}' => return Err((at..at + c.len_utf8(), "U+FFFD is not allowed in a string: write \\ufffd")),
            '\\' if !raw => {
                let place = || at..at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
                let length = unescape(&text[at..], quote, &mut value).map_err(|why| (place(), why))?;
                // The backslash is consumed already. Escapes are ASCII, so the length in bytes is the number of
                // characters.
                for _ in 1..length {
                    rest.next();
                }
            }
            '\n' if !raw => break,
            c => value.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Err((0..text.len(), "the string is not closed"))
}

/// Appends the value of an escape sequence and returns the length of the sequence in bytes.
fn unescape(text: &str, quote: char, value: &mut Vec<u8>) -> Result<usize, &'static str> {
    const UNKNOWN: &str = "unknown escape sequence: write a backslash as \\\\, or put the string in backquotes";
    let kind = text[1..].chars().next().ok_or("the string is not closed")?;
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => return Ok((value.push(if c == '"' { b'"' } else { b'\'' }), 2).1),
        'x' | 'u' | 'U' | '0'..='7' => return numeric(text, kind, value),
        _ => return Err(UNKNOWN),
    };
    value.push(simple);
    Ok(2)
}

/// Reads `\x41`, `\101`, `\u0041` and `\U00000041`. The first two forms stand for a byte, the others for a character.
fn numeric(text: &str, kind: char, value: &mut Vec<u8>) -> Result<usize, &'static str> {
    let (from, digits, radix) = match kind {
        'x' => (2, 2, 16),
        'u' => (2, 4, 16),
        'U' => (2, 8, 16),
        _ => (1, 3, 8),
    };
    let code = text.get(from..from + digits).filter(|code| code.chars().all(|c| c.is_digit(radix)));
    let code = code.ok_or("the escape sequence has too few digits")?;
    let code = u32::from_str_radix(code, radix).map_err(|_| "the escape sequence does not encode a character")?;
    if matches!(kind, 'u' | 'U') {
        let c = char::from_u32(code).ok_or("the escape sequence does not encode a character")?;
        value.extend(c.encode_utf8(&mut [0; 4]).bytes());
    } else {
        value.push(u8::try_from(code).map_err(|_| "the escape sequence is larger than a byte")?);
    }
    Ok(from + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_unescaped_and_printed_strings_parse_to_the_same_value() {
        for (literal, value) in [
            (r#""a\n\t\\\"b'""#, "a\n\t\\\"b'"),
            (r"'\'\x41\101\u00e9\U0001F600'", "'AAé😀"),
            (r"`team-\d+`", r"team-\d+"),
            ("`a\nb`", "a\nb"),
            (r#""\a\b\f\v""#, "\u{7}\u{8}\u{c}\u{b}"),
            (r#""\ufffd""#, "\u{fffd}"),
        ] {
            let (text, length) = read(literal).unwrap();
            assert_eq!((&*text, length), (value, literal.len()));
            assert_eq!(read(&text.to_string()).unwrap().0, text);
        }
        let (bytes, _) = read(r#""a\xffb""#).unwrap();
        assert!(!bytes.is_utf8() && bytes.to_string() == r#""a\xffb""#);
        assert_ne!(bytes, read(r#""a\xfeb""#).unwrap().0);
    }

    #[test]
    fn strings_that_prometheus_refuses_are_refused_at_the_same_position() {
        for (literal, place) in [
            (r#""ab\d""#, 3..5),
            (r#""\400""#, 1..3),
            (r#""\ud800""#, 1..3),
            ("\"a\u{fffd}\"", 2..5),
            ("\"a\nb\"", 0..5),
        ] {
            assert_eq!(read(literal).unwrap_err().0, place, "{literal}");
        }
    }
}
