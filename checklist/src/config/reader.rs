//! Reads tables strictly and keeps going: every mistake of a file is found in one run.

use super::quantity;
use crate::condition::threshold::{DAY, Unit};
use crate::yaml::tree::{Key, Node, Tree};
use crate::yaml::{Place, hint};
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

/// Ten years in seconds: what Prometheus, Kubernetes and people can still count with.
const LONGEST: f64 = 3_650.0 * DAY;

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    lines: Vec<String>,
    /// The mistakes.
    pub list: Vec<Mistake>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub message: String,
}

impl Mistakes {
    pub(crate) fn new(file: &str, text: &str, mut list: Vec<Mistake>) -> Self {
        list.sort();
        list.dedup();
        Self { file: file.to_owned(), lines: text.lines().map(str::to_owned).collect(), list }
    }
}

impl fmt::Display for Mistakes {
    /// `file:line:column: message`, the line, and a caret under the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Mistake { place: Place { line, column }, message } in &self.list {
            writeln!(f, "{}:{line}:{column}: {message}", self.file)?;
            if let Some(source) = line.checked_sub(1).and_then(|at| self.lines.get(at)) {
                let (shown, caret) = window(&masked(source), (*column).max(1));
                writeln!(f, "{line:>5} | {shown}")?;
                writeln!(f, "      | {:>caret$}", "^")?;
            }
        }
        let count = self.list.len();
        write!(f, "{count} {} in {}", if count == 1 { "mistake" } else { "mistakes" }, self.file)
    }
}

impl std::error::Error for Mistakes {}

/// Characters of a line that are shown.
const WIDEST: usize = 200;

/// The part of a long line around a column, and the column in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let from = if line.chars().count() > WIDEST { column.saturating_sub(WIDEST / 2) } else { 0 };
    (line.chars().skip(from).take(WIDEST).collect(), column - from)
}

/// A line as it may be shown: a password that somebody wrote where none belongs is stars, at the same columns.
fn masked(line: &str) -> String {
    let mut shown: Vec<char> = line.chars().collect();
    let find = |shown: &[char], from: usize, what: &dyn Fn(char) -> bool| {
        shown.iter().skip(from).position(|c| what(*c)).map(|at| from + at)
    };
    let mut at = 0;
    while let Some(colon) = find(&shown, at, &|c| c == ':') {
        at = colon + 1;
        let (from, to) = if shown[at..].starts_with(&['/', '/']) {
            // What stands before the last @ of an address is a login.
            let end = find(&shown, at + 2, &|c| c == '/' || c == '"' || c == '\'' || c.is_whitespace());
            let end = end.unwrap_or(shown.len());
            let Some(login) = shown[..end].iter().rposition(|c| *c == '@').filter(|login| *login > at) else {
                continue;
            };
            (at + 2, login)
        } else {
            let key: String = shown[..colon].iter().rev().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            let key: String = key.chars().rev().collect::<String>().to_lowercase();
            let names_a_place = ["file", "env", "secrets"].iter().any(|ending| key.ends_with(ending));
            let secret = ["password", "secret", "token", "key", "webhook"].iter().any(|word| key.contains(word));
            if !secret || names_a_place {
                continue;
            }
            let Some(from) = find(&shown, at, &|c| !c.is_whitespace()) else { continue };
            if "[{&*|>".contains(shown[from]) {
                continue;
            }
            (from, find(&shown, from, &|c| c == ',' || c == '}').unwrap_or(shown.len()))
        };
        shown[from..to].fill('*');
        at = to.max(at);
    }
    shown.into_iter().collect()
}

/// Where mistakes are collected.
#[derive(Debug, Default)]
pub(crate) struct Found(RefCell<Vec<Mistake>>);

impl Found {
    pub(crate) fn mistake(&self, place: Place, message: impl Into<String>) {
        self.0.borrow_mut().push(Mistake { place, message: message.into() });
    }

    pub(crate) fn into_list(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}

/// A table that is being read. Fields that nobody asked for are mistakes at the end.
pub(crate) struct Table<'a> {
    pub(crate) place: Place,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    found: &'a Found,
}

impl<'a> Table<'a> {
    /// The node as a table; anything else is a mistake.
    pub(crate) fn of(node: &'a Node, what: &str, found: &'a Found) -> Option<Self> {
        match &node.tree {
            Tree::Table(entries) => Some(Self { place: node.place, entries, asked: Vec::new(), found }),
            other => {
                found.mistake(node.place, format!("{what} must be a table of fields, this is {}", other.kind()));
                None
            }
        }
    }

    pub(crate) fn mistake(&self, place: Place, message: impl Into<String>) {
        self.found.mistake(place, message);
    }

