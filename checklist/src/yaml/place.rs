//! Places in a file, and the conversion between bytes and places.

/// A place in a file. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    pub line: usize,
    /// In characters.
    pub column: usize,
}

/// The size in bytes of the blocks for which the number of characters is stored.
const BLOCK: usize = 256;

/// The starts of the lines of a text, to convert bytes to places. The conversion takes the same time for long lines,
/// because a JSON file may have a single one.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<usize>,
    /// The number of characters before each block. Empty when the text is ASCII.
    before: Vec<usize>,
}

impl Lines {
    /// Finds the lines of a text.
    pub fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(breaks).collect();
        let mut before = Vec::new();
        if !text.is_ascii() {
            let mut count = 0;
            for block in text.as_bytes().chunks(BLOCK) {
                before.push(count);
                count += characters(block);
            }
            before.push(count);
        }
        Self { starts, before }
    }

    /// Returns the number of the line that contains a byte.
    pub fn number(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).max(1)
    }

    /// Returns the first byte of a line.
    pub fn start(&self, number: usize) -> Option<usize> {
        self.starts.get(number.checked_sub(1)?).copied()
    }

    /// Returns the place of a byte.
    pub fn place(&self, text: &str, byte: usize) -> Place {
        let byte = byte.min(text.len());
        let line = self.number(byte);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        Place { line, column: self.characters(text, byte) - self.characters(text, start) + 1 }
    }

    /// Returns the byte of a place, or `None` when the text has no such place.
    pub fn byte(&self, text: &str, place: Place) -> Option<usize> {
        let start = self.start(place.line)?;
        let wanted = self.characters(text, start) + place.column.checked_sub(1)?;
        // The last block that begins before the wanted character.
        let block = self.before.partition_point(|before| *before <= wanted).saturating_sub(1);
        let Some(before) = self.before.get(block) else { return (wanted <= text.len()).then_some(wanted) };
        let bytes = text.as_bytes().iter().enumerate().skip(block * BLOCK);
        let mut begins = bytes.filter(|(_, byte)| **byte & 0xC0 != 0x80).map(|(at, _)| at);
        begins.nth(wanted - before)
    }

    /// Returns the number of characters before a byte.
    fn characters(&self, text: &str, byte: usize) -> usize {
        match self.before.get(byte / BLOCK) {
            Some(before) => before + text.as_bytes().get(byte - byte % BLOCK..byte).map_or(0, characters),
            None => byte,
        }
    }

    /// Returns the text of a line without its line break.
    pub fn line<'a>(&self, text: &'a str, number: usize) -> &'a str {
        let start = self.starts.get(number.saturating_sub(1)).copied().unwrap_or(text.len());
        let end = self.starts.get(number).copied().unwrap_or(text.len());
        text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}

/// Returns the number of characters that begin within some bytes of a text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters_on_lines_of_any_length() {
        for text in ["ab\ncd".to_owned(), "é😀x".repeat(400), format!("{}\n{}é", "é".repeat(300), "x".repeat(600))]
        {
            let lines = Lines::new(&text);
            let (mut line, mut column) = (1, 1);
            for (at, c) in text.char_indices() {
                assert_eq!(lines.place(&text, at), Place { line, column }, "{at} of {text:?}");
                assert_eq!(lines.byte(&text, Place { line, column }), Some(at));
                (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
            assert_eq!(lines.place(&text, text.len() + 5), Place { line, column });
        }
    }
}
