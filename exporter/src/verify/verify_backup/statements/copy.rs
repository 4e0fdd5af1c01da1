//! The rows of `COPY … FROM stdin`, which end with a line of their own.

/// Rows are returned in pieces of about this many bytes.
const DATA: usize = 128 * 1024;

/// What the text after a COPY statement begins with.
pub(super) enum Next {
    /// The line that ends the rows, with so many bytes.
    End(usize),
    /// So many bytes of rows; true if the last line goes on after them.
    Rows(usize, bool),
}

/// Finds whole lines of rows, or a part of a very long line. `middle` says that the start of the first line was
/// returned before, `ended` that no more text comes.
pub(super) fn next(rest: &[u8], middle: bool, ended: bool) -> Next {
    let mut whole = 0;
    while let Some(length) = rest[whole..].iter().position(|byte| *byte == b'\n') {
        let begins = whole > 0 || !middle;
        if begins && is_end(&rest[whole..whole + length]) {
            return if whole > 0 { Next::Rows(whole, false) } else { Next::End(length + 1) };
        }
        whole += length + 1;
        if whole >= DATA {
            break;
        }
    }
    let length = rest.len();
    if whole == 0 && (ended || length >= DATA) {
        // Rows without the line `\.` at the end of the input are truncated.
        let end = ended && !middle && is_end(rest);
        return if end { Next::End(length) } else { Next::Rows(length, true) };
    }
    Next::Rows(whole, middle && whole == 0)
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