    /// The node of a field; `key:` with nothing behind it counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let node = self.entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)?;
        (!matches!(node.tree, Tree::Null)).then_some(node)
    }

    /// All entries, for tables whose keys are data.
    pub(crate) fn entries(&self) -> &'a [(Key, Node)] {
        self.entries
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        match &node.tree {
            Tree::Text(text) if text.trim().is_empty() => {
                self.mistake(node.place, format!("{key} must not be empty"));
                None
            }
            Tree::Text(text) => Some(text.clone()),
            other => {
                self.mistake(node.place, format!("{key} must be a text, this is {}; put it in quotes", other.kind()));
                None
            }
        }
    }

    pub(crate) fn required(&mut self, key: &'static str) -> Option<String> {
        let absent = self.node(key).is_none();
        if absent {
            self.mistake(self.place, format!("the field {key} is missing"));
        }
        self.text(key)
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let Tree::Bool(value) = node.tree {
            return Some(value);
        }
        self.mistake(node.place, format!("{key} must be true or false"));
        None
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&mut self, key: &'static str, low: u16, high: u16) -> Option<u16> {
        let node = self.node(key)?;
        let whole = match node.tree {
            Tree::Number(n) if n.fract() == 0.0 && (f64::from(low)..=f64::from(high)).contains(&n) => {
                (low..=high).find(|whole| f64::from(*whole).to_bits() == n.to_bits())
            }
            _ => None,
        };
        if whole.is_none() {
            self.mistake(node.place, format!("{key} must be a whole number from {low} to {high}"));
        }
        whole
    }

    /// A duration above zero (or zero where that makes sense).
    pub(crate) fn duration(&mut self, key: &'static str, zero: bool) -> Option<Duration> {
        let node = self.node(key)?;
        let seconds = quantity_of(node, key, Unit::Seconds, self.found)?;
        if seconds == 0.0 && !zero {
            self.mistake(node.place, format!("{key} must be longer than zero"));
            return None;
        }
        if seconds > LONGEST || (seconds > 0.0 && seconds < 0.001) {
            self.mistake(node.place, format!("{key} must be from 1ms to ten years"));
            return None;
        }
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// One of a closed set of words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let place = self.node(key)?.place;
        let text = self.text(key)?;
        let choice = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if choice.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.mistake(
                place,
                format!("{key} must be one of {}, not {text}{}", words.join(", "), hint(&text, &words)),
            );
        }
        choice
    }

    pub(crate) fn list(&mut self, key: &'static str) -> &'a [Node] {
        match self.node(key) {
            None => &[],
            Some(Node { tree: Tree::List(items), .. }) => items,
            Some(node) => {
                self.mistake(
                    node.place,
                    format!("{key} must be a list (lines that begin with \"- \"), this is {}", node.tree.kind()),
                );
                &[]
            }
        }
    }

    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let node = self.node(key)?;
        Table::of(node, key, self.found)
    }

    /// Complains about every field that was not asked for.
    pub(crate) fn finish(self) {
        for (key, _) in self.entries {
            if !self.asked.contains(&key.text.as_str()) {
                let mut known = self.asked.clone();
                known.sort_unstable();
                known.dedup();
                let hint = hint(&key.text, &known);
                self.found
                    .mistake(key.place, format!("unknown field {}{hint}; known here: {}", key.text, known.join(", ")));
            }
        }
    }
}

/// A quantity in a scalar node.
pub(crate) fn quantity_of(node: &Node, what: &str, unit: Unit, found: &Found) -> Option<f64> {
    let Some(text) = node.tree.scalar() else {
        found.mistake(node.place, format!("{what} must be a single value, this is {}", node.tree.kind()));
        return None;
    };
    match quantity::parse(&text, unit) {
        Ok(value) => Some(value),
        Err(right) => {
            found.mistake(node.place, format!("{what} must be {right}, not {text}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_line_is_stars_at_the_same_columns() {
        for (line, shown) in [
            ("  password: hunter2", "  password: *******"),
            ("  - {name: a, password: hunter2, host: h}", "  - {name: a, password: *******, host: h}"),
            ("  - {url: 'https://ann:hunter2@host/x', name: a}", "  - {url: 'https://***********@host/x', name: a}"),
            ("url: https://hunter2@host", "url: https://*******@host"),
            ("  secretAccessKey: \"hunter2\"", "  secretAccessKey: *********"),
            ("bearerToken: hunter2 # mine", "bearerToken: **************"),
            ("  passwordFile: /etc/password", "  passwordFile: /etc/password"),
            ("  passwordEnv: PGPASSWORD", "  passwordEnv: PGPASSWORD"),
            ("  secrets: [{name: jwt}]", "  secrets: [{name: jwt}]"),
            ("  url: http://host:9093/a@b", "  url: http://host:9093/a@b"),
            ("key:", "key:"),
            ("\u{e4}: 1", "\u{e4}: 1"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
