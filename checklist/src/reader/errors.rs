//! The list of all mistakes of a file, printed with the lines of the file, but without possible secrets.
//!
//! Only described keys are shown, and their values when these cannot be secrets. Everything else (values of unknown
//! keys, comments, anchors, text that continues on the next line) is replaced by stars, so that columns still match.
//! When the file is not YAML, no line is shown.

use super::found::ConfigError;
use super::keys::{Kind, Section};
use crate::yaml::{Lines, Node, Place, Tree, is_path, is_plain, word};
use std::fmt;
use std::ops::Range;

/// All mistakes of a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: String,
    pub list: Vec<ConfigError>,
    /// The printable line of each mistake.
    lines: Vec<Option<String>>,
}

impl ConfigErrors {
    /// Collects the mistakes of a text. `root` is the parsed text with its description, or `None` when the text is not
    /// YAML.
    pub(crate) fn new(file: &str, text: &str, root: Option<(&Node, &Section)>, mut list: Vec<ConfigError>) -> Self {
        list.sort();
        list.dedup();
        let mut shown = Vec::new();
        if let Some((node, section)) = root {
            of_table(node, section, text, &mut shown);
        }
        shown.sort_unstable_by_key(|range: &Range<usize>| range.start);
        let places = Lines::new(text);
        let line = |mistake: &ConfigError| {
            root.and(places.start(mistake.place.line)).map(|start| {
                let end = start + places.line(text, mistake.place.line).len();
                masked(text, start..end, &shown)
            })
        };
        Self { file: file.to_owned(), lines: list.iter().map(line).collect(), list }
    }
}

impl fmt::Display for ConfigErrors {
    /// Writes `file:line:column: message`, the line, and a caret below the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ConfigError { place: Place { line, column }, message }, source) in self.list.iter().zip(&self.lines) {
            writeln!(f, "{}:{line}:{column}: {message}", self.file)?;
            if let Some(source) = source {
                let (shown, caret) = window(source, (*column).max(1));
                writeln!(f, "{line:>5} | {shown}")?;
                writeln!(f, "      | {:>caret$}", "^")?;
            }
        }
        let count = self.list.len();
        write!(f, "{count} {} in {}", if count == 1 { "mistake" } else { "mistakes" }, self.file)
    }
}

impl std::error::Error for ConfigErrors {}

/// The maximum number of characters of a line that are shown.
const WIDEST: usize = 200;

/// Returns the part of a long line around a column, and the column within that part.
fn window(line: &str, column: usize) -> (String, usize) {
    let from = if line.chars().count() > WIDEST { column.saturating_sub(WIDEST / 2) } else { 0 };
    (line.chars().skip(from).take(WIDEST).collect(), column - from)
}

/// Collects the ranges of bytes of a table that may be shown.
fn of_table(node: &Node, section: &Section, text: &str, shown: &mut Vec<Range<usize>>) {
    for (name, value) in node.entries() {
        if let Some(key) = name.scalar().and_then(|name| section.key(name)) {
            shown.push(name.span.clone());
            of_value(value, &key.kind, text, shown);
        } else if name.scalar().and_then(word).is_some() {
            shown.push(name.span.clone());
        }
    }
}

/// Collects the ranges of bytes of a value that may be shown.
fn of_value(node: &Node, kind: &Kind, text: &str, shown: &mut Vec<Range<usize>>) {
    match (&node.tree, kind) {
        (Tree::Scalar(value, _), kind) => {
            let source = text.get(node.span.clone()).unwrap_or_default();
            // A value with line breaks or escapes differs from its source text, so it is not shown.
            let same = source.trim_matches(['"', '\'']) == value;
            let fitting = match kind {
                // A user may write a password in the place of its file or variable. A variable is never shown.
                Kind::Path => is_path(value),
                Kind::Variable | Kind::Table(_) | Kind::List(..) | Kind::Map(_) | Kind::By(..) => false,
                _ => true,
            };
            if same && fitting && is_plain(source) {
                shown.push(node.span.clone());
            }
        }
        (Tree::Table(_), Kind::Table(section)) => of_table(node, section, text, shown),
        (Tree::Table(entries), Kind::Map(values) | Kind::By(_, values)) => {
            for (name, value) in entries {
                if name.scalar().and_then(word).is_some() {
                    shown.push(name.span.clone());
                    of_value(value, values, text, shown);
                }
            }
        }
        (Tree::Table(entries), Kind::Levels) => {
            for (name, value) in
                entries.iter().filter(|(name, _)| matches!(name.scalar(), Some("warning" | "critical")))
            {
                shown.push(name.span.clone());
                of_value(value, &Kind::Level, text, shown);
            }
        }
        (Tree::List(items), Kind::List(item, _)) => items.iter().for_each(|node| of_value(node, item, text, shown)),
        _ => {}
    }
}

/// Replaces by stars everything in a line except the shown ranges and the separators between them.
fn masked(text: &str, line: Range<usize>, shown: &[Range<usize>]) -> String {
    let mut masked = String::new();
    let mut at = line.start;
    for range in shown.iter().filter(|range| line.start <= range.start && range.end <= line.end) {
        if range.start >= at {
            masked += &separating(&text[at..range.start]);
            masked += &text[range.clone()];
            at = range.end;
        }
    }
    let rest = separating(&text[at..line.end]);
    masked += rest.split('*').next().unwrap_or_default();
    if rest.contains('*') {
        masked += "...";
    }
    masked
}

/// Returns the text between two shown ranges when it only separates them. Otherwise replaces it by stars, except a
/// colon at its start.
fn separating(between: &str) -> String {
    let separates = |c: char| c.is_whitespace() || "-{}[],:\"'".contains(c);
    let colon = if between.starts_with(": ") { 2 } else { 0 };
    let (front, rest) = between.split_at(colon);
    let star = |c: char| if c.is_whitespace() { c } else { '*' };
    if rest.chars().all(separates) {
        between.to_owned()
    } else {
        rest.chars().map(star).fold(front.to_owned(), |mut text, c| {
            text.push(c);
            text
        })
    }
}
