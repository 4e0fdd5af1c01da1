//! checklist.yaml: what to watch, how strict to be, whom to tell. Both programs read it.

mod alerting;
mod election;
mod high_availability;
mod origin;
mod quantity;
mod queries;
mod read_alerting;
mod read_cluster;
mod read_database;
mod read_parts;
mod read_receivers;
mod read_reports;
mod read_restore;
mod read_targets;
mod read_tasks;
mod read_thresholds;
mod reader;
mod receivers;
mod settings;

pub use crate::targets::tables::{Tables, literal, quoted};
pub use crate::targets::traffic::Traffic;
pub use crate::targets::{
    AuditLogs, Backup, BackupFormat, Certificate, Endpoint, Expect, Health, Kubernetes, Login, Postgres, PostgresTls,
    RecordPlace, Report, ReportFormat, ReportPlace, Restore, RotatedSecret, S3Prefix, Sanity, SecretRef, Server,
    StartTls, Tasks,
};
pub use alerting::{
    AlertOverride, Alerting, AlertmanagerConfig, Dashboards, Grouping, PagerDuty, PrometheusRule, Slack, WrittenReports,
};
pub use high_availability::{HighAvailability, Proof};
pub use origin::Origin;
pub use queries::Query;
pub use read_alerting::META_ALERTS;
pub use read_receivers::WEEKDAYS;
pub use reader::{Mistake, Mistakes};
pub use receivers::{Address, Email, Heartbeat, Maintenance, Webhook};

