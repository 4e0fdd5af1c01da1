//! Texts of a file with their place, and what is wrong at a place.

pub use checklist::yaml::{Lines, Place};

use std::ops::Range;

/// A text of the file.
#[derive(Debug, Clone)]
pub struct Text {
    /// What it says.
    pub value: String,
    /// Where it begins.
    pub place: Place,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// Why a file cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Where.
    pub place: Place,
    /// Why.
    pub message: String,
}
