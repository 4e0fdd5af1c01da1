//! Texts of a file with their places, and errors with their places.

pub use checklist::yaml::{Lines, Place};

use promql::Span;
use std::ops::Range;

/// A text in a linted file.
#[derive(Debug, Clone)]
pub struct Text {
    pub value: String,
    pub place: Place,
    /// The bytes of the file that the text covers, including quotes.
    pub span: Range<usize>,
}

/// The reason why a file cannot be parsed, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    pub place: Place,
    pub message: String,
}

/// Returns where a part of a value is in the scalar that it was parsed from. Only white space, quotes and backslashes
/// differ between both; all other characters are in the same order.
pub fn in_file(scalar: &str, value: &str, part: Span) -> Option<Range<usize>> {
    let header = if scalar.starts_with(['|', '>']) { scalar.find('\n')? } else { 0 };
    let mut raw = scalar[header..].char_indices().map(|(at, c)| (header + at, c));
    let (mut start, mut end) = (None, header);
    for (at, c) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        if at >= part.end.max(part.start + 1) {
            break;
        }
        let (found, c) = raw.find(|(_, other)| *other == c)?;
        end = found + c.len_utf8();
        if at >= part.start {
            start.get_or_insert(found);
        }
    }
    // If the part is beyond the end, the place after the last character.
    let start = start.unwrap_or(end);
    Some(start..end.max(start))
}
