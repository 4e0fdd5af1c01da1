//! Reads the lists of targets: the settings that every entry can have for its own checks, and the rule that names are
//! unique.

use super::settings::TargetSettings;
use super::thresholds::{self, ByKey};
use crate::reader::table::Table;
use crate::signal::Signal;
use crate::targets::ReadList;
use crate::targets::target::{List, Sourced};
use crate::yaml::{hint, quote, word};
use std::collections::BTreeMap;

/// What is needed to read the lists of targets.
pub(super) struct Lists<'a> {
    pub(super) root: Table<'a>,
    pub(super) signals: &'a [&'static Signal],
    /// The levels that apply to all targets.
    pub(super) before: &'a ByKey,
    /// The settings of each target for its checks, by list and name.
    pub(super) settings: &'a mut BTreeMap<(&'static str, String), TargetSettings>,
}

impl ReadList for Lists<'_> {
    fn list<T: List>(&mut self) -> Vec<T> {
        let mut targets = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let fitting: Vec<_> = self.signals.iter().copied().filter(|signal| signal.kind.key() == T::LIST).collect();
        for table in self.root.tables(T::LIST) {
            let name = name(&table, &mut places);
            // Continue without a name, so that other mistakes of the entry are found, too.
            let target = T::read(&table, name.clone().unwrap_or_default());
            let following =
                target.iter().flat_map(List::limits).map(|(key, levels)| (key.to_owned(), levels)).collect();
            let own = own_settings(&table, &fitting, self.before, following);
            if let Some(target) = &target {
                let is_sourced =
                    |id: &str| own.sources.contains_key(id) && !own.skip.iter().any(|skipped| skipped == id);
                let sourced = fitting.iter().filter(|signal| is_sourced(signal.id));
                let sourced: Vec<Sourced> =
                    sourced.map(|signal| Sourced { id: signal.id, metrics: signal.metrics }).collect();
                target.check_sourced(&table, &sourced);
            }
            if let (Some(name), Some(target)) = (name, target) {
                self.settings.insert((T::LIST, name), own);
                targets.push(target);
            }
        }
        targets
    }
}

/// Reads the name of an entry, and reports a name that an earlier entry has. `places` has the lines of earlier names.
fn name(table: &Table<'_>, places: &mut BTreeMap<String, usize>) -> Option<String> {
    let name = table.text("name")?;
    let line = table.node("name")?.place.line;
    if let Some(line) = places.insert(name.clone(), line) {
        table.mistake_at("name", format!("the name {name} is already used by the target in line {line}"));
        return None;
    }
    Some(name)
}

/// Reads the settings of an entry. `following` are levels that follow from the target itself.
fn own_settings(table: &Table<'_>, signals: &[&'static Signal], before: &ByKey, following: ByKey) -> TargetSettings {
    let mut before = before.clone();
    before.extend(following.clone());
    let mut own = TargetSettings { thresholds: following, ..TargetSettings::default() };
    own.thresholds.extend(thresholds::read(table, signals, &before));
    let known: Vec<&str> = signals.iter().map(|signal| signal.id).collect();
    for node in table.list("skip") {
        match node.scalar().unwrap_or_default() {
            id if known.contains(&id) => own.skip.push(id.to_owned()),
            text => {
                let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
                let hint = hint(text, &known);
                let known = known.join(", ");
                table.mistake(
                    node.place,
                    format!("no check{shown} on this kind of target{hint}; known checks: {known}"),
                );
            }
        }
    }
    for (key, node) in table.entries("sources") {
        let text = key.scalar().unwrap_or_default();
        let others = || signals.iter().filter(|signal| !signal.external_sources.is_empty());
        let Some(signal) = others().find(|signal| signal.id == text) else {
            let known: Vec<&str> = others().map(|signal| signal.id).collect();
            let text = quote(text);
            table.mistake(
                key.place,
                format!(
                    "the metrics of {text} cannot come from another exporter; checks with other sources: {}",
                    known.join(", ")
                ),
            );
            continue;
        };
        let known: Vec<&str> = signal.external_sources.iter().map(|external| external.source).collect();
        match node.scalar() {
            Some(source) if known.contains(&source) => {
                own.sources.insert(text.to_owned(), source.to_owned());
            }
            _ => table.mistake(node.place, format!("the source of {text} must be one of {}", known.join(", "))),
        }
    }
    own.selector = table.text("sourceSelector");
    own
}
