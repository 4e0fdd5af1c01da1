//! The traits of targets and of lists of targets, and the keys that every target has.

use super::kind::TargetKind;
use super::parts::Needs;
use crate::condition::threshold::Levels;
use crate::metric::Metric;
use crate::reader::keys::{Form, Key, Kind, Names, Section};
use crate::reader::table::Table;
use std::fmt::Debug;

/// Something that is watched.
pub trait Target: Debug {
    /// Returns the value of the label `target`.
    fn name(&self) -> &str;

    /// Returns the kinds of checks that are possible on the target.
    fn kinds(&self) -> Vec<TargetKind>;

    /// Returns what the exporter needs to probe the target.
    fn needs(&self) -> Needs<'_>;
}

/// A check on metrics of another exporter.
pub(crate) struct Sourced {
    pub(crate) id: &'static str,
    pub(crate) metrics: &'static [&'static Metric],
}

/// A kind of target, which is a list in checklist.yaml.
pub(crate) trait List: Target + Sized + 'static {
    const LIST: &'static str;
    /// One sentence: what the list contains.
    const ABOUT: &'static str;
    /// A list with one entry, as written in YAML.
    const EXAMPLE: &'static str;
    /// The description of an entry.
    const ENTRY: &'static Section;

    /// Reads an entry. `None` when it has mistakes, which are reported to `table`.
    fn read(table: &Table<'_>, name: String) -> Option<Self>;

    /// Reports what cannot work in checks on metrics of another exporter.
    fn check_sourced(&self, _: &Table<'_>, _: &[Sourced]) {}

    /// Returns limits that follow from the target's settings, by the key of the threshold.
    fn limits(&self) -> Vec<(&'static str, Levels)> {
        Vec::new()
    }
}

static NAME: Form = Form {
    right: "a name of at most 63 letters, digits, dashes, dots and underscores that does not begin with a dash",
    pattern: "^[A-Za-z0-9._][A-Za-z0-9._-]{0,62}$",
    fits: |text| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // Names become arguments of commands, where a leading dash would start an option.
        (1..=63).contains(&text.len()) && text.chars().all(good) && !text.starts_with('-')
    },
};

/// The keys that every target has.
pub(crate) const OWN: &[Key] = &[
    Key::new("name", Kind::Form(&NAME), "The value of the label `target`, unique in the list.")
        .required()
        .example("main"),
    Key::new("thresholds", Kind::By(Names::Thresholds, &Kind::Levels), "Thresholds for this target only.")
        .otherwise("the global ones, or those of the catalog")
        .example("{disk.usage: {warning: 60%, critical: 80%}}"),
    Key::new("skip", Kind::List(&Kind::Name(Names::Checks), false), "Checks that do not run on this target.")
        .example("[utilization]"),
    Key::new(
        "sources",
        Kind::By(Names::Sources, &Kind::Name(Names::Sources)),
        "Checks whose metrics come from another exporter, with its name; checklist-exporter does not run them.",
    )
    .example("{pods: kube-state-metrics}"),
    Key::new(
        "sourceSelector",
        Kind::Text,
        "Label matchers that select the series of this target among those of the other exporter.",
    )
    .example("'cluster=\"main\"'"),
];

/// A type for the constant of an entry's kind: a constant with a type parameter needs one.
struct Entry<T>(std::marker::PhantomData<T>);

impl<T: List> Entry<T> {
    const LIST: Kind = Kind::List(&Kind::Table(T::ENTRY), false);
}

/// Makes the key of a list of targets.
pub(crate) const fn list<T: List>() -> Key {
    Key::new(T::LIST, Entry::<T>::LIST, T::ABOUT).example(T::EXAMPLE)
}
