//! checklist.yaml: what to watch, how strict to be, whom to tell. Both programs read it.

mod alerting;
mod document;
mod quantity;
mod read_alerting;
mod read_targets;
mod read_thresholds;
mod reader;
mod targets;

pub use alerting::{AlertOverride, Alerting, Grouping, PagerDuty, PrometheusRule, Slack};
pub use document::Place;
pub use reader::{Mistake, Mistakes};
pub use targets::{Backup, BackupFormat, Certificate, Health, Kubernetes, Postgres, PostgresTls, SecretRef, StartTls};

use crate::condition::Limits;
use crate::signal::{Alert, Signal, TargetKind};
use crate::signals::SIGNALS;
use crate::threshold::Levels;
use crate::value::Scope;
use reader::{Found, Table};
use std::collections::BTreeMap;
use std::time::Duration;

/// A checked checklist.yaml.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `kubernetes:`
    pub kubernetes: Vec<Kubernetes>,
    /// `health:`
    pub health: Vec<Health>,
    /// `backups:`
    pub backups: Vec<Backup>,
    /// `postgres:`
    pub postgres: Vec<Postgres>,
    /// `certificates:`
    pub certificates: Vec<Certificate>,
    /// `alerting:`
    pub alerting: Alerting,
    thresholds: BTreeMap<String, Levels>,
    pace: BTreeMap<String, Pace>,
    settings: BTreeMap<(TargetKind, String), TargetSettings>,
}

/// `checks:` how often a signal is looked at.
#[derive(Debug, Clone, Default)]
struct Pace {
    interval: Option<Duration>,
    timeout: Option<Duration>,
}

/// What every kind of target can say about its own checks.
#[derive(Debug, Clone, Default)]
struct TargetSettings {
    thresholds: BTreeMap<String, Levels>,
    skip: Vec<String>,
}

/// One signal on one target.
#[derive(Debug, Clone)]
pub struct Check {
    /// The signal.
    pub signal: &'static Signal,
    /// The name of the target.
    pub target: String,
    /// Time between two runs.
    pub interval: Duration,
    /// Deadline of one run.
    pub timeout: Duration,
}

/// The times of an alert after the operator's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// How long the condition must hold.
    pub pending: Duration,
    /// How long it keeps firing afterwards.
    pub keep_firing: Duration,
}

impl Config {
    /// Reads the text of a checklist.yaml; `file` is the name that messages show.
    ///
    /// # Errors
    /// Every mistake of the file, each with line, column, caret and what would be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, Mistakes> {
        let found = Found::default();
        let mut config = Self::default();
        match document::parse(text) {
            Ok(root) => {
                if let Some(table) = Table::of(&root, "checklist.yaml", &found) {
                    config = read(table, &found);
                }
            }
            Err((place, message)) => found.mistake(place, message),
        }
        let list = found.into_list();
        if list.is_empty() { Ok(config) } else { Err(Mistakes::new(file, text, list)) }
    }

    /// Every check, in the order of signals and targets.
    pub fn checks(&self) -> Vec<Check> {
        SIGNALS
            .iter()
            .flat_map(|signal| {
                let pace = self.pace.get(signal.id).cloned().unwrap_or_default();
                self.targets(signal).into_iter().map(move |target| {
                    let interval = pace.interval.unwrap_or(signal.interval);
                    // A shorter interval shortens the default deadline; an explicit one was checked.
                    let timeout = pace.timeout.unwrap_or_else(|| signal.timeout.min(interval.mul_f64(0.8)));
                    Check { signal, target, interval, timeout }
                })
            })
            .collect()
    }

    /// The targets on which a signal is checked.
    pub fn targets(&self, signal: &Signal) -> Vec<String> {
        let skipped = |name: &str| {
            let settings = self.settings.get(&(signal.kind, name.to_owned()));
            settings.is_some_and(|settings| settings.skip.iter().any(|id| id == signal.id))
        };
        self.names(signal.kind).into_iter().filter(|name| !skipped(name)).collect()
    }

    fn names(&self, kind: TargetKind) -> Vec<String> {
        match kind {
            TargetKind::Kubernetes => self.kubernetes.iter().map(|target| target.name.clone()).collect(),
            TargetKind::Health => self.health.iter().map(|target| target.name.clone()).collect(),
            TargetKind::Backup => self.backups.iter().map(|target| target.name.clone()).collect(),
            TargetKind::Postgres => self.postgres.iter().map(|target| target.name.clone()).collect(),
            TargetKind::Certificate => self.certificates.iter().map(|target| target.name.clone()).collect(),
        }
    }

    /// The limits that hold for a signal on a target: the target's own, else the global ones, else the defaults.
    pub fn limits(&self, signal: &Signal, target: &str) -> Limits {
        let own = self.settings.get(&(signal.kind, target.to_owned()));
        Limits::new(signal.thresholds, |key| {
            own.and_then(|settings| settings.thresholds.get(key)).or_else(|| self.thresholds.get(key)).copied()
        })
    }

    /// The signal's targets grouped by equal limits. A single group is not narrowed by target.
    pub fn scopes(&self, signal: &Signal) -> Vec<(Scope, Limits)> {
        let mut groups: Vec<(Scope, Limits)> = Vec::new();
        for target in self.targets(signal) {
            let limits = self.limits(signal, &target);
            match groups.iter_mut().find(|(_, known)| *known == limits) {
                Some((scope, _)) => scope.targets.push(target),
                None => groups.push((Scope { check: signal.id.to_owned(), targets: vec![target] }, limits)),
            }
        }
        if let [(scope, _)] = groups.as_mut_slice() {
            scope.targets.clear();
        }
        groups
    }

    /// The times of a catalog alert; nothing when the operator switched it off.
    pub fn alert(&self, alert: &Alert) -> Option<Effective> {
        self.alert_by_name(alert.name, alert.pending, alert.keep_firing)
    }

    /// The times of any alert by name, with its defaults; nothing when the operator switched it off.
    pub fn alert_by_name(&self, name: &str, pending: Duration, keep_firing: Duration) -> Option<Effective> {
        let Some(change) = self.alerting.alerts.get(name) else { return Some(Effective { pending, keep_firing }) };
        (change.enabled != Some(false)).then(|| Effective {
            pending: change.pending.unwrap_or(pending),
            keep_firing: change.keep_firing.unwrap_or(keep_firing),
        })
    }
}

fn read(mut table: Table<'_>, found: &Found) -> Config {
    let mut config = Config::default();
    read_targets::read(&mut table, &mut config, found);
    if let Some(thresholds) = table.node("thresholds") {
        config.thresholds = read_thresholds::read(thresholds, None, found);
    }
    if let Some(checks) = table.table("checks") {
        config.pace = read_thresholds::pace(&checks, found);
    }
    if let Some(alerting) = table.table("alerting") {
        config.alerting = read_alerting::read(alerting, found);
    }
    if config.checks().is_empty() {
        let kinds = "kubernetes, health, backups, postgres, certificates";
        found.mistake(table.place, format!("nothing to watch: name at least one target under {kinds}"));
    }
    table.finish();
    config
}
