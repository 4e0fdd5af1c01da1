//! The shape of a configuration file: which keys a table has, of which kind, which belong together, and which do not. The
//! tables hold the keys of every version: one that only older or newer servers know is not unknown.

use super::spelling::{is_bytes, is_go_duration, url};
use crate::promql::duration;
use checklist::yaml::hint;
use serde_json::{Map, Value};
use std::fmt;

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Under a key of a table.
    Key(String),
    /// The item of a list.
    Item(usize),
}

/// What a server refuses of its configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The way from the root of the file.
    pub path: Vec<Step>,
    /// Whether it is the key at the end of the way, and not its value.
    pub is_key: bool,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.path.len() - usize::from(self.is_key);
        for (at, step) in self.path[..shown].iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Item(at) => write!(f, "[{at}]")?,
            }
        }
        let colon = if shown == 0 { "" } else { ": " };
        write!(f, "{colon}{}", self.why)
    }
}

/// What a value must be.
#[derive(Debug)]
pub enum Kind {
    /// A single value.
    Text,
    /// A list of them.
    Texts,
    /// Texts by name.
    TextMap,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Whole,
    /// A whole number that is not negative.
    Count,
    /// As Prometheus writes it: `1d`.
    Duration,
    /// As Go writes it: `1.5s`.
    GoDuration,
    /// The same, where a number without a unit is none.
    GoDurationText,
    /// A number of bytes: `10MB`.
    Bytes,
    /// An address of a web server.
    Url,
    /// The same, or a template of one.
    TemplateUrl,
    /// `host:port`.
    HostPort,
    /// Anything.
    Any,
    /// A table.
    Table(&'static Table),
    /// A single value, or a table.
    TextOr(&'static Table),
    /// Values of one kind by name.
    MapOf(&'static Kind),
    /// A list of values of one kind.
    ListOf(&'static Kind),
    /// A list of tables.
    Tables(&'static Table),
    /// The same, where an item may be empty.
    TablesOrNull(&'static Table),
}

/// Looks at a table for what its keys alone do not say.
pub type More = fn(&Map<String, Value>, &mut Findings);

/// A table of the configuration.
#[derive(Debug)]
pub struct Table {
    /// Its keys by kind, with blanks between.
    pub keys: &'static [(Kind, &'static str)],
    /// Of each of these one must be there.
    pub needs: &'static [&'static str],
    /// Of each of these at most one may be there.
    pub at_most_one: &'static [&'static str],
    /// Values that a key takes.
    pub values: &'static [(&'static str, &'static str)],
    /// Tables whose keys stand in this one.
    pub inline: &'static [&'static Table],
    /// What else is refused.
    pub more: Option<More>,
}

/// A table of which nothing is asked.
pub const PLAIN: Table = Table { keys: &[], needs: &[], at_most_one: &[], values: &[], inline: &[], more: None };

impl Table {
    /// Itself and the tables whose keys stand in it.
    fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.inline.iter().flat_map(|table| table.all())).collect()
    }
}

/// What was found on the way through a configuration.
#[derive(Debug, Default)]
pub struct Findings {
    path: Vec<Step>,
    /// What is refused, in order.
    pub all: Vec<Refusal>,
}

impl Findings {
    /// Something is refused here.
    pub fn refuse(&mut self, why: impl Into<String>) {
        self.all.push(Refusal { path: self.path.clone(), is_key: false, why: why.into() });
    }

    /// A key that no version knows.
    pub fn unknown(&mut self, key: &str, known: &[&str]) {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        // The key is in the reason already.
        let why = format!("unknown key {key}{}", hint(key, known));
        self.all.push(Refusal { path, is_key: true, why });
    }

    /// What follows within `then` is about the value under a key.
    pub fn under(&mut self, key: &str, then: impl FnOnce(&mut Self)) {
        self.path.push(Step::Key(key.to_owned()));
        then(self);
        self.path.pop();
    }

    /// What follows within `then` is about an item of a list.
    pub fn at(&mut self, item: usize, then: impl FnOnce(&mut Self)) {
        self.path.push(Step::Item(item));
        then(self);
        self.path.pop();
    }

