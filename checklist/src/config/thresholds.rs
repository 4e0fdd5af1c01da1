//! The sections `thresholds:` (global and per target) and `checks:`.

use super::settings::Pace;
use crate::condition::threshold::{Direction, Levels, Threshold};
use crate::reader::found::Found;
use crate::reader::keys::{Key, Kind, Section};
use crate::reader::shape::quantity;
use crate::reader::table::Table;
use crate::signal::Signal;
use crate::units::Unit;
use crate::yaml::{Node, Tree, hint, word};
use std::collections::BTreeMap;
use std::time::Duration;

/// Levels by the key of the threshold.
pub(super) type ByKey = BTreeMap<String, Levels>;

const LEVELS: [&str; 2] = ["critical", "warning"];

/// Reads the levels for thresholds of these signals. A level that is not written is taken from `before`, else from the
/// default.
pub(super) fn read(table: &Table<'_>, signals: &[&'static Signal], before: &ByKey) -> ByKey {
    let mut levels = BTreeMap::new();
    let known: Vec<&'static Threshold> = signals.iter().flat_map(|signal| signal.thresholds.iter().copied()).collect();
    for (key, value) in table.entries("thresholds") {
        let text = key.scalar().unwrap_or_default();
        let Some(threshold) = known.iter().find(|threshold| threshold.key == text) else {
            let keys: Vec<&str> = known.iter().map(|threshold| threshold.key).collect();
            // The list of all keys is long, so it is shown only when no similar key exists.
            let hint = match hint(text, &keys) {
                none if none.is_empty() => format!("; known thresholds: {}", keys.join(", ")),
                near => near,
            };
            let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
            table.mistake(key.place, format!("unknown threshold{shown}{hint}"));
            continue;
        };
        let before = before.get(text).unwrap_or(&threshold.default);
        if let Some(read) = one(threshold, value, *before, table.found) {
            levels.insert(text.to_owned(), read);
        }
    }
    levels
}

/// Reads the levels of one threshold and checks that they are within its bounds.
fn one(threshold: &Threshold, node: &Node, before: Levels, found: &Found) -> Option<Levels> {
    let levels = if let Tree::Table(_) = node.tree {
        levels(node, threshold.key, threshold.unit, threshold.direction, before, found)?
    } else {
        let value = quantity(node, threshold.key, threshold.unit, found)?;
        single(threshold, value, node, found)?
    };
    let (least, most) = threshold.within();
    let odd = levels.each().find(|(_, value)| *value < least || *value >= most);
    if let Some((_, value)) = odd {
        let (key, unit) = (threshold.key, threshold.unit);
        let message = if value < least {
            format!("{key}: {} is too small, it must be at least {}", unit.exact(value), unit.exact(least))
        } else if threshold.direction == Direction::Above {
            format!(
                "{key}: the value is never above {}, so it must be less than {}",
                unit.exact(value),
                unit.exact(most)
            )
        } else {
            format!("{key}: {} is always reached, so it must be less than {}", unit.exact(value), unit.exact(most))
        };
        found.mistake(node.place, message);
        return None;
    }
    Some(levels)
}

