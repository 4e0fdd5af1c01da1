//! Describes the shape of configuration files: the keys of each table, the kinds of their values, and which keys
//! require or exclude each other. The tables have the keys of every version of a server, so that a newer or older key
//! is not reported as unknown.

use super::spelling::{any_url, is_bytes, is_go_duration, url};
use crate::promql::duration;
use checklist::yaml::hint;
use serde_json::{Map, Value};
use std::fmt;

/// A step in the path to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// An index in a list.
    Item(usize),
}

/// A value or key that a server refuses, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The path from the root of the file.
    pub path: Vec<Step>,
    /// Whether the key at the end of the path is refused, and not its value.
    pub is_key: bool,
    /// The reason, as the user sees it.
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

/// The kind of a value.
#[derive(Debug)]
pub enum Kind {
    /// A scalar.
    Text,
    /// A list of scalars.
    Texts,
    /// A mapping of names to scalars.
    TextMap,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Whole,
    /// An integer that is not negative.
    Count,
    /// A number, which may have decimals.
    Number,
    /// A duration in Prometheus' notation, such as `1d`.
    Duration,
    /// A duration in Go's notation, such as `1.5s`.
    GoDuration,
    /// A duration in Go's notation. A number without a unit is refused.
    GoDurationText,
    /// A size in bytes, such as `10MB`.
    Bytes,
    /// An HTTP URL.
    Url,
    /// An HTTP URL, or `<secret>`, which the API of Alertmanager shows in its place.
    SecretUrl,
    /// A URL of any kind, or a relative one.
    AnyUrl,
    /// An HTTP URL, `<secret>` or a template.
    TemplateUrl,
    /// A host and port, such as `localhost:25`.
    HostPort,
    /// Any value.
    Any,
    /// A mapping with the keys of a table.
    Table(&'static Table),
    /// A text, or a mapping with these keys.
    TextOr(&'static Table),
    /// A mapping of any keys to values of one kind.
    MapOf(&'static Kind),
    /// A list of values of one kind.
    ListOf(&'static Kind),
    /// A list of such mappings.
    Tables(&'static Table),
    /// A list of such mappings, in which items may be null.
    TablesOrNull(&'static Table),
}

/// A further check of a table that its description cannot express.
pub type More = fn(&Map<String, Value>, &mut Findings);

/// The description of a mapping in a configuration file.
#[derive(Debug)]
pub struct Table {
    /// The keys of each kind, separated by spaces.
    pub keys: &'static [(Kind, &'static str)],
    /// Groups of keys, separated by spaces. Exactly one key of each group is required.
    pub one_of: &'static [&'static str],
    /// Groups of keys, separated by spaces. At least one key of each group is required.
    pub needs: &'static [&'static str],
    /// Groups of keys, separated by spaces. At most one key of each group is allowed.
    pub at_most_one: &'static [&'static str],
    /// For some keys, the allowed values, separated by spaces.
    pub values: &'static [(&'static str, &'static str)],
    /// Tables whose keys may occur in this mapping too.
    pub inline: &'static [&'static Table],
    /// A further check.
    pub more: Option<More>,
}

/// A table without keys and requirements, as a base for others.
pub const PLAIN: Table =
    Table { keys: &[], one_of: &[], needs: &[], at_most_one: &[], values: &[], inline: &[], more: None };

impl Table {
    /// Returns the table and all inline tables.
    fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.inline.iter().flat_map(|table| table.all())).collect()
    }
}

/// The refusals, and the current path.
#[derive(Debug, Default)]
pub struct Findings {
    path: Vec<Step>,
    /// The refusals in the order in which they were found.
    pub all: Vec<Refusal>,
}

impl Findings {
    /// Refuses the value at the current path.
    pub fn refuse(&mut self, why: impl Into<String>) {
        self.all.push(Refusal { path: self.path.clone(), is_key: false, why: why.into() });
    }

