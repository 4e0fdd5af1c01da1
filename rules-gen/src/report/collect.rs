//! What Prometheus knows about the signals of a report at its time: the alerts' own expressions and values.

use super::period::{seconds, timestamp};
use crate::live::{Labels, NoVerdict, Server};
use crate::rules::{Entry, groups};
use checklist::contract::{CHECK_PASSED, LAST_SUCCESS, PROBE_SUCCESS};
use checklist::{Config, Metric, Scope, Severity, Shown, Signal, When};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Questions asked at a time.
const IN_FLIGHT: usize = 4;

/// Check and target.
pub type Key = (String, String);

/// Every answer.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether the last run could look, of what the exporter probes.
    pub probe: BTreeMap<Key, f64>,
    /// Whether what it saw was good; absent while it cannot tell.
    pub passed: BTreeMap<Key, f64>,
    /// When somebody last looked: the exporter's last success, or the newest sample of what others expose.
    pub looked: BTreeMap<Key, Timestamp>,
    /// What an alert compares with its limit.
    pub values: Vec<Seen1>,
    /// What an alert's expression gives: each is bad.
    pub offenders: Vec<Offender>,
    /// What the panels show.
    pub panels: Vec<Seen1>,
}

/// A value of an alert or a panel.
#[derive(Debug, Clone)]
pub struct Seen1 {
    /// The signal.
    pub signal: &'static Signal,
    /// The place in the signal's list of alerts or panels.
    pub at: usize,
    /// The labels.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// A series that an alert's expression gives.
#[derive(Debug, Clone)]
pub struct Offender {
    /// The signal.
    pub signal: &'static Signal,
    /// The alert.
    pub alert: &'static checklist::Alert,
    /// The level.
    pub severity: Severity,
    /// The labels.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// What a question is for.
#[derive(Clone)]
enum Ask {
    Probe,
    Passed,
    Success,
    Sample,
    Value(&'static Signal, usize),
    Panel(&'static Signal, usize),
    Rule(Box<Entry>),
}

/// Asks everything about some signals at a time.
///
/// # Errors
/// When any question has no answer: half a report would look like a whole one.
pub async fn seen(
    server: &Server,
    config: &Config,
    signals: &[&'static Signal],
    at: Timestamp,
) -> Result<Seen, NoVerdict> {
    let when = seconds(at);
    let mut answers = futures::stream::iter(questions(config, signals))
        .map(|(ask, expr)| async move { Ok::<_, NoVerdict>((ask, server.query(&expr, when).await?)) })
        .buffered(IN_FLIGHT);
    let mut seen = Seen::default();
    while let Some((ask, rows)) = answers.try_next().await? {
        for (labels, value) in rows {
            seen.take(&ask, labels, value);
        }
    }
    Ok(seen)
}

impl Seen {
    fn take(&mut self, ask: &Ask, labels: Labels, value: f64) {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let key = (label("check"), label("target"));
        match ask {
            Ask::Probe => drop(self.probe.insert(key, value)),
            Ask::Passed => drop(self.passed.insert(key, value)),
            Ask::Success | Ask::Sample => drop(self.looked.insert(key, timestamp(value))),
            // Nothing by nothing is no value.
            Ask::Value(..) | Ask::Panel(..) if !value.is_finite() => {}
            Ask::Value(signal, at) => self.values.push(Seen1 { signal, at: *at, labels, value }),
            Ask::Panel(signal, at) => self.panels.push(Seen1 { signal, at: *at, labels, value }),
            Ask::Rule(entry) => self.offenders.push(Offender {
                signal: entry.signal,
                alert: entry.alert,
                severity: entry.severity,
                labels,
                value,
            }),
        }
    }
}

fn questions(config: &Config, signals: &[&'static Signal]) -> Vec<(Ask, String)> {
    let max = |metric: &Metric| format!("max by (check, target) ({metric})");
    let mut questions =
        vec![(Ask::Probe, max(&PROBE_SUCCESS)), (Ask::Passed, max(&CHECK_PASSED)), (Ask::Success, max(&LAST_SUCCESS))];
    for signal in signals {
        let scope = whole(signal);
        for (at, alert) in signal.alerts.iter().enumerate() {
            if let (When::Beyond(value, _), Some(_)) = (alert.when, config.alert(alert)) {
                questions.push((Ask::Value(signal, at), value.promql(&scope)));
            }
        }
        for (at, _) in signal.panels.iter().enumerate() {
            questions.extend(panel(signal, at).map(|expr| (Ask::Panel(signal, at), expr)));
        }
        if config.probed(signal).len() < config.targets(signal).len() {
            let source = source(config, signal)
                .map(|metric| format!("max by (check, target) (timestamp({metric}{{check={:?}}}))", signal.id));
            questions.extend(source.map(|expr| (Ask::Sample, expr)));
        }
    }
    let wanted = |entry: &Entry| signals.iter().any(|signal| std::ptr::eq(*signal, entry.signal));
    for rule in groups(config).into_iter().flat_map(|group| group.rules) {
        if let Some(entry) = rule.entry.filter(wanted) {
            questions.push((Ask::Rule(Box::new(entry)), rule.expr));
        }
    }
    questions
}

/// The expression of a panel as an instant and over time.
pub fn panel(signal: &'static Signal, at: usize) -> Option<String> {
    let scope = whole(signal);
    let expr = match signal.panels.get(at)?.shown {
        Shown::Value(value) => value.promql(&scope),
        Shown::Expression(expression, _) => expression(&scope),
    };
    // Grafana's own variable.
    Some(expr.replace("$__rate_interval", "5m"))
}

/// The metric whose absence means that nobody can tell, of targets that the exporter does not probe.
pub fn source(config: &Config, signal: &Signal) -> Option<&'static Metric> {
    signal.metrics.iter().find(|metric| !metric.sparse && config.has(signal, metric)).copied()
}

fn whole(signal: &Signal) -> Scope {
    Scope { check: signal.id.to_owned(), targets: Vec::new() }
}