use crate::condition::limits::Limits;
use crate::condition::threshold::Levels;
use crate::condition::value::{Scope, alternatives};
use crate::metric::Metric;
use crate::signal::{Alert, Elsewhere, Signal, TargetKind};
use crate::signals::SIGNALS;
use crate::yaml::tree::{self, Tree};
use read_targets::Lists;
use reader::{Found, Table};
use settings::{Pace, TargetSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The sections that are lists of targets. People's `tasks` are watched too.
pub const LISTS: [&str; 9] = [
    "kubernetes",
    "health",
    "backups",
    "postgres",
    "certificates",
    "alertmanagers",
    "prometheus",
    "traffic",
    "reports",
];

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
    /// `alertmanagers:`
    pub alertmanagers: Vec<Server>,
    /// `prometheus:`
    pub prometheus: Vec<Server>,
    /// `traffic:`
    pub traffic: Vec<Traffic>,
    /// `reports:`
    pub reports: Vec<Report>,
    /// `tasks:`
    pub tasks: Option<Tasks>,
    /// `queries:`
    pub queries: Vec<Query>,
    /// `highAvailability:`
    pub high_availability: Option<HighAvailability>,
    /// `alerting:`
    pub alerting: Alerting,
    thresholds: BTreeMap<String, Levels>,
    pace: BTreeMap<String, Pace>,
    settings: BTreeMap<(&'static str, String), TargetSettings>,
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
        match tree::parse(text) {
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

    /// Every signal: the catalog's, then the operator's own.
    pub fn signals(&self) -> impl Iterator<Item = &'static Signal> {
        SIGNALS.iter().copied().chain(self.queries.iter().map(|query| query.signal))
    }

    /// The signal with this id.
    pub fn signal(&self, id: &str) -> Option<&'static Signal> {
        self.signals().find(|signal| signal.id == id)
    }

    /// Every check that the exporter makes, in the order of signals and targets.
    pub fn checks(&self) -> Vec<Check> {
        self.signals()
            .flat_map(|signal| {
                let pace = self.pace.get(signal.id).cloned().unwrap_or_default();
                self.probed(signal).into_iter().map(move |target| {
                    let interval = pace.interval.unwrap_or(signal.interval);
                    // A shorter interval shortens the default deadline; an explicit one was checked.
                    let timeout = pace.timeout.unwrap_or_else(|| signal.timeout.min(interval.mul_f64(0.8)));
                    Check { signal, target, interval, timeout }
                })
            })
            .collect()
    }

    /// The targets on which the exporter itself makes the check.
    pub fn probed(&self, signal: &Signal) -> Vec<String> {
        let mut targets = self.targets(signal);
        targets.retain(|target| signal.kind.is_probed() && self.source(signal, target).is_none());
        targets
    }

    /// Where the figures of a signal on a target come from, if not from the exporter.
    pub fn source(&self, signal: &Signal, target: &str) -> Option<&'static Elsewhere> {
        let settings = self.settings.get(&(signal.kind.key(), target.to_owned()))?;
        let source = settings.sources.get(signal.id)?;
        signal.elsewhere.iter().find(|elsewhere| elsewhere.source == source)
    }

    /// The label matchers of a target's series among those that other exporters expose, without braces.
    pub fn selector(&self, signal: &Signal, target: &str) -> String {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned())).and_then(|s| s.selector.clone());
        let cluster =
            self.kubernetes.iter().find(|cluster| signal.kind.key() == "kubernetes" && cluster.name == target);
        let namespaces = cluster.map(|cluster| format!("namespace=~{:?}", alternatives(&cluster.namespaces)));
        own.into_iter().chain(namespaces).collect::<Vec<_>>().join(", ")
    }

    /// The targets on which a signal is judged.
    pub fn targets(&self, signal: &Signal) -> Vec<String> {
        let skipped = |name: &str| {
            let settings = self.settings.get(&(signal.kind.key(), name.to_owned()));
            settings.is_some_and(|settings| settings.skip.iter().any(|id| id == signal.id))
        };
        let mut names: Vec<String> = self.names(signal).into_iter().filter(|name| !skipped(name)).collect();
        if signal.kind == TargetKind::Server {
            // What belongs to a server is told once, by the first of its databases.
            let mut servers = BTreeSet::new();
            names.retain(|name| self.postgres(name).is_some_and(|database| servers.insert(database.of_server())));
        }
        names
    }

    /// The database of this name.
    pub fn postgres(&self, name: &str) -> Option<&Postgres> {
        self.postgres.iter().find(|database| database.name == name)
    }

    /// The databases of one server, in the order of checklist.yaml.
    pub fn of_server<'a>(&'a self, database: &Postgres) -> impl Iterator<Item = &'a Postgres> {
        let server = database.of_server();
        self.postgres.iter().filter(move |other| other.of_server() == server)
    }

    fn names(&self, signal: &Signal) -> Vec<String> {
        fn all<T>(targets: &[T], name: fn(&T) -> &String) -> Vec<String> {
            targets.iter().map(|target| name(target).clone()).collect()
        }
        let reports = |formats: &[ReportFormat]| {
            let fits = |report: &&Report| formats.contains(&report.format);
            self.reports.iter().filter(fits).map(|report| report.name.clone()).collect()
        };
        let clusters = |fits: fn(&Kubernetes) -> bool| {
            self.kubernetes.iter().filter(|cluster| fits(cluster)).map(|cluster| cluster.name.clone()).collect()
        };
        match signal.kind {
            TargetKind::Advisories => reports(&[ReportFormat::CargoAudit]),
            // The results are recorded beside those of people's tasks.
            TargetKind::AlertPath if self.tasks.is_none() => Vec::new(),
            TargetKind::AlertPath | TargetKind::Alertmanager => all(&self.alertmanagers, |target| &target.name),
            TargetKind::Application => {
                let databases = self.postgres.iter().filter(|database| database.tables.is_some());
                databases.map(|database| database.name.clone()).collect()
            }
            TargetKind::Backup => all(&self.backups, |target| &target.name),
            TargetKind::Certificate => all(&self.certificates, |target| &target.name),
            TargetKind::Dependencies => reports(&[ReportFormat::CargoOutdated]),
            TargetKind::Health => all(&self.health, |target| &target.name),
            TargetKind::Images => reports(&[ReportFormat::Trivy, ReportFormat::Grype]),
            TargetKind::Kubernetes => all(&self.kubernetes, |target| &target.name),
            TargetKind::PodLogs => clusters(|cluster| !cluster.audit_logs.is_empty()),
            TargetKind::Postgres | TargetKind::Server => all(&self.postgres, |target| &target.name),
            TargetKind::Prometheus => all(&self.prometheus, |target| &target.name),
            TargetKind::Query => {
                let own = self.queries.iter().find(|query| query.signal.id == signal.id);
                match own {
                    Some(query) if !query.targets.is_empty() => query.targets.clone(),
                    _ => all(&self.postgres, |target| &target.name),
                }
            }
            TargetKind::Restore => {
                let proved = self.backups.iter().filter(|backup| backup.restore.is_some());
                proved.map(|backup| backup.name.clone()).collect()
            }
            TargetKind::Secrets => clusters(|cluster| !cluster.secrets.is_empty()),
            TargetKind::Tasks => self.tasks.iter().map(|_| "people".to_owned()).collect(),
            TargetKind::Traffic => all(&self.traffic, |target| &target.name),
        }
    }

    /// Who set the levels that hold for a threshold of a signal on a target.
    pub fn origin(&self, signal: &Signal, target: &str, key: &str) -> Origin {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned()));
        if own.is_some_and(|settings| settings.thresholds.contains_key(key)) {
            Origin::Target
        } else if self.thresholds.contains_key(key) {
            Origin::Global
        } else {
            Origin::Default
        }
    }

    /// The limits that hold for a signal on a target: the target's own, else the global ones, else the defaults.
    pub fn limits(&self, signal: &Signal, target: &str) -> Limits {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned()));
        let limits = Limits::new(signal.thresholds, |key| {
            own.and_then(|settings| settings.thresholds.get(key)).or_else(|| self.thresholds.get(key)).copied()
        });
        let off = |alert: &&'static Alert| self.alert(alert).is_none();
        limits.without(signal.alerts.iter().filter(off).map(|alert| alert.name).collect())
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

    /// The groups of rules that this configuration generates.
    pub fn rule_sets(&self) -> Vec<String> {
        let judged = self.signals().filter(|signal| !self.targets(signal).is_empty());
        judged.map(|signal| signal.id).chain(["exporter"]).map(|id| format!("checklist-{id}")).collect()
    }

    /// What the rules of this configuration are known by: a hash of every expression, level, time and label.
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.alerting.labels);
        for signal in self.signals() {
            for target in self.targets(signal) {
                text +=
                    &format!("{} {target} {:?}", signal.id, self.source(signal, &target).map(|source| source.source));
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

    /// The metrics that must have series in Prometheus while everything works.
    pub fn expected_metrics(&self) -> Vec<&'static str> {
        let of_signal = |signal: &'static Signal| {
            let there = |metric: &&&'static Metric| !metric.sparse && self.has(signal, metric);
            signal.metrics.iter().filter(there).map(|metric| metric.name).collect::<Vec<_>>()
        };
        self.signals().flat_map(of_signal).collect()
    }

    /// Whether any target of the signal gives the metric: the exporter itself, or the exporter that stands in for it.
    pub fn has(&self, signal: &Signal, metric: &Metric) -> bool {
        self.targets(signal).iter().any(|target| match self.source(signal, target) {
            Some(elsewhere) => elsewhere.records.iter().any(|(known, _)| *known == metric),
            None => true,
        })
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

/// FNV-1a in hexadecimal: the same in every build, which the standard library's hasher does not promise.
pub fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The sections that name what is watched.
fn watching() -> impl Iterator<Item = &'static str> {
    LISTS.into_iter().chain(["tasks"])
}

