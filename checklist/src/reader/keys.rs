//! The types that describe checklist.yaml. Each key is described once: type, whether it is required, default, one
//! sentence, and an example.
//!
//! The description is used to check the shape of a file (`shape`), for the default values (`table`), for the JSON
//! Schema and for docs/configuration.md. Tests compare it with the keys that the code reads.
//!
//! Why not serde, schemars and garde: a serde deserializer stops at the first mistake, so every struct would need a
//! second, tolerant version to report all mistakes in one run. The reports of garde have paths, but no lines and
//! columns. Half of the rules here compare keys with the catalog or with each other, which derive macros express as
//! functions beside the struct. Those functions would be longer than this module and the two beside it (about 500
//! lines), and with these modules a key is still one line.

use crate::units::Unit;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    /// The type of the value.
    pub kind: Kind,
    pub required: bool,
    /// The value when the key is not written.
    pub default: Default,
    /// One sentence: what the key is for.
    pub about: &'static str,
    /// An example value in YAML.
    pub example: &'static str,
}

/// The value when a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// No value.
    None,
    /// A value as it is written in YAML.
    Value(&'static str),
    /// A value that follows from something else, described in words.
    Described(&'static str),
}

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// The path of a file or a directory.
    Path,
    Variable,
    /// A text of a given form.
    Form(&'static Form),
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
    Flag,
    /// A whole number between two bounds, both included.
    Whole(u32, u32),
    /// A duration above zero.
    Duration,
    /// A duration that may be zero.
    Wait,
    /// A quantity in a unit.
    Quantity(Unit),
    /// A text, a number, true or false, all compared as text.
    Scalar,
    /// A list of values. `true`: it must not be empty.
    List(&'static Self, bool),
    /// A table with known keys.
    Table(&'static Section),
    /// A table with any keys.
    Map(&'static Self),
    /// A table whose keys are names of a kind.
    By(Names, &'static Self),
    /// A name of a kind.
    Name(Names),
    /// The levels of a threshold: a quantity in its unit, or a table of levels.
    Levels,
    /// One level: a quantity in the threshold's unit, or `none`.
    Level,
}

/// The kinds of names. The valid names depend on the catalog, on the kind of target and on `queries:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Alerts,
    /// Checks of this kind of target, or of all kinds.
    Checks,
    /// Columns of a table of the application.
    Columns,
    /// Checks whose metrics another exporter may provide. The value is the name of that exporter.
    Sources,
    Tables,
    /// Tasks of the catalog.
    Tasks,
    /// Thresholds of this kind of target, or of all kinds.
    Thresholds,
    /// The kinds of words in a table of the application.
    WordKinds,
}

/// The form that a text must have.
#[derive(Debug)]
pub struct Form {
    /// The description for messages: "`KEY` must be ...".
    pub right: &'static str,
    /// A regular expression for the JSON Schema. It may accept more than `fits`.
    pub pattern: &'static str,
    /// Returns whether a text has the form.
    pub fits: fn(&str) -> bool,
}

/// The description of a table: known keys and the rules between them.
#[derive(Debug)]
pub struct Section {
    /// The name of the table in messages.
    pub what: &'static str,
    /// The keys, in groups that several tables may share.
    pub keys: &'static [&'static [Key]],
    pub rules: &'static [Rule],
}

/// A rule between the keys of a table, with the message when it is broken.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of the keys is written.
    One(&'static [&'static str], &'static str),
    /// At least one of the keys is written.
    Any(&'static [&'static str], &'static str),
    /// The two keys exclude each other. The message points at the second.
    NotBoth(&'static str, &'static str, &'static str),
    /// The first key requires the second. The message points at the first.
    Needs(&'static str, &'static str, &'static str),
}

impl Rule {
    pub const fn message(&self) -> &'static str {
        match self {
            Self::One(_, message)
            | Self::Any(_, message)
            | Self::NotBoth(_, _, message)
            | Self::Needs(_, _, message) => message,
        }
    }
}

impl Key {
    /// Makes an optional key without a default.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: false, default: Default::None, about, example: "" }
    }

    /// Makes the key required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets the default value, as written in YAML.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Default::Value(value);
        self
    }

    /// Describes in words what applies when the key is not written.
    #[must_use]
    pub const fn otherwise(mut self, words: &'static str) -> Self {
        self.default = Default::Described(words);
        self
    }

    /// Sets the example, as written in YAML.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }
}

impl Section {
    /// Returns the keys of all groups.
    pub fn each(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().copied().flatten()
    }

    /// Returns the key with this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.each().find(|key| key.name == name)
    }

    /// Returns the names of the keys in alphabetical order.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.each().map(|key| key.name).collect();
        names.sort_unstable();
        names
    }
}

/// Returns the words of a choice, without the values that they stand for.
pub const fn words<T: Copy, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = choices[at].0;
        at += 1;
    }
    words
}
