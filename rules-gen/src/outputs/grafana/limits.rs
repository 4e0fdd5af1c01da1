//! The thresholds of a panel. Targets with different limits get separate queries or panels.

use super::page::{MOST_QUERIES, plain};
use checklist::condition::threshold::Direction;
use checklist::{Config, Levels, Panel, Scope, Signal, Threshold, Unit};
use serde_json::{Value, json};

/// The distance of a step from the limit. A Grafana step includes its own value, but a count at its limit is still
/// good.
pub const JUST_ABOVE: f64 = 0.001;
/// The largest number of targets that a panel title names.
const NAMED: usize = 3;

/// Targets of a panel that have the same limits.
#[derive(Debug)]
pub(super) struct Group {
    /// The targets. Empty means all targets of the signal.
    pub(super) scope: Scope,
    /// The threshold steps for Grafana.
    pub(super) steps: Value,
}

impl Group {
    /// Returns the names of the targets for a panel title. `None` for all targets.
    pub(super) fn name(&self) -> Option<String> {
        let targets = &self.scope.targets;
        let named = targets.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match targets.len() {
            0 => None,
            count if count > NAMED => Some(format!("{named} and {} more", count - NAMED)),
            _ => Some(named),
        }
    }
}

/// Groups the targets of a panel by the limits that it draws.
pub(super) fn groups(config: &Config, signal: &Signal, panel: &Panel) -> Vec<Group> {
    let whole = || Scope::new(signal.id, Vec::new());
    let Some(threshold) = panel.threshold else { return vec![Group { scope: whole(), steps: plain() }] };
    let mut known: Vec<(Vec<String>, Levels)> = Vec::new();
    for target in config.targets(signal) {
        let levels = config.limits(signal, &target).of(threshold);
        match known.iter_mut().find(|(_, other)| *other == levels) {
            Some((targets, _)) => targets.push(target),
            None => known.push((vec![target], levels)),
        }
    }
    if known.len() > MOST_QUERIES {
        let rest = known.split_off(MOST_QUERIES).into_iter().flat_map(|(targets, _)| targets).collect();
        known.push((rest, Levels::default()));
    }
    if let [(targets, _)] = known.as_mut_slice() {
        targets.clear();
    }
    let group = |(targets, levels)| Group { scope: Scope { targets, ..whole() }, steps: steps(threshold, levels) };
    known.into_iter().map(group).collect()
}

/// Returns the steps of a threshold. Grafana's steps go up, so a lower limit begins with the colour of the worst level.
fn steps(threshold: &Threshold, levels: Levels) -> Value {
    let mut steps = Vec::new();
    let step = |color: &str, value: Option<f64>| json!({"color": color, "value": value});
    match threshold.direction {
        _ if levels == Levels::default() => return plain(),
        Direction::Above => {
            let above = |limit: f64| {
                let whole = threshold.unit == Unit::Count && limit.fract() == 0.0;
                Some(if limit == 0.0 || whole { limit + JUST_ABOVE } else { limit })
            };
            steps.push(step("green", None));
            steps.extend(levels.warning.map(|limit| step("orange", above(limit))));
            steps.extend(levels.critical.map(|limit| step("red", above(limit))));
        }
        Direction::Below => {
            let (worst, better) = match levels {
                Levels { critical: Some(_), warning: Some(_) } => ("red", "orange"),
                Levels { critical: Some(_), warning: None } => ("red", "green"),
                Levels { critical: None, .. } => ("orange", "green"),
            };
            steps.push(step(worst, None));
            steps.extend(levels.critical.map(|limit| step(better, Some(limit))));
            steps.extend(levels.warning.map(|limit| step("green", Some(limit))));
        }
    }
    Value::Array(steps)
}