fn read(mut table: Table<'_>, found: &Found) -> Config {
    let mut config = Config { queries: queries::read(&mut table, found), ..Config::default() };
    let signals: Vec<&'static Signal> = config.signals().collect();
    if let Some(thresholds) = table.node("thresholds") {
        config.thresholds = read_thresholds::read(thresholds, &signals, &BTreeMap::new(), found);
    }
    targets(&mut table, &mut config, &signals, found);
    if let Some(checks) = table.table("checks") {
        config.pace = read_thresholds::pace(&checks, &signals, found);
    }
    if let Some(tasks) = table.table("tasks") {
        config.tasks = read_tasks::read(tasks, found);
    }
    if let Some(section) = table.table("highAvailability") {
        config.high_availability = high_availability::read(section, &config.kubernetes);
    }
    if let Some(alerting) = table.table("alerting") {
        config.alerting = read_alerting::read(alerting, &signals, found);
    }
    if config.tasks.is_none() && config.backups.iter().any(|backup| backup.restore.is_some()) {
        let place = table.node("backups").map_or(table.place, |node| node.place);
        found.mistake(place, "the results of a restore are recorded: give a section tasks: with a directory or s3");
    }
    for query in &config.queries {
        for unknown in query.targets.iter().filter(|name| !config.postgres.iter().any(|target| target.name == **name)) {
            let place = table.node("queries").map_or(table.place, |node| node.place);
            found.mistake(place, format!("query {}: there is no postgres target {unknown}", query.signal.id));
        }
    }
    let mut written =
        |key| table.node(key).is_some_and(|node| !matches!(&node.tree, Tree::List(all) if all.is_empty()));
    // What is written and wrong was told already.
    if config.signals().all(|signal| config.targets(signal).is_empty()) && !watching().any(&mut written) {
        let kinds: Vec<&str> = watching().collect();
        let kinds = kinds.join(", ");
        found.mistake(table.place, format!("nothing to watch: name at least one target under {kinds}"));
    }
    table.finish();
    config
}

/// The lists of targets.
fn targets(root: &mut Table<'_>, config: &mut Config, signals: &[&'static Signal], found: &Found) {
    let (before, settings) = (&config.thresholds, &mut config.settings);
    let mut lists = Lists { signals, before, found, settings };
    config.kubernetes = lists.read(root, "kubernetes", |t, n| read_cluster::kubernetes(t, n, found));
    let place = root.node("kubernetes").map_or(root.place, |node| node.place);
    read_cluster::homes(&mut config.kubernetes, place, found);
    if config.kubernetes.iter().filter(|cluster| !cluster.web_audiences.is_empty()).count() > 1 {
        found.mistake(place, "webAudiences: one cluster says who a token belongs to, not several");
    }
    config.health = lists.read(root, "health", read_targets::health);
    config.backups =
        lists.read_with(root, "backups", |t, n| read_targets::backup(t, n, found), read_targets::follow_interval);
    config.postgres = lists.read(root, "postgres", |t, n| read_database::postgres(t, n, found));
    config.certificates = lists.read(root, "certificates", read_targets::certificate);
    config.alertmanagers = lists.read(root, "alertmanagers", read_reports::server);
    config.prometheus = lists.read(root, "prometheus", read_reports::server);
    config.traffic = lists.read(root, "traffic", read_reports::traffic);
    config.reports = lists.read(root, "reports", read_reports::report);
}
