//! Generates the alerting rules of a signal: one for each level and each group of targets with the same limits.

use crate::rules::labels::{annotations, labels};
use crate::rules::model::{Entry, Rule};
use checklist::{Config, Limits, Scope, Signal, Unit};

/// Returns the alerting rules of a signal.
pub fn of_signal(config: &Config, signal: &'static Signal) -> Vec<Rule> {
    let mut rules = Vec::new();
    let targets = config.targets(signal);
    for alert in signal.alerts {
        let Some(times) = config.alert(alert) else { continue };
        if !alert.when.metrics().iter().all(|metric| config.has(signal, metric)) {
            continue;
        }
        let parts = split(config.scopes(signal));
        for (n, (scope, limits)) in parts.iter().enumerate() {
            let scoped = if scope.targets.is_empty() { targets.clone() } else { scope.targets.clone() };
            for (severity, limit) in alert.levels(limits) {
                let unit = alert.when.threshold().map_or(Unit::Count, |threshold| threshold.unit);
                let description = alert
                    .description
                    .replace("{value}", unit.template())
                    .replace("{limit}", &limit.map(|limit| unit.human(limit)).unwrap_or_default());
                let mut labels = labels(config, signal.id, signal.cadence.as_str(), severity.as_str());
                match scope.targets.as_slice() {
                    [] => {}
                    [target] => {
                        labels.insert("target".to_owned(), target.clone());
                    }
                    // Several large groups have no target label to distinguish them, so they are numbered.
                    _ if n > 0 && parts.iter().take(n).any(|(before, _)| before.targets.len() > 1) => {
                        labels.insert("limits".to_owned(), (n + 1).to_string());
                    }
                    _ => {}
                }
                rules.push(Rule {
                    alert: alert.name.to_owned(),
                    expr: alert.when.promql(&scope.lasting(times.pending), limits, severity),
                    times,
                    labels,
                    annotations: annotations(config, signal.id, alert.name, alert.summary, &description),
                    targets: scoped.clone(),
                    source: None,
                    entry: Some(Entry { signal, alert, severity, limits: limits.clone() }),
                });
            }
        }
    }
    rules
}

/// The largest number of targets of a group that is split.
const MOST_APART: usize = 20;

/// Splits groups of targets into single targets, except the largest group. Rules with the same name need different
/// labels, and a rule for a single target has the label `target`.
fn split(scopes: Vec<(Scope, Limits)>) -> Vec<(Scope, Limits)> {
    let largest = scopes.iter().map(|(scope, _)| scope.targets.len()).max().unwrap_or_default();
    let mut kept = false;
    let mut all = Vec::new();
    for (scope, limits) in scopes {
        // A large group is not split: hundreds of rules would exceed the object size that prometheus-operator accepts.
        let many = scope.targets.len() > MOST_APART;
        if many || (scope.targets.len() == largest && !kept) {
            kept |= scope.targets.len() == largest;
            all.push((scope, limits));
            continue;
        }
        let one = |target: String| (Scope { targets: vec![target], ..scope.clone() }, limits.clone());
        all.extend(scope.targets.clone().into_iter().map(one));
    }
    all
}
