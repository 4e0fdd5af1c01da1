//! The types of the catalog: signals, alerts, records, external sources and access rights.

use crate::cadence::Cadence;
use crate::condition::When;
use crate::condition::limits::Limits;
use crate::condition::threshold::{Levels, Severity, Threshold};
use crate::condition::value::Computed;
use crate::evidence::Looks;
use crate::metric::Metric;
use crate::panel::Panel;
use crate::samples::{Samples, Series};
use crate::targets::{TargetKind, Traffic};
use crate::units::Unit;
use std::fmt;
use std::time::Duration;

/// One signal of the checklist. It has a row of the dashboard, a runbook, a group of rules and, in most cases, a probe.
#[derive(Debug)]
pub struct Signal {
    /// The value of the label `check`, and the name of every file that belongs to the signal.
    pub id: &'static str,
    pub title: &'static str,
    /// How often the written checklist asks for the signal.
    pub cadence: Cadence,
    /// The heading of the written checklist that the signal belongs to.
    pub section: &'static str,
    /// What is at stake. It decides whether the signal's warnings wait during an emergency.
    pub stake: Stake,
    /// The kind of target that is probed.
    pub kind: TargetKind,
    /// The default time between two runs.
    pub interval: Duration,
    /// The default deadline of one run.
    pub timeout: Duration,
    /// The number of series that one check may expose, unless checklist.yaml sets another. Further series are dropped
    /// and counted.
    pub max_series: usize,
    /// The kinds of objects that the probe looks at, and which of them are required for a verdict.
    pub looks: &'static [Looks],
    /// Every metric that the probe exposes.
    pub metrics: &'static [&'static Metric],
    /// Every threshold that an operator can set.
    pub thresholds: &'static [&'static Threshold],
    pub alerts: &'static [Alert],
    pub panels: &'static [Panel],
    /// The metrics that Prometheus records for the signal from the application's own metrics.
    pub records: &'static [Record],
    /// Other exporters that provide the same values under other names.
    pub external_sources: &'static [ExternalSource],
    /// The least rights that the probe needs.
    pub access: &'static [Access],
    /// The reason why only the holder of the lease should make the checks. `None`: every replica makes them.
    pub costly: Option<&'static str>,
    /// The prose of the runbook in Markdown, with the sections `Impact`, `Check`, `Fix` and `Silence`.
    pub runbook: &'static str,
}

impl Signal {
    /// Makes an empty set of samples with the default number of series, for one run of a check.
    pub fn samples(&self) -> Samples {
        Samples::within(self.max_series)
    }

    /// Returns the worst severity of the alerts with their default thresholds.
    pub fn worst(&self) -> Severity {
        self.worst_of(&Limits::default(), |_| true)
    }

    /// Returns the worst severity of the alerts for which `counts` is true, with the given limits. The alert for
    /// "cannot tell" has this severity, too, because it may hide any of them.
    pub fn worst_of(&self, limits: &Limits, counts: impl Fn(&Alert) -> bool) -> Severity {
        let counting = self.alerts.iter().filter(|alert| counts(alert));
        let levels = counting.flat_map(|alert| alert.levels(limits)).map(|(severity, _)| severity);
        levels.max().unwrap_or(Severity::Warning)
    }

    /// Returns the worst value in one run's samples at `now` (Unix seconds) for every alert with a limit.
    pub fn readings(&self, samples: &[Series], now: f64, limits: &Limits) -> Vec<Reading> {
        let of_alert = |alert: &Alert| {
            let threshold = alert.when.threshold()?;
            let (worst, limits) = alert.when.worst(samples, now, limits)?;
            let whose = worst.labels.values().map(String::as_str).collect::<Vec<_>>().join("/");
            let Threshold { what, unit, .. } = *threshold;
            Some(Reading { alert: alert.name, what, unit, value: worst.value, whose, limits })
        };
        self.alerts.iter().filter_map(of_alert).collect()
    }

    /// Returns what is bad in one run's samples at `now` (Unix seconds), the worst first.
    pub fn evaluate(&self, samples: &[Series], now: f64, limits: &Limits) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for alert in self.alerts {
            let when = alert.at_once.as_ref().unwrap_or(&alert.when);
            for (severity, limit) in alert.levels(limits) {
                for offender in when.offenders(samples, now, limits, severity) {
                    let known =
                        findings.iter().any(|f| f.alert.name == alert.name && f.offender.labels == offender.labels);
                    if !known {
                        findings.push(Finding { alert, severity, limit, offender });
                    }
                }
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}

/// The worst value of an alert, with its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The name of the alert.
    pub alert: &'static str,
    /// What is measured, as the threshold calls it.
    pub what: &'static str,
    pub unit: Unit,
    pub value: f64,
    /// The label values of the worst series, without `check` and `target`. Empty when the alert judges a single series.
    pub whose: String,
    pub limits: Levels,
}

impl Reading {
    /// Whether the reading is shown. A value of 0 or less is not if every limit is 0: a count of 0 is in the evidence
    /// already, and a negative lateness is not late.
    pub fn is_worth_showing(&self) -> bool {
        self.value > 0.0 || self.limits.each().any(|(_, limit)| limit != 0.0)
    }
}

impl fmt::Display for Reading {
    /// Writes `volume use 61% (shop/data-0; limit 70%)`: the worst value with the limit that is reached first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.unit.human(self.value))?;
        let limit = self.limits.warning.or(self.limits.critical);
        let limit = limit.map(|limit| format!("limit {}", self.unit.human(limit)));
        let whose = (!self.whose.is_empty()).then(|| self.whose.clone());
        let about: Vec<String> = whose.into_iter().chain(limit).collect();
        if about.is_empty() { Ok(()) } else { write!(f, " ({})", about.join("; ")) }
    }
}

