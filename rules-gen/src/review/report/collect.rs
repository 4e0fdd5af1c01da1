//! What Prometheus knows about the signals of a report at its time: the alerts' own expressions and values.

use super::period::{seconds, timestamp};
use crate::rules::groups;
use crate::rules::model::Entry;
use crate::server::{Labels, NoVerdict, Server};
use crate::terminal::Progress;
use checklist::self_metrics::{CHECK_PASSED, LAST_SUCCESS, PROBE_SUCCESS};
use checklist::{Config, Metric, Scope, Severity, Signal};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Targets of which Prometheus has any series that a healthy one has.
    pub there: BTreeSet<Key>,
    /// What an alert compares with its limit.
    pub values: Vec<Sample>,
    /// What an alert's expression gives: each is bad.
    pub offenders: Vec<Offender>,
    /// What the panels show.
    pub panels: Vec<Sample>,
}

/// A value of an alert or a panel.
#[derive(Debug, Clone)]
pub struct Sample {
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

/// What a query is for.
#[derive(Clone)]
enum QueryKind {
    Probe,
    Passed,
    Success,
    Newest,
    There,
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
    progress: &Progress,
) -> Result<Seen, NoVerdict> {
    let when = seconds(at);
    let questions = questions(config, signals);
    let (all, mut done) = (questions.len(), 0);
    let mut answers = futures::stream::iter(questions)
        .map(|(ask, expr)| async move { Ok::<_, NoVerdict>((ask, server.query(&expr, when).await?)) })
        .buffered(IN_FLIGHT);
    let mut seen = Seen::default();
    while let Some((ask, rows)) = answers.try_next().await? {
        done += 1;
        progress.tell(&format!("question {done} of {all}"));
        for (labels, value) in rows {
            seen.take(&ask, labels, value);
        }
    }
    Ok(seen)
}

impl Seen {
    fn take(&mut self, ask: &QueryKind, labels: Labels, value: f64) {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let key = (label("check"), label("target"));
        match ask {
            QueryKind::Probe => drop(self.probe.insert(key, value)),
            QueryKind::Passed => drop(self.passed.insert(key, value)),
            QueryKind::Success | QueryKind::Newest => drop(self.looked.insert(key, timestamp(value))),
            QueryKind::There => drop(self.there.insert(key)),
            // Nothing by nothing is no value.
            QueryKind::Value(..) | QueryKind::Panel(..) if !value.is_finite() => {}
            QueryKind::Value(signal, at) => self.values.push(Sample { signal, at: *at, labels, value }),
            QueryKind::Panel(signal, at) => self.panels.push(Sample { signal, at: *at, labels, value }),
            QueryKind::Rule(entry) => self.offenders.push(Offender {
                signal: entry.signal,
                alert: entry.alert,
                severity: entry.severity,
                labels,
                value,
            }),
        }
    }
}

fn questions(config: &Config, signals: &[&'static Signal]) -> Vec<(QueryKind, String)> {
    let max = |metric: &Metric| format!("max by (check, target) ({metric})");
    let mut questions = vec![
        (QueryKind::Probe, max(&PROBE_SUCCESS)),
        (QueryKind::Passed, max(&CHECK_PASSED)),
        (QueryKind::Success, max(&LAST_SUCCESS)),
    ];
    for signal in signals {
        let scope = whole(signal);
        for (at, alert) in signal.alerts.iter().enumerate() {
            if let (Some((value, _)), Some(_)) = (alert.when.value(), config.alert(alert)) {
                questions.push((QueryKind::Value(signal, at), value.promql(&scope)));
            }
        }
        for (at, _) in signal.panels.iter().enumerate() {
            questions.extend(panel(signal, at).map(|expr| (QueryKind::Panel(signal, at), expr)));
        }
        let names: Vec<&str> = expected(config, signal).map(|metric| metric.name).collect();
        if !names.is_empty() {
            let (names, id) = (names.join("|"), signal.id);
            questions
                .push((QueryKind::There, format!("count by (check, target) ({{__name__=~{names:?}, check={id:?}}})")));
        }
        if config.probed(signal).len() < config.targets(signal).len() {
            let source = expected(config, signal)
                .next()
                .map(|metric| format!("max by (check, target) (timestamp({metric}{{check={:?}}}))", signal.id));
            questions.extend(source.map(|expr| (QueryKind::Newest, expr)));
        }
    }
    let wanted = |entry: &Entry| signals.iter().any(|signal| std::ptr::eq(*signal, entry.signal));
    for rule in groups(config).into_iter().flat_map(|group| group.rules) {
        if let Some(entry) = rule.entry.filter(wanted) {
            questions.push((QueryKind::Rule(Box::new(entry)), rule.expr));
        }
    }
    questions
}

/// The expression of a panel as an instant and over time.
pub fn panel(signal: &'static Signal, at: usize) -> Option<String> {
    let expr = signal.panels.get(at)?.query.promql(&whole(signal));
    // Grafana's own variable.
    Some(expr.replace("$__rate_interval", "5m"))
}

/// The metrics whose absence means that nobody can tell.
pub fn expected<'a>(config: &'a Config, signal: &'static Signal) -> impl Iterator<Item = &'static Metric> + 'a {
    signal.metrics.iter().filter(move |metric| !metric.sparse && config.has(signal, metric)).copied()
}

fn whole(signal: &Signal) -> Scope {
    Scope { check: signal.id.to_owned(), targets: Vec::new() }
}
