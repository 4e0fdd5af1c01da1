//! What the catalog says about one signal of the checklist.

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

/// One watched signal: a row of the dashboard, a runbook, a group of rules, a probe.
#[derive(Debug)]
pub struct Signal {
    /// The label `check`, and the name of every file that belongs to it.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How often the written checklist asks for it.
    pub cadence: Cadence,
    /// The heading of the written checklist under which it stands.
    pub section: &'static str,
    /// What is at stake: whether it waits during an emergency.
    pub stake: Stake,
    /// The kind of target it is probed on.
    pub kind: TargetKind,
    /// Default time between two runs.
    pub interval: Duration,
    /// Default deadline of one run.
    pub timeout: Duration,
    /// Series that one check may expose unless checklist.yaml says another number; what is beyond is dropped and counted.
    pub max_series: usize,
    /// What its probe looks at, and what must be there for a verdict.
    pub looks: &'static [Looks],
    /// Everything its probe exposes.
    pub metrics: &'static [&'static Metric],
    /// Everything an operator can move.
    pub thresholds: &'static [&'static Threshold],
    /// What is judged.
    pub alerts: &'static [Alert],
    /// What is shown.
    pub panels: &'static [Panel],
    /// What Prometheus records for it from the application's own metrics.
    pub records: &'static [Record],
    /// Other exporters that have the same metrics under other names.
    pub external_sources: &'static [ExternalSource],
    /// The least rights its probe needs.
    pub access: &'static [Access],
    /// Why its target should not be asked by every replica, if so: then only the holder of the lease asks.
    pub costly: Option<&'static str>,
    /// Prose of the runbook in Markdown: `Impact`, `Check`, `Fix` and `Silence`.
    pub runbook: &'static str,
}

impl Signal {
    /// No series yet, for one run of one of its checks with the number of series that it has by default.
    pub fn samples(&self) -> Samples {
        Samples::within(self.max_series)
    }

    /// The worst severity among its alerts by their defaults.
    pub fn worst(&self) -> Severity {
        self.worst_of(&Limits::default(), |_| true)
    }

    /// The worst severity among some of its alerts under limits: that of its "cannot tell" alert too, which is as bad as
    /// what it may hide and no worse.
    pub fn worst_of(&self, limits: &Limits, counts: impl Fn(&Alert) -> bool) -> Severity {
        let counting = self.alerts.iter().filter(|alert| counts(alert));
        let levels = counting.flat_map(|alert| alert.levels(limits)).map(|(severity, _)| severity);
        levels.max().unwrap_or(Severity::Warning)
    }

    /// The worst value of every alert with a limit in one run's samples at `now` (Unix seconds).
    pub fn readings(&self, samples: &[Series], now: f64, limits: &Limits) -> Vec<Reading> {
        let of_alert = |alert: &Alert| {
            let unit = alert.when.threshold()?.unit;
            let (worst, limits) = alert.when.worst(samples, now, limits)?;
            let whose = worst.labels.values().map(String::as_str).collect::<Vec<_>>().join("/");
            Some(Reading { alert: alert.name, unit, value: worst.value, whose, limits })
        };
        self.alerts.iter().filter_map(of_alert).collect()
    }

    /// What is bad in one run's samples at `now` (Unix seconds), worst first.
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

/// The worst value that an alert judges, beside its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The alert.
    pub alert: &'static str,
    /// What the limit limits.
    pub unit: Unit,
    /// The worst value.
    pub value: f64,
    /// What it belongs to, if the alert judges several: label values, without the check's own.
    pub whose: String,
    /// The limits.
    pub limits: Levels,
}

impl fmt::Display for Reading {
    /// `volume full of shop/data-0 61% (limit 70%)`: the worst value beside the limit that it meets first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.whose.is_empty() { "" } else { " of " };
        write!(f, "{}{whose}{} {}", spaced(self.alert), self.whose, self.unit.human(self.value))?;
        match self.limits.warning.or(self.limits.critical) {
            Some(limit) => write!(f, " (limit {})", self.unit.human(limit)),
            None => Ok(()),
        }
    }
}

