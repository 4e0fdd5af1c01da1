//! What a command writes: results to standard output, progress and warnings to standard error.

use anyhow::Context;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Nothing is said about what is over sooner.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two lines where lines cannot be overwritten.
const PACE: Duration = Duration::from_secs(10);

/// Writes to standard output. A reader that had enough (`| head`) is no mistake.
///
/// # Errors
/// When standard output cannot be written to.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// One line for people to standard error.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Colours and bold type, where they are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Style(bool);

/// What a text is painted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A heading.
    Bold,
    /// What goes away, and what is bad.
    Red,
    /// What comes, and what is good.
    Green,
    /// What changes, and what is a warning.
    Yellow,
    /// What is only told.
    Cyan,
    /// What matters less.
    Grey,
}

impl Style {
    /// No colours.
    pub const PLAIN: Self = Self(false);

    /// Coloured when standard output is a terminal and nobody said `NO_COLOR`.
    pub fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    /// The text in a colour, or as it is.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Bold => 1,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Cyan => 36,
            Colour::Grey => 90,
        };
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A table with aligned columns; the first column is left-aligned, as are those that `left` names.
pub fn table(rows: &[Vec<String>], left: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            // Writing to a String cannot fail.
            let _ = if column == 0 || left.contains(&column) {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A table of Markdown: the first row is its head.
pub fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

/// What a long command is doing, on standard error, once it has taken more than a second.
pub struct Progress {
    quiet: bool,
    overwrites: bool,
    begun: Instant,
    said: Mutex<Option<Instant>>,
}

impl Progress {
    /// Begins the clock.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, overwrites: std::io::stderr().is_terminal(), begun: Instant::now(), said: Mutex::new(None) }
    }

    /// Says how far the work is.
    pub fn tell(&self, what: &str) {
        if self.quiet || self.begun.elapsed() < PATIENCE {
            return;
        }
        let Ok(mut said) = self.said.lock() else { return };
        if self.overwrites {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\u{1b}[K{what}").and_then(|()| err.flush());
        } else if said.is_none_or(|last| last.elapsed() > PACE) {
            say(what);
        } else {
            return;
        }
        *said = Some(Instant::now());
    }

    /// Wipes the line.
    pub fn end(&self) {
        if self.overwrites && self.said.lock().is_ok_and(|said| said.is_some()) {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\u{1b}[K").and_then(|()| err.flush());
        }
    }
}
