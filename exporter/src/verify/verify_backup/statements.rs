//! Splits the stream of a plain SQL dump into statements, rows of COPY, and psql commands.
//!
//! The dump is not fed to psql, because psql can run shell commands (`\!`) and connect elsewhere (`\connect`), and
//! treats the rows after a failed COPY as statements.

mod copy;

use copy::{Next, is_from_stdin};

/// A part of a dump.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole statement including its semicolon.
    Statement(Vec<u8>),
    /// Rows after `COPY … FROM stdin;`, as many as have arrived.
    Data(Vec<u8>),
    /// The end of the rows.
    DataEnd,
    /// A psql command: the line after the backslash.
    Command(String),
}

/// Maximum size of a statement in bytes. The server itself accepts up to a gigabyte.
const MAX_STATEMENT: usize = 256 * 1024 * 1024;

/// The error for a statement longer than [`MAX_STATEMENT`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// The lexical context of the current position.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Nothing,
    LineComment,
    /// With the depth of nesting.
    BlockComment(usize),
    /// A string in single quotes; true if a backslash escapes.
    Text(bool),
    Name,
    /// A string between `$tag$`; holds the tag with its dollar signs.
    Dollars(Vec<u8>),
    /// The rest of a line with a psql command.
    Command,
    /// The rest of the line after a COPY statement.
    CopyLine,
    /// Rows of COPY; true if the start of the current line was returned already.
    Data(bool),
}

