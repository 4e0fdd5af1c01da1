//! Collects findings, and removes those that comments in the file suppress.

mod suppressions;

pub use suppressions::{LintId, date};

use super::flavour::Flavour;
use super::place::{Lines, Place, Text, in_file};
use super::yaml::Node;
use jiff::civil::Date;
use promql::Span;
use std::fmt;
use std::ops::Range;

/// The largest number of characters of a line that are shown.
const SNIPPET: usize = 300;

/// The level of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    /// Something that could be better.
    Info,
    /// Something that will cause trouble.
    Warning,
    /// Something that is refused, never fires, or always fires.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// The lines of a rule, which a suppression comment may apply to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The place where the rule begins.
    pub place: Place,
    /// The last line of the rule.
    pub last: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    pub place: Place,
    /// The number of marked characters, which are all on one line.
    pub width: usize,
    /// The id of the lint, such as `RG011`.
    pub id: &'static str,
    pub level: Level,
    /// The rule, panel or route that the finding is about.
    pub subject: Option<String>,
    pub message: String,
    /// What to do about it. May be empty.
    pub fix: String,
    /// The line of the file, or a part of a long line.
    pub snippet: String,
    /// The number of characters before the snippet in its line.
    pub before: usize,
}

/// The findings of a file, while they are collected.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    file: &'a str,
    text: &'a str,
    lines: std::sync::Arc<Lines>,
    scope: Scope,
    subject: Option<String>,
    version: Option<(u32, u32)>,
    server: Option<Flavour>,
    /// Whether parts of the file were also linted from another file. Then a suppression without effect here may be
    /// needed there.
    partly: bool,
    /// The bytes that [`Report::near`] searches.
    within: Range<usize>,
    /// Findings below this level are dropped.
    least: Level,
    /// Whether there was any finding, also a dropped one.
    any: bool,
    found: Vec<(Scope, Finding)>,
}

impl<'a> Report<'a> {
    /// Returns an empty report on a file.
    pub fn new(file: &'a str, text: &'a str, version: Option<(u32, u32)>) -> Self {
        let (scope, subject) = (Scope::default(), None);
        Self {
            file,
            text,
            lines: Lines::new(text).into(),
            scope,
            subject,
            version,
            server: version.map(|_| Flavour::Prometheus),
            partly: false,
            within: 0..text.len(),
            least: Level::Info,
            any: false,
            found: Vec::new(),
        }
    }

    pub fn file(&self) -> &str {
        self.file
    }

    /// Sets the server that evaluates the rules.
    #[must_use]
    pub fn of(mut self, server: Option<Flavour>) -> Self {
        self.server = server.or(self.server);
        self
    }

    /// Drops findings below a level, which nobody sees. A file with suppressions keeps all, because they tell whether a
    /// suppression has an effect.
    #[must_use]
    pub fn at_least(mut self, least: Level) -> Self {
        self.least = if suppressions::has_any(self.text) { Level::Info } else { least };
        self
    }

    /// Returns the server that evaluates the rules, if the user named one.
    pub const fn server(&self) -> Option<Flavour> {
        self.server
    }

    /// Returns the oldest version that must accept the rules, if the user named one.
    pub const fn version(&self) -> Option<(u32, u32)> {
        self.version
    }

    pub const fn has_any(&self) -> bool {
        self.any
    }

    /// Notes that parts of the file are linted elsewhere too.
    pub fn is_judged_partly(&mut self) {
        self.partly = true;
    }

    /// Restricts [`Report::near`] to these bytes of the file.
    pub fn look_in(&mut self, bytes: Range<usize>) {
        self.within = bytes;
    }

    /// Returns the lines of a node.
    pub fn scope(&self, node: &Node) -> Scope {
        let inside = self.text.get(node.span.clone()).unwrap_or_default().trim_end();
        Scope { place: node.place, last: node.place.line + inside.matches('\n').count() }
    }

