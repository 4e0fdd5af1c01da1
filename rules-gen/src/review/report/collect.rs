//! Queries Prometheus for the signals of a report at its time, with the expressions of the alerts and panels.

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

/// The number of queries that run at the same time.
const IN_FLIGHT: usize = 4;

/// The id of a signal, and the name of a target.
pub type Key = (String, String);

/// The results of all queries of a report.
#[derive(Debug, Default)]
pub struct Seen {
    /// `checklist_probe_success` of each target: 1 when the last run could look. Only of signals that the exporter
    /// probes.
    pub probe: BTreeMap<Key, f64>,
    /// `checklist_check_passed` of each target. A target is absent while the exporter has no verdict.
    pub passed: BTreeMap<Key, f64>,
    /// The time of the last look at each target: the exporter's last successful run, or the newest sample of other
    /// exporters' metrics.
    pub looked: BTreeMap<Key, Timestamp>,
    /// Targets of which Prometheus has at least one of the series that a healthy target has.
    pub there: BTreeSet<Key>,
    /// The values that alerts compare with their limits.
    pub values: Vec<Sample>,
    /// The series that alert expressions returned. Each is a violation.
    pub offenders: Vec<Offender>,
    /// The values of the panels.
    pub panels: Vec<Sample>,
}

/// A value of an alert or of a panel.
#[derive(Debug, Clone)]
pub struct Sample {
    pub signal: &'static Signal,
    /// The index in the signal's list of alerts or of panels.
    pub at: usize,
    pub labels: Labels,
    pub value: f64,
}

/// A series that an alert's expression returned.
#[derive(Debug, Clone)]
pub struct Offender {
    pub signal: &'static Signal,
    pub alert: &'static checklist::Alert,
    pub severity: Severity,
    pub labels: Labels,
    pub value: f64,
}

/// The field of [`Seen`] that the response of a query belongs to.
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

/// Asks everything that a report needs to know about some signals at a time.
///
/// # Errors
/// When the server does not answer a query. A report with missing parts would look complete.
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
    let mut results = futures::stream::iter(questions)
        .map(|(kind, expr)| async move { Ok::<_, NoVerdict>((kind, server.query(&expr, when).await?)) })
        .buffered(IN_FLIGHT);
    let mut seen = Seen::default();
    while let Some((kind, rows)) = results.try_next().await? {
        done += 1;
        progress.show(&format!("question {done} of {all}"));
        for (labels, value) in rows {
            seen.take(&kind, labels, value);
        }
    }
    Ok(seen)
}

impl Seen {
    fn take(&mut self, kind: &QueryKind, labels: Labels, value: f64) {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let key = (label("check"), label("target"));
        match kind {
            QueryKind::Probe => drop(self.probe.insert(key, value)),
            QueryKind::Passed => drop(self.passed.insert(key, value)),
            QueryKind::Success | QueryKind::Newest => drop(self.looked.insert(key, timestamp(value))),
            QueryKind::There => drop(self.there.insert(key)),
            // A ratio of 0 by 0 is NaN: there is no value.
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

/// Every query of a report, and what its response is for.
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

/// Returns the expression of a panel. `None` if the signal has no panel with this index.
pub fn panel(signal: &'static Signal, at: usize) -> Option<String> {
    let expr = signal.panels.get(at)?.query.promql(&whole(signal));
    // Grafana fills in this variable; outside of Grafana it needs a value.
    Some(expr.replace("$__rate_interval", "5m"))
}

/// Returns the metrics that every healthy target has. If they are absent, the signal has no verdict.
pub fn expected<'a>(config: &'a Config, signal: &'static Signal) -> impl Iterator<Item = &'static Metric> + 'a {
    signal.metrics.iter().filter(move |metric| !metric.sparse && config.has(signal, metric)).copied()
}

/// The scope of all targets of a signal.
fn whole(signal: &Signal) -> Scope {
    Scope::new(signal.id, Vec::new())
}
