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

/// What holds where a key is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    None,
    /// A value as it is written in YAML.
    Value(&'static str),
    /// What follows from something else, in words.
    Described(&'static str),
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// The path of a file or a folder.
    Path,
    /// The name of an environment variable.
    Variable,
    /// A text of a form.
    Form(&'static Form),
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number within bounds.
    Whole(u32, u32),
    /// A duration above zero.
    Duration,
    /// A duration, zero too.
    Wait,
    /// A quantity of a unit.
    Quantity(Unit),
    /// A text, a number, true or false: whatever is compared as a text.
    Scalar,
    /// A list; `true` when it must not be empty.
    List(&'static Self, bool),
    /// A table of known keys.
    Table(&'static Section),
    /// A table whose keys are any names.
    Map(&'static Self),
    /// A table whose keys are names of something.
    By(Names, &'static Self),
    /// A name of something.
    Name(Names),
    /// Levels of a threshold: a quantity of the threshold's unit, or a table of such.
    Levels,
    /// One level: a quantity of the threshold's unit, or `none`.
    Level,
}

/// What names may be of. Which ones there are depends on the catalog, on the kind of target and on `queries:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Alerts.
    Alerts,
    /// Checks of this kind of target, or of all.
    Checks,
    /// Columns of the application's table.
    Columns,
    /// Checks whose metrics another exporter may have; the value is the name of that exporter.
    Sources,
    /// The application's tables.
    Tables,
    /// Tasks of the catalog.
    Tasks,
    /// Thresholds of this kind of target, or of all.
    Thresholds,
    /// The kinds of words in the application's table.
    WordKinds,
}

/// A form that a text must have.
#[derive(Debug)]
pub struct Form {
    /// What the form is called in messages: "`KEY` must be ...".
    pub right: &'static str,
    /// The form as a regular expression, for the schema; it may accept more than `fits`.
    pub pattern: &'static str,
    /// Whether a text has it.
    pub fits: fn(&str) -> bool,
}

/// A table of known keys and the rules between them.
#[derive(Debug)]
pub struct Section {
    /// What it is called in messages.
    pub what: &'static str,
    /// Its keys, in groups that several tables may share.
    pub keys: &'static [&'static [Key]],
    /// Rules between its keys.
    pub rules: &'static [Rule],
}

/// A rule between the keys of a table, and the message when it is broken.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of the keys is there.
    One(&'static [&'static str], &'static str),
    /// At least one of the keys is there.
    Any(&'static [&'static str], &'static str),
    /// The two exclude each other; the message is at the second.
    NotBoth(&'static str, &'static str, &'static str),
    /// The first one needs the second; the message is at the first.
    Needs(&'static str, &'static str, &'static str),
}

impl Rule {
    /// The message when it is broken.
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
    /// A key that may be left out.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: false, default: Default::None, about, example: "" }
    }

    /// It must be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What holds where it is not there, as it is written in YAML.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Default::Value(value);
        self
    }

    /// What holds where it is not there, in words.
    #[must_use]
    pub const fn otherwise(mut self, words: &'static str) -> Self {
        self.default = Default::Described(words);
        self
    }

    /// A value as it is written in YAML.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }
}

impl Section {
    /// Its keys.
    pub fn each(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().copied().flatten()
    }

    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.each().find(|key| key.name == name)
    }

    /// The names of its keys in alphabetical order.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.each().map(|key| key.name).collect();
        names.sort_unstable();
        names
    }
}

/// The words of a choice, of which each stands for a value.
pub const fn words<T: Copy, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = choices[at].0;
        at += 1;
    }
    words
}
