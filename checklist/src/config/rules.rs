//! The rules of a configuration: groups, times of alerts, metrics and fingerprint.

use super::Config;
use crate::metric::Metric;
use crate::signal::{Alert, Signal};
use std::time::Duration;

/// The times of an alert after the operator's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// The pending time (`for`).
    pub pending: Duration,
    /// How long the alert keeps firing after the condition ended (`keep_firing_for`).
    pub keep_firing: Duration,
}

impl Config {
    /// Returns the names of the rule groups that this configuration generates.
    pub fn rule_sets(&self) -> Vec<String> {
        let judged = self.signals().filter(|signal| !self.targets(signal).is_empty());
        // Alerts may be switched off, and levels left out.
        let has_alert = |signal: &Signal| {
            let scopes = self.scopes(signal);
            let has_level = |alert: &Alert| scopes.iter().any(|(_, limits)| !alert.levels(limits).is_empty());
            signal.alerts.iter().any(|alert| self.alert(alert).is_some() && has_level(alert))
        };
        let has_rules = |signal: &&'static Signal| {
            let from_others = self.targets(signal).iter().any(|target| self.source(signal, target).is_some());
            !signal.records.is_empty() || from_others || has_alert(signal)
        };
        let ids = judged.filter(has_rules).map(|signal| signal.id).chain(["exporter"]);
        ids.map(|id| format!("checklist-{id}")).collect()
    }

    /// Returns a hash of every expression, level, time and label of the rules. Exporter and rules compare it, so that
    /// outdated rules are noticed.
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.alerting.labels);
        for signal in self.signals() {
            for target in self.targets(signal) {
                let source = self.source(signal, &target);
                text += &format!("{} {target} {:?}", signal.id, source.map(|source| source.source));
                for (metric, expr) in source.iter().flat_map(|source| source.records) {
                    text += &self.filled(signal, &target, metric, expr);
                }
            }
            for alert in signal.alerts {
                let Some(times) = self.alert(alert) else { continue };
                for (scope, limits) in self.scopes(signal) {
                    for (severity, _) in alert.levels(&limits) {
                        let expr = alert.when.promql(&scope, &limits, severity);
                        text += &format!("{} {severity} {times:?} {expr}", alert.name);
                    }
                }
            }
        }
        digest(&text)
    }

    /// Returns the names of the metrics that must have series in Prometheus as long as everything works.
    pub fn expected_metrics(&self) -> Vec<&'static str> {
        let of_signal = |signal: &'static Signal| {
            let there = |metric: &&&'static Metric| !metric.sparse && self.has(signal, metric);
            signal.metrics.iter().filter(there).map(|metric| metric.name).collect::<Vec<_>>()
        };
        self.signals().flat_map(of_signal).collect()
    }

    /// Returns whether any target of the signal provides the metric, from this exporter or from another one that
    /// replaces it.
    pub fn has(&self, signal: &Signal, metric: &Metric) -> bool {
        self.targets(signal).iter().any(|target| match self.source(signal, target) {
            Some(external) => external.records.iter().any(|(known, _)| *known == metric),
            None => true,
        })
    }

    /// Returns the times of an alert of the catalog, or `None` when the operator switched it off.
    pub fn alert(&self, alert: &Alert) -> Option<Effective> {
        self.alert_by_name(alert.name, alert.pending, alert.keep_firing)
    }

    /// Returns the times of any alert by its name. The arguments are its defaults. `None` when the operator switched it
    /// off.
    pub fn alert_by_name(&self, name: &str, pending: Duration, keep_firing: Duration) -> Option<Effective> {
        let Some(change) = self.alerting.alerts.get(name) else { return Some(Effective { pending, keep_firing }) };
        change.enabled.then(|| Effective {
            pending: change.pending.unwrap_or(pending),
            keep_firing: change.keep_firing.unwrap_or(keep_firing),
        })
    }
}

/// Returns the FNV-1a hash in hexadecimal. It is the same in every build, which the standard library does not promise
/// for its hasher.
pub fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
