//! Places in a file: lines and columns, texts with their place, and what is wrong at a place.

use std::ops::Range;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

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

/// Where lines begin, to turn bytes into places.
#[derive(Debug, Clone)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the lines of a text.
    pub fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The number of the line of a byte.
    pub fn number(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte).max(1)
    }

    /// The first byte of a line.
    pub fn start(&self, number: usize) -> Option<usize> {
        self.0.get(number.checked_sub(1)?).copied()
    }

    /// The place of a byte.
    pub fn place(&self, text: &str, byte: usize) -> Place {
        let line = self.number(byte);
        let start = self.0.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        Place { line, column }
    }

    /// A line's text without its break.
    pub fn line<'a>(&self, text: &'a str, number: usize) -> &'a str {
        let start = self.0.get(number.saturating_sub(1)).copied().unwrap_or(text.len());
        let end = self.0.get(number).copied().unwrap_or(text.len());
        text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}