/// A condition that does not hold.
#[derive(Debug)]
pub struct Finding {
    /// The alert that will fire once the condition has lasted.
    pub alert: &'static Alert,
    /// The worst level that is reached.
    pub severity: Severity,
    /// The limit of that level, if the alert has a threshold.
    pub limit: Option<f64>,
    /// The value and what it belongs to.
    pub offender: Computed,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.offender.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{}", self.alert.summary.trim_end_matches('.'))?;
        for label in labels {
            write!(f, " {label}")?;
        }
        if let (Some(threshold), Some(limit)) = (self.alert.when.threshold(), self.limit) {
            let unit = threshold.unit;
            write!(f, " ({}, limit {})", unit.human(self.offender.value), unit.human(limit))?;
        }
        Ok(())
    }
}

/// What is at stake while a signal is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stake {
    /// What users feel now, or an attack.
    Live,
    /// Data, or the room and the backups that it needs.
    Data,
    /// Work that can wait until an emergency is over.
    Routine,
}

/// A condition worth telling someone about.
#[derive(Debug)]
pub struct Alert {
    /// `Checklist…`; also the name of its section in the runbook.
    pub name: &'static str,
    /// What makes it fire.
    pub when: When,
    /// What the exporter judges in one run where `when` needs history: the same fault as it is at this moment. Without
    /// it such an alert is judged by Prometheus alone.
    pub at_once: Option<When>,
    /// The severity, unless the condition's threshold has levels.
    pub severity: Severity,
    /// How long the condition must hold before it fires.
    pub pending: Duration,
    /// How long it keeps firing after the condition ended, against flapping.
    pub keep_firing: Duration,
    /// Warnings of the same signal about the same thing that say no more while this page fires.
    pub covers: &'static [&'static str],
    /// One fixed sentence.
    pub summary: &'static str,
    /// Prometheus template; `{value}` and `{limit}` stand for the value and the limit in human units.
    pub description: &'static str,
}

impl Alert {
    /// The severities at which it exists under the given limits, worst first, with the limit of each.
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

/// `ChecklistBackupStale` as `backup stale`.
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

/// A warning that lasts a quarter of an hour; the base of the catalog's entries.
pub const WARNING: Alert = Alert {
    name: "",
    when: When::Zero(crate::condition::value::of(&crate::self_metrics::PROBE_SUCCESS)),
    at_once: None,
    severity: Severity::Warning,
    pending: Duration::from_mins(15),
    keep_firing: Duration::ZERO,
    covers: &[],
    summary: "",
    description: "",
};

/// A page after two minutes that does not flap.
pub const CRITICAL: Alert = Alert {
    severity: Severity::Critical,
    pending: Duration::from_mins(2),
    keep_firing: Duration::from_mins(5),
    ..WARNING
};

/// Alerts on costly checks keep firing for so long: while the lease changes hands there are no values, and an alert that
/// fires must not resolve and begin to wait again.
pub const FAILOVER: Duration = Duration::from_mins(5);

/// What most signals have in common; the base of the catalog's entries.
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

/// A metric of the signal that Prometheus records from the application's own metrics.
#[derive(Debug)]
pub struct Record {
    /// What is recorded, with the labels `check` and `target`.
    pub metric: &'static Metric,
    /// The expression for a target; results have the labels of the metric and no other.
    pub expr: fn(&Traffic) -> String,
}

/// Another exporter whose metrics give the same values: rules-gen records them under our names, so that alerts
/// and panels stay as they are, and the exporter leaves the check out.
#[derive(Debug)]
pub struct ExternalSource {
    /// The exporter, as people know it.
    pub source: &'static str,
    /// Our metric and the expression that gives it; `{selector}` stands for the matchers of the target, `{own}` for that of
    /// its database, and `{told}` for that of the databases whose facts it tells.
    pub records: &'static [(&'static Metric, &'static str)],
}

/// A right that a probe needs, from which roles and policies are generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// API group, resource, verbs.
    Kubernetes(&'static str, &'static str, &'static [&'static str]),
    /// A predefined role of PostgreSQL.
    SqlRole(&'static str),
    /// SELECT on columns of one of the application's tables.
    SqlColumns(&'static str, &'static [&'static str]),
    /// Not a right but a need: an index of the application that keeps the query cheap.
    SqlIndex(&'static str, &'static [&'static str]),
    /// An S3 action.
    S3(&'static str),
}

/// Seconds as a duration, for the catalog.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Minutes as a duration, for the catalog.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Hours as a duration, for the catalog.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}
