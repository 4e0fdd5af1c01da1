//! Everything that is wrong with a file, with its lines as far as they may be shown.
//!
//! A line is shown only where its keys are described and its values are the described ones: the names of known keys,
//! and values that cannot be secrets. Everything else (unknown keys' values, comments, anchors, what stands on the next
//! line) is replaced by stars, so that columns still match. Of a file that is not YAML no line is shown.

use super::found::ConfigError;
use super::keys::{Kind, Section};
use crate::yaml::{Lines, Node, Place, Tree, is_plain, word};
use std::fmt;
use std::ops::Range;

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: String,
    /// The mistakes.
    pub list: Vec<ConfigError>,
    /// The line of each as it may be shown.
    lines: Vec<Option<String>>,
}

impl ConfigErrors {
    /// Mistakes of a text that was read as `root`, which is described by `section`.
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
    /// `file:line:column: message`, the line, and a caret under the place.
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

/// Characters of a line that are shown.
const WIDEST: usize = 200;

/// The part of a long line around a column, and the column in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let from = if line.chars().count() > WIDEST { column.saturating_sub(WIDEST / 2) } else { 0 };
    (line.chars().skip(from).take(WIDEST).collect(), column - from)
}

/// The bytes of a table that may be shown.
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

fn of_value(node: &Node, kind: &Kind, text: &str, shown: &mut Vec<Range<usize>>) {
    match (&node.tree, kind) {
        (Tree::Scalar(value, _), kind) => {
            let source = text.get(node.span.clone()).unwrap_or_default();
            // What is written over several lines or with escapes is not what it seems to be.
            let same = source.trim_matches(['"', '\'']) == value;
            let fitting = match kind {
                // A password that somebody wrote in the place of its file or variable is neither.
                Kind::Path => value.contains('/'),
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

/// A line in which everything but the shown bytes and what only separates them is stars.
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

/// What stands between two shown parts: itself if it only separates them, else stars behind the colon.
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
