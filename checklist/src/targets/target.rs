//! What every target and every kind of target can say about itself.

use super::kind::TargetKind;
use super::parts::Needs;
use crate::condition::threshold::Levels;
use crate::reader::keys::{Form, Key, Kind, Names, Section};
use crate::reader::table::Table;
use std::fmt::Debug;

/// One thing that is watched.
pub trait Target: Debug {
    /// The value of the label `target`.
    fn name(&self) -> &str;

    /// What can be looked at on it.
    fn kinds(&self) -> Vec<TargetKind>;

    /// What the exporter needs to look at it.
    fn needs(&self) -> Needs<'_>;
}

/// A kind of target: a list in checklist.yaml.
pub(crate) trait List: Target + Sized + 'static {
    /// The key of the list.
    const LIST: &'static str;
    /// What the list is of; one sentence.
    const ABOUT: &'static str;
    /// The list with one entry, as it is written in YAML.
    const EXAMPLE: &'static str;
    /// What an entry is described by.
    const ENTRY: &'static Section;

    /// Reads an entry.
    fn read(table: &Table<'_>, name: String) -> Option<Self>;

    /// Limits that follow from the target, by the key of the threshold.
    fn limits(&self) -> Vec<(&'static str, Levels)> {
        Vec::new()
    }
}

static NAME: Form = Form {
    right: "a name of at most 63 letters, digits, dashes, dots and underscores that does not begin with a dash",
    pattern: "^[A-Za-z0-9._][A-Za-z0-9._-]{0,62}$",
    fits: |text| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // Names become arguments of commands: one that begins with a dash would be an option.
        (1..=63).contains(&text.len()) && text.chars().all(good) && !text.starts_with('-')
    },
};

/// The keys that every target has.
pub(crate) const OWN: &[Key] = &[
    Key::new("name", Kind::Form(&NAME), "The value of the label `target`; no other entry of the list has it.")
        .required()
        .example("main"),
    Key::new("thresholds", Kind::By(Names::Thresholds, &Kind::Levels), "Limits that hold for this target alone.")
        .otherwise("the global ones, then those of the catalog")
        .example("{disk.usage: {warning: 60%, critical: 80%}}"),
    Key::new("skip", Kind::List(&Kind::Name(Names::Checks), false), "Checks that are not made on this target.")
        .example("[utilization]"),
    Key::new(
        "sources",
        Kind::By(Names::Sources, &Kind::Name(Names::Sources)),
        "Checks whose metrics come from another exporter, with its name; the exporter leaves them out.",
    )
    .example("{pods: kube-state-metrics}"),
    Key::new("sourceSelector", Kind::Text, "Label matchers of the target's series among those of the other exporter.")
        .example("'cluster=\"main\"'"),
];

/// An entry of a list.
struct Entry<T>(std::marker::PhantomData<T>);

impl<T: List> Entry<T> {
    const LIST: Kind = Kind::List(&Kind::Table(T::ENTRY), false);
}

/// The key of a list of targets.
pub(crate) const fn list<T: List>() -> Key {
    Key::new(T::LIST, Entry::<T>::LIST, T::ABOUT).example(T::EXAMPLE)
}