    /// Refuses a key that no version of the server knows.
    pub fn unknown(&mut self, key: &str, known: &[&str]) {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        // The message contains the key, so the path is shown without it.
        let why = format!("unknown key {key}{}", hint(key, known));
        self.all.push(Refusal { path, is_key: true, why });
    }

    /// Runs `then` with the path of the value under a key.
    pub fn under(&mut self, key: &str, then: impl FnOnce(&mut Self)) {
        self.path.push(Step::Key(key.to_owned()));
        then(self);
        self.path.pop();
    }

    /// Runs `then` with the path of an item of a list.
    pub fn at(&mut self, item: usize, then: impl FnOnce(&mut Self)) {
        self.path.push(Step::Item(item));
        then(self);
        self.path.pop();
    }

    /// Runs `then` for each item of the list under a key.
    pub fn each(&mut self, of: &Map<String, Value>, key: &str, mut then: impl FnMut(&Value, &mut Self)) {
        self.under(key, |this| {
            for (at, item) in of.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                this.at(at, |this| then(item, this));
            }
        });
    }

    /// Like [`Findings::each`], without the items that are null.
    pub fn each_given(&mut self, of: &Map<String, Value>, key: &str, mut then: impl FnMut(&Value, &mut Self)) {
        self.each(of, key, |item, this| {
            if !item.is_null() {
                then(item, this);
            }
        });
    }

    /// Like [`Findings::each`], and refuses a value that is not a list.
    pub fn list(&mut self, of: &Map<String, Value>, key: &str, then: impl FnMut(&Value, &mut Self)) {
        if of.get(key).is_some_and(|value| !value.is_array() && !value.is_null()) {
            self.under(key, |this| this.refuse("expected a list"));
        }
        self.each(of, key, then);
    }

    /// Checks a value against a table.
    pub fn table(&mut self, value: &Value, table: &Table) {
        let Some(of) = value.as_object() else {
            if !value.is_null() {
                self.refuse("expected a mapping");
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

    /// Checks required keys, keys that exclude each other, and allowed values.
    fn rules(&mut self, of: &Map<String, Value>, table: &Table) {
        for needed in table.one_of.iter().chain(table.needs) {
            let given = |key: &str| {
                is_there(of, key) && of.get(key).and_then(Value::as_array).is_none_or(|list| !list.is_empty())
            };
            if !needed.split_whitespace().any(given) {
                self.refuse(format!("{} is missing", needed.replace(' ', " or ")));
            }
        }
        for alternatives in table.one_of.iter().chain(table.at_most_one) {
            let there: Vec<&str> = alternatives.split_whitespace().filter(|key| is_there(of, key)).collect();
            if let [first, second, ..] = there.as_slice() {
                self.under(second, |this| this.refuse(format!("only one of {first} and {second} may be set")));
            }
        }
        for (key, values) in table.values {
            let value = of.get(*key).and_then(scalar).filter(|value| !value.is_empty());
            if let Some(value) = value.filter(|value| !values.split(' ').any(|known| known == *value)) {
                let known: Vec<&str> = values.split(' ').collect();
                self.under(key, |this| this.refuse(format!("{value:?} is not one of {}", known.join(", "))));
            }
        }
        if let Some(more) = table.more {
            more(of, self);
        }
    }

    /// Checks a value against a kind.
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
                None => self.refuse("expected a mapping"),
            },
            (Kind::ListOf(_) | Kind::Tables(_) | Kind::TablesOrNull(_) | Kind::Texts, _) if !value.is_array() => {
                self.refuse("expected a list");
            }
            (Kind::Tables(table) | Kind::TablesOrNull(table), _) => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.at(at, |this| {
                        if item.is_null() && matches!(kind, Kind::Tables(_)) {
                            this.refuse("an item is empty");
                        }
                        this.table(item, table);
                    });
                }
            }
            (Kind::ListOf(kind), _) => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.at(at, |this| this.value(item, kind));
                }
            }
            (Kind::Texts, _) => {
                if value.as_array().into_iter().flatten().any(|item| item.is_array() || item.is_object()) {
                    self.refuse("expected a list of strings");
                }
            }
            (Kind::TextMap, _) => {
                let bad = |map: &Map<String, Value>| map.values().any(|item| item.is_array() || item.is_object());
                if value.as_object().is_none_or(bad) {
                    self.refuse("expected a mapping of strings");
                }
            }
            (_, None) => self.refuse("expected a scalar"),
            (Kind::Text, Some(_)) => {}
            (Kind::Bool, Some(text)) => {
                // Our YAML parser reads yes, no, on and off as Go does, unless they are in quotes.
                let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
                if value.is_string() && words.contains(&text.to_lowercase().as_str()) {
                    self.refuse(format!("{text:?} in quotes is a string: write the value without quotes"));
                } else if !value.is_boolean() {
                    self.refuse(format!("{text} is neither true nor false"));
                }
            }
            (Kind::Whole, Some(text)) => {
                // Go drops the decimals.
                if !value.is_number() {
                    self.refuse(format!("{text} is not an integer"));
                }
            }
            (Kind::Number, Some(text)) => {
                if !value.is_number() {
                    self.refuse(format!("{text:?} is not a number"));
                }
            }
            (Kind::Bytes, Some(text)) => {
                if !is_bytes(text) {
                    self.refuse(format!("{text:?} is not a size such as 10MB"));
                }
            }
            (Kind::Duration, Some(text)) => {
                if let Err(why) = duration::parse(text) {
                    self.refuse(why);
                }
            }
            (Kind::Count, Some(text)) => {
                if value.as_f64().is_none_or(|number| number < 0.0) {
                    self.refuse(format!("{text} is not an integer of at least 0"));
                }
            }
            // Without a unit, Go reads a number as nanoseconds.
            (Kind::GoDuration | Kind::GoDurationText, Some(text)) => {
                let bare = matches!(kind, Kind::GoDuration) && value.is_number();
                if !is_go_duration(text) && !bare {
                    self.refuse(format!("{text} is not a duration such as 30s or 1h30m"));
                }
            }
            (Kind::Url | Kind::SecretUrl | Kind::TemplateUrl | Kind::AnyUrl | Kind::HostPort, Some(text)) => {
                self.address(text, kind);
            }
        }
    }

    /// Checks an address.
    fn address(&mut self, text: &str, kind: &Kind) {
        let checked = match kind {
            Kind::SecretUrl | Kind::TemplateUrl if text == "<secret>" => Ok(()),
            Kind::TemplateUrl if text.contains("{{") => {
                let closed = text.matches("{{").count() == text.matches("}}").count();
                closed.then_some(()).ok_or_else(|| "the template does not parse: {{ and }} are not balanced".to_owned())
            }
            Kind::HostPort => {
                let port = text.rsplit_once(':').map(|(_, port)| port);
                let given = text.is_empty() || port.is_some_and(|port| !port.is_empty());
                given.then_some(()).ok_or_else(|| format!("{text:?} has no port: host:port"))
            }
            Kind::AnyUrl => any_url(text),
            _ => url(text),
        };
        if let Err(why) = checked {
            self.refuse(why);
        }
    }
}

/// Whether a key has a value that is neither null nor an empty text.
pub fn is_there(of: &Map<String, Value>, key: &str) -> bool {
    of.get(key).is_some_and(|value| !value.is_null() && value != "")
}

/// Whether a Boolean key is true, or a mapping is not empty.
pub fn is_on(of: &Map<String, Value>, key: &str) -> bool {
    let on = |value: &Value| value != false && value.as_object().is_none_or(|table| !table.is_empty());
    is_there(of, key) && of.get(key).is_some_and(on)
}

/// Returns the text of a scalar.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
