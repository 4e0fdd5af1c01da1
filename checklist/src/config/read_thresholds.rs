//! `thresholds:` and `checks:`, globally and per target.

use super::reader::{Found, Table, quantity_of};
use super::settings::Pace;
use crate::condition::threshold::{Direction, Levels, Threshold, Unit};
use crate::signal::Signal;
use crate::yaml::hint;
use crate::yaml::tree::{Node, Tree};
use std::collections::BTreeMap;
use std::time::Duration;

/// Levels by threshold key.
pub(super) type ByKey = BTreeMap<String, Levels>;

/// Levels by threshold key of the signals that make sense here; a level that is not named is that of `before`, or the
/// default.
pub(super) fn read(node: &Node, signals: &[&'static Signal], before: &ByKey, found: &Found) -> ByKey {
    let mut levels = BTreeMap::new();
    let Some(table) = Table::of(node, "thresholds", found) else { return levels };
    let known: Vec<&'static Threshold> = signals.iter().flat_map(|signal| signal.thresholds.iter().copied()).collect();
    for (key, value) in table.entries() {
        let Some(threshold) = known.iter().find(|threshold| threshold.key == key.text) else {
            let keys: Vec<&str> = known.iter().map(|threshold| threshold.key).collect();
            // All of them are many: shown only to one whose word is near none.
            let hint = match hint(&key.text, &keys) {
                none if none.is_empty() => format!("; known here: {}", keys.join(", ")),
                near => near,
            };
            found.mistake(key.place, format!("unknown threshold {}{hint}", key.text));
            continue;
        };
        let before = before.get(&key.text).unwrap_or(&threshold.default);
        if let Some(read) = one(threshold, value, *before, found) {
            levels.insert(key.text.clone(), read);
        }
    }
    levels
}

fn one(threshold: &Threshold, node: &Node, before: Levels, found: &Found) -> Option<Levels> {
    let levels = if let Tree::Table(_) = node.tree {
        levels(node, threshold.key, threshold.unit, threshold.direction, before, found)?
    } else {
        let value = quantity_of(node, threshold.key, threshold.unit, found)?;
        single(threshold, value, node, found)?
    };
    let (least, most) = threshold.within();
    let odd = levels.each().find(|(_, value)| *value < least || *value >= most);
    if let Some((_, value)) = odd {
        let (key, unit) = (threshold.key, threshold.unit);
        let told = if value < least {
            format!("{key}: {} is too little, it must be at least {}", unit.human(value), unit.human(least))
        } else if threshold.direction == Direction::Above {
            format!("{key}: nothing is ever above {}, it must be less than {}", unit.human(value), unit.human(most))
        } else {
            format!("{key}: {} is always reached, it must be less than {}", unit.human(value), unit.human(most))
        };
        found.mistake(node.place, told);
        return None;
    }
    Some(levels)
}

/// `{warning: …, critical: …}`, each of them reachable; `none` leaves a level out, one that is not named is as `before`.
pub(super) fn levels(
    node: &Node,
    key: &str,
    unit: Unit,
    direction: Direction,
    before: Levels,
    found: &Found,
) -> Option<Levels> {
    let mut table = Table::of(node, key, found)?;
    let mut named = true;
    let mut level = |name, before: Option<f64>| match table.node(name) {
        None => {
            named = false;
            before
        }
        Some(Node { tree: Tree::Text(text), .. }) if text == "none" => None,
        Some(node) => quantity_of(node, key, unit, found),
    };
    let levels = Levels { warning: level("warning", before.warning), critical: level("critical", before.critical) };
    let absent = table.node("warning").is_none() && table.node("critical").is_none();
    table.finish();
    if absent {
        found.mistake(node.place, format!("{key} needs a warning or a critical level"));
        return None;
    }
    if levels == Levels::default() {
        found.mistake(
            node.place,
            format!("{key} has no level left; to be told nothing set enabled: false under alerting: alerts:"),
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
            let (warning, critical) = (unit.human(warning), unit.human(critical));
            let kept = if named { "" } else { ". A level that is not named stays as it is; `none` leaves it out" };
            found.mistake(
                node.place,
                format!("{key}: the warning level {warning} is never reached before the critical level {critical}; it must be {side} it{kept}"),
            );
            return None;
        }
    }
    Some(levels)
}

/// A single value moves the only level that the threshold has.
fn single(threshold: &Threshold, value: f64, node: &Node, found: &Found) -> Option<Levels> {
    match (threshold.default.warning, threshold.default.critical) {
        (_, None) => Some(Levels { warning: Some(value), critical: None }),
        (None, Some(_)) => Some(Levels { warning: None, critical: Some(value) }),
        _ => {
            let human = threshold.unit.human(value);
            let key = threshold.key;
            found.mistake(
                node.place,
                format!("{key} has two levels: write {{warning: {human}, critical: …}} or one of them"),
            );
            None
        }
    }
}

/// Interval and timeout by signal.
pub(super) fn pace(table: &Table<'_>, signals: &[&'static Signal], found: &Found) -> BTreeMap<String, Pace> {
    let mut all = BTreeMap::new();
    for (key, node) in table.entries() {
        let Some(signal) = signals.iter().find(|signal| signal.id == key.text) else {
            let ids: Vec<&str> = signals.iter().map(|signal| signal.id).collect();
            let hint = hint(&key.text, &ids);
            found.mistake(key.place, format!("unknown check {}{hint}; known: {}", key.text, ids.join(", ")));
            continue;
        };
        let Some(mut table) = Table::of(node, &key.text, found) else { continue };
        let pace = Pace { interval: table.duration("interval", false), timeout: table.duration("timeout", false) };
        let interval = pace.interval.unwrap_or(signal.interval);
        if interval < Duration::from_secs(1) {
            found.mistake(node.place, "interval must be at least 1s".to_owned());
        }
        if let (Some(timeout), Some(place)) = (pace.timeout, table.node("timeout").map(|node| node.place))
            && timeout.as_secs_f64() > 0.9 * interval.as_secs_f64()
        {
            found.mistake(
                place,
                format!("timeout must be at most nine tenths of the interval ({interval:?}), or runs would pile up"),
            );
        }
        table.finish();
        all.insert(key.text.clone(), pace);
    }
    all
}
