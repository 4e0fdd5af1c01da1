//! The rows of `COPY … FROM stdin`, which end with a line of their own.

use super::{Cutter, DATA, Piece, Within};

impl Cutter {
    /// Skips the rest of the line of a COPY: the rows begin on the next line.
    pub(super) fn skip_line_end(&mut self) {
        let length = self.text[self.done..].iter().position(|byte| *byte == b'\n');
        if length.is_none() && !self.ended {
            return;
        }
        self.done = length.map_or(self.text.len(), |length| self.done + length + 1);
        self.at = self.done;
        self.within = Within::Data(false);
    }

    /// Returns whole lines of rows, or a part of a very long line. `middle` says that the start of the first line was
    /// returned before.
    pub(super) fn data(&mut self, middle: bool) -> Option<Piece> {
        let rest = &self.text[self.done..];
        let mut whole = 0;
        while let Some(length) = rest[whole..].iter().position(|byte| *byte == b'\n') {
            let begins = whole > 0 || !middle;
            if begins && is_end(&rest[whole..whole + length]) {
                return if whole > 0 { self.rows(whole, false) } else { Some(self.end_of_data(length + 1)) };
            }
            whole += length + 1;
            if whole >= DATA {
                break;
            }
        }
        let length = rest.len();
        if whole == 0 && (self.ended || length >= DATA) {
            // Rows without the line `\.` at the end of the input are truncated.
            let end = self.ended && !middle && is_end(rest);
            return if end { Some(self.end_of_data(length)) } else { self.rows(length, true) };
        }
        self.rows(whole, middle && whole == 0)
    }

    fn end_of_data(&mut self, length: usize) -> Piece {
        self.done += length;
        self.at = self.done;
        self.within = Within::Nothing;
        Piece::DataEnd
    }

    fn rows(&mut self, count: usize, middle: bool) -> Option<Piece> {
        self.within = Within::Data(middle);
        let rows = self.text[self.done..self.done + count].to_vec();
        self.done += count;
        self.at = self.done;
        (count > 0).then_some(Piece::Data(rows))
    }
}

/// Whether a line is `\.`, which ends the rows.
fn is_end(line: &[u8]) -> bool {
    matches!(line, b"\\." | b"\\.\r")
}

/// Whether a COPY statement takes the rows that follow it.
pub(super) fn is_from_stdin(statement: &[u8]) -> bool {
    let text = String::from_utf8_lossy(statement).to_ascii_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == ';').filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|two| two == ["from", "stdin"])
}
