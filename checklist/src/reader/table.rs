//! A table whose shape was checked, with functions for the values of its keys. They return the default when a key is
//! not written. A value of the wrong type was reported by the check of the shape, and counts as not written.

use super::found::Found;
use super::keys::{Default, Key, Kind, Section};
use super::shape;
use crate::units::Unit;
use crate::yaml::{Node, Place, Tree};
use std::path::PathBuf;
use std::time::Duration;

/// A table that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) place: Place,
    node: &'a Node,
    section: &'static Section,
    pub(crate) found: &'a Found,
}

impl<'a> Table<'a> {
    /// Makes a table from a node and its description.
    pub(crate) const fn new(node: &'a Node, section: &'static Section, found: &'a Found) -> Self {
        Self { place: node.place, node, section, found }
    }

    pub(crate) fn mistake(&self, place: Place, message: impl Into<String>) {
        self.found.mistake(place, message);
    }

    /// Reports a mistake at a key, or at the table when the key is not written.
    pub(crate) fn mistake_at(&self, key: &'static str, message: impl Into<String>) {
        self.mistake(self.node.get(key).map_or(self.place, |node| node.place), message);
    }

    /// Returns the description of a key. A key that is not described has no value, and a test fails.
    fn key(&self, key: &'static str) -> Option<&'static Key> {
        self.found.mark_read(self.section, key);
        self.section.key(key)
    }

    /// Returns the node of a key. `key:` without a value counts as not written.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.key(key)?;
        self.node.get(key)
    }

    /// Returns the written text, or the default.
    fn written(&self, key: &'static str) -> Option<&'a str> {
        let described = self.key(key)?;
        match (self.node.get(key), described.default) {
            (Some(node), _) => node.scalar(),
            (None, Default::Value(value)) => Some(value),
            (None, Default::None | Default::Described(_)) => None,
        }
    }

    /// Returns a text that is not empty and has the described form.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        let Some(Key { kind: Kind::Form(form), .. }) = self.section.key(key) else {
            return self.written(key).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        };
        self.written(key).filter(|text| (form.fits)(text)).map(str::to_owned)
    }

    pub(crate) fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.written(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn whole<T: TryFrom<u32>>(&self, key: &'static str) -> Option<T> {
        let whole: u32 = match (self.node(key), self.key(key)?.kind) {
            (Some(node), Kind::Whole(low, high)) => shape::whole(node, low, high)?,
            _ => self.written(key)?.parse().ok()?,
        };
        T::try_from(whole).ok()
    }

    pub(crate) fn quantity(&self, key: &'static str, unit: Unit) -> Option<f64> {
        unit.parse(self.written(key)?).ok()
    }

    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        let seconds = self.quantity(key, Unit::Seconds)?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Returns the value that stands for the written word.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.written(key)?;
        choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    pub(crate) fn list(&self, key: &'static str) -> &'a [Node] {
        self.node(key).map(Node::items).unwrap_or_default()
    }

    /// Returns the scalar entries of a list.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.list(key).iter().filter_map(Node::scalar).map(str::to_owned).collect()
    }

    /// Returns the entries of a table whose keys are names.
    pub(crate) fn entries(&self, key: &'static str) -> &'a [(Node, Node)] {
        self.node(key).map(Node::entries).unwrap_or_default()
    }

    /// Returns a table within this table.
    pub(crate) fn table(&self, key: &'static str) -> Option<Self> {
        let Kind::Table(section) = self.key(key)?.kind else { return None };
        let node = self.node(key).filter(|node| node.is_table())?;
        Some(Self::new(node, section, self.found))
    }

    /// Like [`Self::table`], with an empty table when the key is not written.
    pub(crate) fn table_or_empty(&self, key: &'static str) -> Self {
        static EMPTY: Node = Node { place: Place { line: 1, column: 1 }, span: 0..0, tree: Tree::Table(Vec::new()) };
        static NONE: Section = Section { what: "", keys: &[], rules: &[] };
        self.table(key).unwrap_or_else(|| {
            let section = self.section.key(key).and_then(|key| match key.kind {
                Kind::Table(section) => Some(section),
                _ => None,
            });
            Self::new(&EMPTY, section.unwrap_or(&NONE), self.found)
        })
    }

    pub(crate) const fn is_table(&self) -> bool {
        self.node.is_table()
    }

    /// Returns whether a value is written, other than an empty list.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| !matches!(&node.tree, Tree::List(items) if items.is_empty()))
    }

    /// Returns the tables of a list.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some(Key { kind: Kind::List(Kind::Table(section), _), .. }) = self.key(key) else { return Vec::new() };
        let tables = self.list(key).iter().filter(|node| node.is_table());
        tables.map(|node| Self::new(node, section, self.found)).collect()
    }

    /// Returns the inner tables of a table whose keys are names of a kind.
    pub(crate) fn named_tables(&self, key: &'static str) -> Vec<(&'a Node, Self)> {
        let Some(Key { kind: Kind::By(_, Kind::Table(section)), .. }) = self.key(key) else { return Vec::new() };
        let tables = self.entries(key).iter().filter(|(_, node)| node.is_table());
        tables.map(|(name, node)| (name, Self::new(node, section, self.found))).collect()
    }
}