    /// Returns these bytes of the file. Empty when the range is not one.
    pub fn between(&self, bytes: Range<usize>) -> &'a str {
        self.text.get(bytes).unwrap_or_default()
    }

    /// Sets the lines that the next findings belong to.
    pub fn enter(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// Sets the rule, panel or route that the next findings are about.
    pub fn about(&mut self, subject: Option<String>) {
        self.subject = subject;
    }

    /// Adds a finding about a node.
    pub fn add(&mut self, id: &'static str, level: Level, node: &Node, message: impl Into<String>, fix: &str) {
        self.found(id, level, &node.span, node.place, message.into(), fix);
    }

    /// Adds a finding about a text.
    pub fn at(&mut self, id: &'static str, level: Level, text: &Text, message: impl Into<String>, fix: &str) {
        self.found(id, level, &text.span, text.place, message.into(), fix);
    }

    /// Adds a finding about a word in a text, at the first place where it is not part of a longer word.
    pub fn word(&mut self, id: &'static str, level: Level, text: &Text, word: &str, message: String, fix: &str) {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let inside = self.text.get(text.span.clone()).unwrap_or_default();
        let alone = |at: &usize| !inside[..*at].ends_with(part) && !inside[at + word.len()..].starts_with(part);
        match inside.match_indices(word).map(|(at, _)| at).find(alone).filter(|_| !word.is_empty()) {
            Some(at) => {
                let start = text.span.start + at;
                let place = self.lines.place(self.text, start);
                self.found(id, level, &(start..start + word.len()), place, message, fix);
            }
            None => self.at(id, level, text, message, fix),
        }
    }

    /// Adds a finding about a part of a text's value.
    pub fn part(&mut self, id: &'static str, level: Level, text: &Text, part: Span, message: String, fix: &str) {
        let inside = self.text.get(text.span.clone()).unwrap_or_default();
        match in_file(inside, &text.value, part) {
            Some(range) => {
                let range = text.span.start + range.start..text.span.start + range.end;
                let place = self.lines.place(self.text, range.start);
                self.found(id, level, &range, place, message, fix);
            }
            None => self.at(id, level, text, message, fix),
        }
    }

    /// Adds a finding about a line.
    pub fn line(&mut self, id: &'static str, level: Level, line: usize, message: impl Into<String>, fix: &str) {
        self.found(id, level, &(0..0), Place { line, column: 1 }, message.into(), fix);
    }

    /// Adds a finding at the first occurrence of a text in the file, for readers that keep no places. If there is none,
    /// at the start.
    pub fn near(&mut self, id: &'static str, level: Level, near: &str, message: String, fix: &str) {
        let inside = self.text.get(self.within.clone()).unwrap_or_default();
        let found = inside.find(near).filter(|_| !near.is_empty()).map(|at| self.within.start + at);
        let at = found.unwrap_or(self.within.start);
        let place = self.lines.place(self.text, at);
        self.found(id, level, &(at..at + found.map_or(0, |_| near.len())), place, message, fix);
    }

    /// Reports a field that needs a newer version of Prometheus than the oldest one to support.
    pub fn since(&mut self, node: &Node, what: &str, since: (u32, u32)) {
        if self.version.is_some_and(|version| version < since) {
            let message = format!("{what} needs Prometheus {}.{}", since.0, since.1);
            self.add(
                "RG005",
                Level::Error,
                node,
                message,
                "older versions refuse it, and the operator removes it without an error",
            );
        }
    }

    /// Like [`Report::since`], for a text.
    pub fn since_at(&mut self, text: &Text, what: &str, since: (u32, u32)) {
        if self.version.is_some_and(|version| version < since) {
            let message = format!("{what} needs Prometheus {}.{}", since.0, since.1);
            self.at("RG005", Level::Error, text, message, "older versions refuse the file");
        }
    }

    fn found(&mut self, id: &'static str, level: Level, span: &Range<usize>, place: Place, message: String, fix: &str) {
        self.any = true;
        if level < self.least {
            return;
        }
        // A JSON file may be a single line, so only the part around the place is shown.
        let before = if place.column > SNIPPET * 2 / 3 { place.column - SNIPPET / 3 } else { 0 };
        let line = self.lines.start(place.line).map_or("", |_| self.lines.line(self.text, place.line));
        let rest = self.lines.byte(self.text, Place { column: before + 1, ..place }).and_then(|at| self.text.get(at..));
        // The end of a line of megabytes is not searched.
        let shown = rest.filter(|_| before > 0).unwrap_or(line).chars().take(SNIPPET);
        let snippet: String = shown.take_while(|c| !matches!(c, '\n' | '\r')).collect();
        let inside = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        let finding = Finding {
            file: self.file.to_owned(),
            place,
            width: inside.trim_end().chars().count().max(1),
            id,
            level,
            subject: self.subject.clone(),
            message,
            fix: fix.to_owned(),
            snippet,
            before,
        };
        let scope = if self.scope.last == 0 { Scope { place, last: place.line } } else { self.scope.clone() };
        self.found.push((scope, finding));
    }

    /// Returns the findings that no comment suppresses, and findings about the comments themselves.
    pub fn finish(mut self, today: Date, id: LintId) -> Vec<Finding> {
        let (mut ignores, bad) = suppressions::read(self.text, today, id);
        self.scope = Scope::default();
        self.subject = None;
        let example = "# rules-gen: ignore RG016 until 2027-01-31 because ...";
        for (line, message) in bad {
            self.line("RG099", Level::Error, line, message, example);
        }
        self.found.retain(|(scope, finding)| {
            let mut suppressed = false;
            for ignore in &mut ignores {
                suppressed |= ignore.takes(scope.place.line..=scope.last, finding.id);
            }
            !suppressed
        });
        let useless = if self.partly { Vec::new() } else { ignores };
        for ignore in &useless {
            for id in ignore.useless() {
                let message = format!("this suppression has no effect: {id} finds nothing here");
                self.line("RG099", Level::Warning, ignore.written, message, "remove it");
            }
        }
        self.found.into_iter().map(|(_, finding)| finding).collect()
    }
}