/// Splits a dump that arrives in chunks.
#[derive(Debug)]
pub(super) struct Cutter {
    text: Vec<u8>,
    /// End of the text that was returned already.
    done: usize,
    /// End of the text that was examined.
    at: usize,
    /// Start of the current statement, after spaces and comments.
    start: Option<usize>,
    within: Within,
    /// Number of open parentheses.
    depth: usize,
    /// The first five words of the statement, in lower case.
    words: Vec<Vec<u8>>,
    /// Number of open BEGIN ATOMIC and CASE in the body of a function.
    blocks: usize,
    /// Whether a backslash is an ordinary character in strings (`standard_conforming_strings`), as it is by default.
    plain_texts: bool,
    ended: bool,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            done: 0,
            at: 0,
            start: None,
            within: Within::Nothing,
            depth: 0,
            words: Vec::new(),
            blocks: 0,
            plain_texts: true,
            ended: false,
        }
    }

    /// Appends the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.start.is_none() && self.within == Within::Nothing {
            // Drops comments between statements.
            self.done = self.at;
        }
        self.text.drain(..self.done);
        self.at -= self.done;
        self.start = self.start.map(|start| start - self.done);
        self.done = 0;
        self.text.extend_from_slice(bytes);
    }

    /// Marks the end of the input.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Returns the next piece, or `None` if more input is needed or the dump has ended. Text without a semicolon at the
    /// end of the input counts as a statement.
    ///
    /// # Errors
    /// Fails when a statement is longer than [`MAX_STATEMENT`].
    pub(super) fn next(&mut self) -> Result<Option<Piece>, TooLong> {
        if self.within == Within::CopyLine {
            self.skip_line_end();
        }
        match self.within {
            Within::CopyLine => return Ok(None),
            Within::Data(middle) => return Ok(self.data(middle)),
            _ => {}
        }
        while self.at < self.text.len() {
            // Some decisions need the next byte, or the whole of a word or tag.
            match self.step() {
                Step::On(count) => self.at += count,
                Step::More if self.ended => self.at += 1,
                Step::More => break,
                Step::Cut(piece) => return Ok(Some(piece)),
            }
        }
        if self.at - self.done > MAX_STATEMENT {
            return Err(TooLong);
        }
        if !self.ended {
            return Ok(None);
        }
        if self.within == Within::Command {
            return Ok(Some(self.command()));
        }
        let rest = self.take();
        Ok((!rest.is_empty()).then_some(Piece::Statement(rest)))
    }

    /// Returns the text from the start of the statement to the current position, and resets the state.
    fn take(&mut self) -> Vec<u8> {
        let taken = self.text[self.start.unwrap_or(self.at)..self.at].to_vec();
        self.done = self.at;
        self.start = None;
        (self.depth, self.blocks) = (0, 0);
        self.words.clear();
        self.within = Within::Nothing;
        taken
    }

    fn command(&mut self) -> Piece {
        let line = self.take();
        let line = String::from_utf8_lossy(&line).trim().trim_start_matches('\\').to_owned();
        Piece::Command(line)
    }

    fn step(&mut self) -> Step {
        let (here, next) = (self.text[self.at], self.text.get(self.at + 1).copied());
        let two = |first: u8, second: u8| here == first && next == Some(second);
        match &mut self.within {
            Within::Nothing => self.outside(here, next),
            Within::LineComment => {
                if here == b'\n' {
                    self.within = Within::Nothing;
                }
                Step::On(1)
            }
            Within::BlockComment(_) if matches!(here, b'*' | b'/') && next.is_none() => Step::More,
            Within::BlockComment(depth) if two(b'/', b'*') => {
                *depth += 1;
                Step::On(2)
            }
            Within::BlockComment(depth) if two(b'*', b'/') => {
                *depth -= 1;
                if *depth == 0 {
                    self.within = Within::Nothing;
                }
                Step::On(2)
            }
            Within::Text(true) if here == b'\\' => {
                if next.is_none() {
                    Step::More
                } else {
                    Step::On(2)
                }
            }
            Within::Text(_) if here == b'\'' => match next {
                None => Step::More,
                Some(b'\'') => Step::On(2),
                Some(_) => self.leave(),
            },
            Within::Name if here == b'"' => match next {
                None => Step::More,
                Some(b'"') => Step::On(2),
                Some(_) => self.leave(),
            },
            Within::Dollars(tag) if here == b'$' => {
                let rest = &self.text[self.at..];
                if rest.starts_with(tag) {
                    let length = tag.len();
                    self.within = Within::Nothing;
                    Step::On(length)
                } else if rest.len() < tag.len() && tag.starts_with(rest) {
                    Step::More
                } else {
                    Step::On(1)
                }
            }
            Within::Command if here == b'\n' => {
                self.at += 1;
                Step::Cut(self.command())
            }
            _ => Step::On(1),
        }
    }

    fn enter(&mut self, within: Within, count: usize) -> Step {
        self.within = within;
        Step::On(count)
    }

    fn leave(&mut self) -> Step {
        self.enter(Within::Nothing, 1)
    }

    fn outside(&mut self, here: u8, next: Option<u8>) -> Step {
        match here {
            b'-' | b'/' if next.is_none() => Step::More,
            b'-' if next == Some(b'-') => self.enter(Within::LineComment, 2),
            b'/' if next == Some(b'*') => self.enter(Within::BlockComment(1), 2),
            here if here.is_ascii_whitespace() => Step::On(1),
            b'\\' => {
                // Text before it without a semicolon is dropped.
                self.start = Some(self.at);
                self.enter(Within::Command, 1)
            }
            here => {
                self.start.get_or_insert(self.at);
                self.inside(here)
            }
        }
    }

    /// Handles one byte within a statement.
    fn inside(&mut self, here: u8) -> Step {
        match here {
            b'\'' => {
                self.note(b"'");
                self.enter(Within::Text(!self.plain_texts), 1)
            }
            b'"' => {
                self.note(b"\"");
                self.enter(Within::Name, 1)
            }
            b'$' => self.dollar(),
            b'(' => {
                self.depth += 1;
                Step::On(1)
            }
            b')' => {
                self.depth = self.depth.saturating_sub(1);
                Step::On(1)
            }
            b';' if self.depth == 0 && self.blocks == 0 => {
                self.at += 1;
                let is_copy = self.words.first().is_some_and(|word| word == b"copy");
                let statement = self.take();
                if is_copy && is_from_stdin(&statement) {
                    self.within = Within::CopyLine;
                }
                self.watch(&statement);
                Step::Cut(Piece::Statement(statement))
            }
            here if is_letter(here) => self.word(),
            // A digit or an operator.
            _ => Step::On(1),
        }
    }

    fn note(&mut self, word: &[u8]) {
        if self.words.len() < 5 {
            self.words.push(word.to_vec());
        }
    }

    fn word(&mut self) -> Step {
        let rest = &self.text[self.at..];
        let Some(length) = rest.iter().position(|byte| !(is_letter(*byte) || byte.is_ascii_digit() || *byte == b'$'))
        else {
            return Step::More;
        };
        let word = rest[..length].to_ascii_lowercase();
        let quote = rest[length] == b'\'';
        if matches!(word.as_slice(), b"e") && quote {
            self.within = Within::Text(true);
            return Step::On(length + 1);
        }
        if matches!(word.as_slice(), b"b" | b"x" | b"n") && quote {
            self.within = Within::Text(false);
            return Step::On(length + 1);
        }
        self.note(&word);
        if self.depth == 0 && self.makes_a_routine() {
            match word.as_slice() {
                b"begin" => self.blocks += 1,
                b"case" if self.blocks > 0 => self.blocks += 1,
                b"end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
        Step::On(length)
    }

    /// Whether the statement is `CREATE [OR REPLACE] FUNCTION` or `PROCEDURE`, whose body may contain statements.
    fn makes_a_routine(&self) -> bool {
        let word = |at: usize| self.words.get(at).map(Vec::as_slice).unwrap_or_default();
        let at = if word(1) == b"or" && word(2) == b"replace" { 3 } else { 1 };
        word(0) == b"create" && matches!(word(at), b"function" | b"procedure")
    }

    fn dollar(&mut self) -> Step {
        let rest = &self.text[self.at..];
        let tag = rest[1..].iter().position(|byte| !(is_letter(*byte) || byte.is_ascii_digit()));
        let Some(length) = tag else { return Step::More };
        // `$1` is a parameter; `$$` and `$body$` begin a string.
        if rest[1 + length] == b'$' && !rest[1].is_ascii_digit() {
            let tag = rest[..length + 2].to_vec();
            let count = tag.len();
            self.note(b"$");
            self.within = Within::Dollars(tag);
            return Step::On(count);
        }
        Step::On(1)
    }

    /// Follows the setting `standard_conforming_strings` in the dump.
    fn watch(&mut self, statement: &[u8]) {
        if statement.len() < 200 {
            let text = String::from_utf8_lossy(statement).to_ascii_lowercase();
            let words: Vec<&str> =
                text.split(|c: char| c.is_whitespace() || "=';".contains(c)).filter(|w| !w.is_empty()).collect();
            if let ["set", "standard_conforming_strings", value] | ["set", "standard_conforming_strings", "to", value] =
                words.as_slice()
            {
                self.plain_texts = *value != "off";
            }
        }
    }

    /// Skips the rest of the line of a COPY: the rows begin on the next line.
    fn skip_line_end(&mut self) {
        let length = self.text[self.done..].iter().position(|byte| *byte == b'\n');
        if length.is_none() && !self.ended {
            return;
        }
        self.done = length.map_or(self.text.len(), |length| self.done + length + 1);
        self.at = self.done;
        self.within = Within::Data(false);
    }

    /// Returns rows, or their end.
    fn data(&mut self, middle: bool) -> Option<Piece> {
        let (count, within, piece) = match copy::next(&self.text[self.done..], middle, self.ended) {
            Next::End(length) => (length, Within::Nothing, Some(Piece::DataEnd)),
            Next::Rows(count, continues) => {
                let rows = self.text[self.done..self.done + count].to_vec();
                (count, Within::Data(continues), (count > 0).then_some(Piece::Data(rows)))
            }
        };
        self.done += count;
        self.at = self.done;
        self.within = within;
        piece
    }
}

/// The result of examining the current position.
enum Step {
    /// Advance by this many bytes.
    On(usize),
    /// More input is needed.
    More,
    /// A piece is complete.
    Cut(Piece),
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests;