    /// What follows is about each item of the list under a key.
    pub fn each(&mut self, of: &Map<String, Value>, key: &str, mut then: impl FnMut(&Value, &mut Self)) {
        self.under(key, |this| {
            for (at, item) in of.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                this.at(at, |this| then(item, this));
            }
        });
    }

    /// The same without items that are null.
    pub fn each_given(&mut self, of: &Map<String, Value>, key: &str, mut then: impl FnMut(&Value, &mut Self)) {
        self.each(of, key, |item, this| {
            if !item.is_null() {
                then(item, this);
            }
        });
    }

    /// What follows is about each item of a list, where nothing but a list is taken.
    pub fn list(&mut self, of: &Map<String, Value>, key: &str, then: impl FnMut(&Value, &mut Self)) {
        if of.get(key).is_some_and(|value| !value.is_array() && !value.is_null()) {
            self.under(key, |this| this.refuse("a list belongs here"));
        }
        self.each(of, key, then);
    }

    /// What a table must be.
    pub fn table(&mut self, value: &Value, table: &Table) {
        let Some(of) = value.as_object() else {
            if !value.is_null() {
                self.refuse("a table belongs here");
            }
            return;
        };
        let tables: Vec<&Table> = table.all();
        let keys = || tables.iter().flat_map(|table| table.keys);
        for (key, value) in of {
            if let Some((kind, _)) = keys().find(|(_, names)| names.split_whitespace().any(|name| name == key)) {
                self.under(key, |this| this.value(value, kind));
            } else {
                let known: Vec<&str> = keys().flat_map(|(_, names)| names.split_whitespace()).collect();
                self.unknown(key, &known);
            }
        }
        for table in tables {
            self.rules(of, table);
        }
    }

    /// What belongs together in a table, and what does not.
    fn rules(&mut self, of: &Map<String, Value>, table: &Table) {
        for needed in table.needs {
            if !needed.split_whitespace().any(|key| is_there(of, key)) {
                self.refuse(format!("{} is missing", needed.replace(' ', " or ")));
            }
        }
        for alternatives in table.at_most_one {
            let there: Vec<&str> = alternatives.split_whitespace().filter(|key| is_there(of, key)).collect();
            if let [first, second, ..] = there.as_slice() {
                self.under(second, |this| this.refuse(format!("{first} and {second} exclude each other")));
            }
        }
        for (key, values) in table.values {
            let value = of.get(*key).and_then(scalar).filter(|value| !value.is_empty());
            if let Some(value) = value.filter(|value| !values.split(' ').any(|known| known == *value)) {
                let known: Vec<&str> = values.split(' ').collect();
                self.under(key, |this| this.refuse(format!("{value:?} is none of {}", known.join(", "))));
            }
        }
        if let Some(more) = table.more {
            more(of, self);
        }
    }

    /// What a value of a kind must be.
    pub fn value(&mut self, value: &Value, kind: &Kind) {
        if value.is_null() {
            return;
        }
        let text = scalar(value);
        match (kind, &text) {
            (Kind::Any, _) => {}
            (Kind::Table(table), _) => self.table(value, table),
            (Kind::TextOr(table), None) => self.table(value, table),
            (Kind::TextOr(_), Some(_)) => {}
            (Kind::MapOf(kind), _) => match value.as_object() {
                Some(map) => map.iter().for_each(|(key, value)| self.under(key, |this| this.value(value, kind))),
                None => self.refuse("a table belongs here"),
            },
            (Kind::ListOf(_) | Kind::Tables(_) | Kind::TablesOrNull(_) | Kind::Texts, _) if !value.is_array() => {
                self.refuse("a list belongs here");
            }
            (Kind::Tables(table) | Kind::TablesOrNull(table), _) => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.path.push(Step::Item(at));
                    if item.is_null() && matches!(kind, Kind::Tables(_)) {
                        self.refuse("an item is empty");
                    }
                    self.table(item, table);
                    self.path.pop();
                }
            }
            (Kind::ListOf(kind), _) => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.at(at, |this| this.value(item, kind));
                }
            }
            (Kind::Texts, _) => {
                if value.as_array().into_iter().flatten().any(|item| item.is_array() || item.is_object()) {
                    self.refuse("a list of texts belongs here");
                }
            }
            (Kind::TextMap, _) => {
                let bad = |map: &Map<String, Value>| map.values().any(|item| item.is_array() || item.is_object());
                if value.as_object().is_none_or(bad) {
                    self.refuse("a table of texts belongs here");
                }
            }
            (_, None) => self.refuse("a single value belongs here"),
            (Kind::Text, Some(_)) => {}
            (Kind::Bool, Some(text)) => {
                let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
                if !words.contains(&text.to_lowercase().as_str()) {
                    self.refuse(format!("{text} is neither true nor false"));
                }
            }
            (Kind::Whole, Some(text)) => {
                // Go leaves off what is behind the point.
                if !value.is_number() {
                    self.refuse(format!("{text} is no whole number"));
                }
            }
            (Kind::Bytes, Some(text)) => {
                if !is_bytes(text) {
                    self.refuse(format!("{text:?} is no number of bytes such as 10MB"));
                }
            }
            (Kind::Duration, Some(text)) => {
                if let Err(why) = duration::parse(text) {
                    self.refuse(why);
                }
            }
            (Kind::Count, Some(text)) => {
                if value.as_f64().is_none_or(|number| number < 0.0) {
                    self.refuse(format!("{text} is no whole number from 0 on"));
                }
            }
            // A number without a unit is taken for nanoseconds.
            (Kind::GoDuration, Some(text)) => {
                if !is_go_duration(text) && !value.is_number() {
                    self.refuse(format!("{text} is no duration such as 30s or 1h30m"));
                }
            }
            (Kind::GoDurationText, Some(text)) => {
                if !is_go_duration(text) {
                    self.refuse(format!("{text} is no duration such as 30s or 1h30m"));
                }
            }
            (Kind::TemplateUrl, Some(text)) if text.contains("{{") => {
                if text.matches("{{").count() != text.matches("}}").count() {
                    self.refuse("the template does not parse: {{ and }} belong together");
                }
            }
            (Kind::Url | Kind::TemplateUrl, Some(text)) => {
                if let Err(why) = url(text) {
                    self.refuse(why);
                }
            }
            (Kind::HostPort, Some(text)) => {
                let port = text.rsplit_once(':').map(|(_, port)| port);
                if !text.is_empty() && port.is_none_or(str::is_empty) {
                    self.refuse(format!("{text:?} has no port: host:port"));
                }
            }
        }
    }
}

/// Whether a value is given: neither nothing nor an empty text. `n` and `no` are texts where a text belongs.
pub fn is_there(of: &Map<String, Value>, key: &str) -> bool {
    of.get(key).is_some_and(|value| !value.is_null() && value != "")
}

/// Whether a switch is on, or a table has something in it.
pub fn is_on(of: &Map<String, Value>, key: &str) -> bool {
    let on = |value: &Value| value != false && value.as_object().is_none_or(|table| !table.is_empty());
    is_there(of, key) && of.get(key).is_some_and(on)
}

/// The text of a single value.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
