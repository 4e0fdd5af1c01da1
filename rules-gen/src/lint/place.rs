//! Texts of a file with their places, and errors with their places.

pub use checklist::yaml::{Lines, Place};

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