/// Reads `{warning: …, critical: …}` and checks that each level can be reached. `none` removes a level, and one that is
/// not written is taken from `before`.
pub(super) fn levels(
    node: &Node,
    key: &str,
    unit: Unit,
    direction: Direction,
    before: Levels,
    found: &Found,
) -> Option<Levels> {
    let Tree::Table(entries) = &node.tree else {
        found.mistake(node.place, format!("{key} must be a mapping with a warning or a critical level"));
        return None;
    };
    let before_all = found.count();
    for (name, _) in entries.iter().filter(|(name, _)| !LEVELS.contains(&name.scalar().unwrap_or_default())) {
        let shown = name.scalar().and_then(word).map(|word| format!(" {word}")).unwrap_or_default();
        found.mistake(name.place, format!("unknown field{shown}; known fields: {}", LEVELS.join(", ")));
    }
    let level = |name, before: Option<f64>| match node.get(name) {
        None => before,
        Some(node) if node.scalar() == Some("none") => None,
        Some(node) => quantity(node, key, unit, found),
    };
    let levels = Levels { warning: level("warning", before.warning), critical: level("critical", before.critical) };
    if found.count() > before_all {
        return None;
    }
    let there = LEVELS.iter().filter(|name| node.get(name).is_some()).count();
    let (named, absent) = (there == LEVELS.len(), there == 0);
    if absent {
        found.mistake(node.place, format!("{key} needs a warning or a critical level"));
        return None;
    }
    if levels == Levels::default() {
        found.mistake(
            node.place,
            format!("{key} has no level left; to disable the alert, set enabled: false under alerting: alerts:"),
        );
        return None;
    }
    if let (Some(warning), Some(critical)) = (levels.warning, levels.critical) {
        let reachable = match direction {
            Direction::Above => warning < critical,
            Direction::Below => warning > critical,
        };
        if !reachable {
            let side = if direction == Direction::Above { "below" } else { "above" };
            let (warning, critical) = (unit.exact(warning), unit.exact(critical));
            let kept = if named { "" } else { ". A level that is not named keeps its default; `none` removes it" };
            found.mistake(
                node.place,
                format!("{key}: the warning level {warning} is never reached before the critical level {critical}; it must be {side} it{kept}"),
            );
            return None;
        }
    }
    Some(levels)
}

/// Reads a single value, which sets the only level that the threshold has.
fn single(threshold: &Threshold, value: f64, node: &Node, found: &Found) -> Option<Levels> {
    match (threshold.default.warning, threshold.default.critical) {
        (_, None) => Some(Levels { warning: Some(value), critical: None }),
        (None, Some(_)) => Some(Levels { warning: None, critical: Some(value) }),
        _ => {
            let human = threshold.unit.exact(value);
            let key = threshold.key;
            found.mistake(
                node.place,
                format!("{key} has two levels: write {{warning: {human}, critical: …}} or one of them"),
            );
            None
        }
    }
}

pub(super) static PACE: Section = Section {
    what: "a check",
    keys: &[&[
        Key::new("interval", Kind::Duration, "The time between two runs, at least 1s.")
            .otherwise("that of the catalog")
            .example("15m"),
        Key::new(
            "timeout",
            Kind::Duration,
            "The time after which a run is aborted, at most nine tenths of the interval.",
        )
        .otherwise("that of the catalog, or less with a short interval")
        .example("60s"),
        Key::new(
            "series",
            Kind::Whole(1, 2_000_000),
            "The number of series that one check may expose; more are dropped, counted and reported.",
        )
        .otherwise("that of the catalog, enough for 10,000 pods of two containers")
        .example("300000"),
    ]],
    rules: &[],
};

/// Reads interval, timeout and number of series by signal.
pub(super) fn pace(table: &Table<'_>, signals: &[&'static Signal]) -> BTreeMap<String, Pace> {
    let mut all = BTreeMap::new();
    for (name, own) in table.named_tables("checks") {
        let text = name.scalar().unwrap_or_default();
        let Some(signal) = signals.iter().find(|signal| signal.id == text) else {
            let ids: Vec<&str> = signals.iter().map(|signal| signal.id).collect();
            let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
            own.mistake(name.place, format!("unknown check{shown}{}; known: {}", hint(text, &ids), ids.join(", ")));
            continue;
        };
        // A number of 32 bits that does not fit into `usize` counts as not written.
        let series = own.whole::<u32>("series").and_then(|series| usize::try_from(series).ok());
        let pace = Pace { interval: own.duration("interval"), timeout: own.duration("timeout"), series };
        let interval = pace.interval.unwrap_or(signal.interval);
        if interval < Duration::from_secs(1) {
            own.mistake_at("interval", "interval must be at least 1s");
        }
        if pace.timeout.is_some_and(|timeout| timeout.as_secs_f64() > 0.9 * interval.as_secs_f64()) {
            let most = Unit::Seconds.exact(interval.as_secs_f64());
            let late =
                format!("timeout must be at most nine tenths of the interval ({most}), so that runs do not overlap");
            own.mistake_at("timeout", late);
        }
        all.insert(text.to_owned(), pace);
    }
    all
}