/// A value in one run that breaks a condition.
#[derive(Debug)]
pub struct Finding {
    /// The alert that fires when the condition lasts.
    pub alert: &'static Alert,
    /// The worst severity whose limit is exceeded.
    pub severity: Severity,
    /// The limit of that severity, if the alert has a threshold.
    pub limit: Option<f64>,
    /// The value with its labels.
    pub offender: Computed,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.alert.summary.trim_end_matches('.'))?;
        for (name, value) in &self.offender.labels {
            write!(f, " {name}={value}")?;
        }
        if let (Some(threshold), Some(limit)) = (self.alert.when.threshold(), self.limit) {
            let unit = threshold.unit;
            write!(f, " ({}, limit {})", unit.human(self.offender.value), unit.human(limit))?;
        }
        Ok(())
    }
}

/// What is at stake when a signal is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stake {
    /// What users notice at once, or an attack.
    Live,
    /// The safety of data, including disk space and backups.
    Data,
    /// Work that can wait until an emergency is over.
    Routine,
}

/// An alert of a signal.
#[derive(Debug)]
pub struct Alert {
    /// The name `Checklist…`, also of its section in the runbook.
    pub name: &'static str,
    /// The condition under which the alert fires.
    pub when: When,
    /// The condition that the exporter judges in one run, when `when` needs history: the same fault as far as it shows
    /// at one moment. Without it, only Prometheus judges the alert.
    pub at_once: Option<When>,
    /// The severity, unless the threshold of the condition has levels.
    pub severity: Severity,
    /// How long the condition must hold before the alert fires (`for`).
    pub pending: Duration,
    /// How long the alert keeps firing after the condition ended (`keep_firing_for`), against flapping.
    pub keep_firing: Duration,
    /// The warnings of the same signal about the same object that add nothing while this alert fires. They are
    /// inhibited.
    pub covers: &'static [&'static str],
    /// One sentence without variables.
    pub summary: &'static str,
    /// A Prometheus template. `{value}` and `{limit}` stand for the value and the limit in human units.
    pub description: &'static str,
}

impl Alert {
    /// Returns the severities that the alert has with these limits, the worst first, each with its limit. Empty when
    /// the operator switched the alert off.
    pub fn levels(&self, limits: &Limits) -> Vec<(Severity, Option<f64>)> {
        if limits.is_off(self.name) {
            return Vec::new();
        }
        match self.when.threshold() {
            Some(threshold) => limits.of(threshold).each().map(|(severity, limit)| (severity, Some(limit))).collect(),
            None => vec![(self.severity, None)],
        }
    }
}

/// Returns the name in words: `backup stale` for `ChecklistBackupStale`.
pub fn spaced(alert: &str) -> String {
    let mut text = String::new();
    for c in alert.trim_start_matches("Checklist").chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// A warning after a quarter of an hour. The alerts of the catalog are based on it by `..WARNING`.
pub const WARNING: Alert = Alert {
    name: "",
    when: When::Zero(crate::condition::value::of(&crate::self_metrics::PROBE_SUCCESS)),
    at_once: None,
    severity: Severity::Warning,
    pending: Duration::from_mins(15),
    // While the only exporter moves to another node there are no values.
    keep_firing: FAILOVER,
    covers: &[],
    summary: "",
    description: "",
};

/// A page after two minutes, with protection against flapping.
pub const CRITICAL: Alert = Alert {
    severity: Severity::Critical,
    pending: Duration::from_mins(2),
    keep_firing: Duration::from_mins(5),
    ..WARNING
};

/// `keep_firing` of alerts. When an exporter moves, or the lease changes hands, there are no values for a while. A firing
/// alert must not resolve in that time and wait for its pending time again.
pub const FAILOVER: Duration = Duration::from_mins(5);

/// The defaults of a signal. The signals of the catalog are based on it by `..BASE`.
pub const BASE: Signal = Signal {
    id: "",
    title: "",
    cadence: Cadence::Daily,
    section: "",
    stake: Stake::Routine,
    kind: TargetKind::Kubernetes,
    interval: minutes(1),
    timeout: seconds(20),
    max_series: 1_000,
    looks: &[],
    metrics: &[],
    thresholds: &[],
    alerts: &[],
    panels: &[],
    records: &[],
    external_sources: &[],
    access: &[],
    costly: None,
    runbook: "",
};

/// A metric that Prometheus records from the application's own metrics.
#[derive(Debug)]
pub struct Record {
    /// The recorded metric, with the labels `check` and `target`.
    pub metric: &'static Metric,
    /// The expression for a target. Its result has the labels of the metric and no others.
    pub expr: fn(&Traffic) -> String,
}

/// Another exporter that provides the same values. rules-gen records its metrics under the names of this exporter, so
/// alerts and panels stay the same, and the exporter leaves the check out.
#[derive(Debug)]
pub struct ExternalSource {
    /// The common name of the other exporter.
    pub source: &'static str,
    /// Metrics of this exporter with the expressions that provide them. `{selector}` stands for the label matchers of
    /// the target, `{own}` for the matcher of its database, and `{reported}` for the matcher of all databases that it
    /// covers.
    pub records: &'static [(&'static Metric, &'static str)],
}

/// A right that a probe needs. Roles, grants and policies are generated from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// API group, resource and verbs.
    Kubernetes(&'static str, &'static str, &'static [&'static str]),
    /// A predefined role of PostgreSQL.
    SqlRole(&'static str),
    /// SELECT on columns of a table of the application.
    SqlColumns(&'static str, &'static [&'static str]),
    /// An index of a table of the application that keeps the query cheap. It is a requirement and no right.
    SqlIndex(&'static str, &'static [&'static str]),
    /// An S3 action.
    S3(&'static str),
}

pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}
