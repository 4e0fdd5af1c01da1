//! The configuration file checklist.yaml: targets, limits and receivers. Both programs read it.
//!
//! The keys of the file are described once, in [`ROOT`], with the types of [`crate::reader::keys`]. Each part of the
//! description is in the file of this folder or of [`crate::targets`] that also reads these keys.

mod alerting;
mod checks;
mod election;
mod high_availability;
mod lists;
mod objects;
mod origin;
mod queries;
mod receivers;
mod rules;
mod settings;
mod thresholds;

pub use crate::reader::{ConfigError, ConfigErrors};
pub use crate::targets::tables::{Tables, literal, quoted};
pub use crate::targets::{
    Alertmanager, AuditLogs, Backup, BackupFormat, Certificate, Described, Endpoint, Exclusion, Expect, Health,
    Kubernetes, LeftOut, Login, NamePattern, Postgres, PostgresTls, Prometheus, RecordPlace, Report, ReportFormat,
    ReportPlace, Restore, RotatedSecret, S3Prefix, Sanity, SecretRef, StartTls, Tasks, Texts, Traffic,
};
pub use alerting::{AlertOverride, Alerting, Grouping, META_ALERTS, PagerDuty, Slack, WrittenReports};
pub use checks::Check;
pub use high_availability::{HighAvailability, Proof};
pub use objects::{AlertmanagerConfig, Dashboards, PrometheusRule};
pub use origin::Origin;
pub use queries::Query;
pub use receivers::{Address, Email, Heartbeat, Maintenance, WEEKDAYS, Webhook, minutes_of_day};
pub use rules::{Effective, digest};

use crate::condition::threshold::Levels;
use crate::reader::found::Found;
use crate::reader::keys::{Key, Kind, Names, Section};
use crate::reader::shape;
use crate::reader::table::Table;
use crate::signal::Signal;
use crate::signals::SIGNALS;
use crate::targets::{LISTS, Targets, kubernetes, tasks, watching};
use crate::yaml::{self, Place, quote};
use lists::Lists;
use settings::{Pace, TargetSettings};
use std::collections::BTreeMap;
use std::ops::Deref;

/// The largest accepted file in bytes, which is the limit of a Kubernetes `ConfigMap`. A thousand targets take a third
/// of it.
pub const LARGEST: usize = 1024 * 1024;

/// The description of all keys of checklist.yaml.
pub static ROOT: Section = Section {
    what: "checklist.yaml",
    keys: &[
        LISTS,
        &[
            Key::new(
                "tasks",
                Kind::Table(&tasks::SECTION),
                "When manual tasks are due, and where it is recorded that they were done.",
            )
            .otherwise("manual tasks are not watched")
            .example("{since: 2026-01-01, directory: /var/lib/checklist/tasks}"),
            Key::new(
                "queries",
                Kind::List(&Kind::Table(&queries::SECTION), false),
                "Your own SQL checks. Each becomes a signal like those of the catalog.",
            )
            .example(
                "[{name: stuck_jobs, help: Jobs that wait, query: SELECT count(*) AS value FROM public.jobs, above: {warning: 10}}]",
            ),
            Key::new("thresholds", Kind::By(Names::Thresholds, &Kind::Levels), "Thresholds for all targets.")
                .otherwise("those of the catalog")
                .example("{disk.usage: {warning: 70%, critical: 85%}}"),
            Key::new(
                "checks",
                Kind::By(Names::Checks, &Kind::Table(&thresholds::PACE)),
                "How often checks run, and how many series they may expose.",
            )
            .otherwise("as in the catalog")
            .example("{backup: {interval: 15m}}"),
            Key::new(
                "highAvailability",
                Kind::Table(&high_availability::SECTION),
                "Which of several exporters runs the expensive checks: the holder of a Kubernetes Lease.",
            )
            .otherwise("every exporter runs all checks")
            .example("{kubernetes: production}"),
            Key::new(
                "alerting",
                Kind::Table(&alerting::SECTION),
                "Receivers, links to pages, and changes to single alerts.",
            )
            .example("{labels: {team: sre}}"),
        ],
    ],
    rules: &[],
};

/// A checklist.yaml that was read without mistakes.
#[derive(Debug, Clone)]
pub struct Config {
    pub watched: Targets,
    /// The operator's own checks (`queries:`).
    pub queries: Vec<Query>,
    /// `highAvailability:`
    pub high_availability: Option<HighAvailability>,
    /// `alerting:`
    pub alerting: Alerting,
    thresholds: BTreeMap<String, Levels>,
    pace: BTreeMap<String, Pace>,
    settings: BTreeMap<(&'static str, String), TargetSettings>,
}

impl Deref for Config {
    type Target = Targets;

    /// Gives direct access to the lists of targets: `config.backups`.
    fn deref(&self) -> &Targets {
        &self.watched
    }
}

impl Config {
    /// Parses the text of a checklist.yaml. `file` is the name that messages show.
    ///
    /// # Errors
    /// Every mistake of the file, each with line, column, the marked place and what would be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        Self::read(file, text, &Found::default())
    }

    fn read(file: &str, text: &str, found: &Found) -> Result<Self, ConfigErrors> {
        if text.len() > LARGEST {
            let size = crate::units::Unit::Bytes.human(text.len() as f64);
            found.mistake(Place { line: 1, column: 1 }, format!("the file has {size}; the limit is 1 MiB"));
            return Err(ConfigErrors::new(file, text, None, found.take()));
        }
        let root = match yaml::document(text) {
            Ok(root) => root,
            Err(yaml::Error { place, message }) => {
                found.mistake(place, message);
                return Err(ConfigErrors::new(file, text, None, found.take()));
            }
        };
        shape::table(&root, &ROOT, found);
        let config = of_root(&Table::new(&root, &ROOT, found));
        match (config, found.take()) {
            (Some(config), mistakes) if mistakes.is_empty() => Ok(config),
            (_, mistakes) => Err(ConfigErrors::new(file, text, Some((&root, &ROOT)), mistakes)),
        }
    }
}

/// Reads a file whose shape was checked. `None` only when a default cannot be parsed, which a test would notice.
fn of_root(table: &Table<'_>) -> Option<Config> {
    let found = table.found;
    let queries = queries::read(table);
    let signals: Vec<&'static Signal> =
        SIGNALS.iter().copied().chain(queries.iter().map(|query| query.signal)).collect();
    let thresholds = thresholds::read(table, &signals, &BTreeMap::new());
    let mut settings = BTreeMap::new();
    let mut lists = Lists { root: *table, signals: &signals, before: &thresholds, settings: &mut settings };
    let mut targets = Targets::read(&mut lists);
    let place = table.node("kubernetes").map_or(table.place, |node| node.place);
    kubernetes::together(&mut targets.kubernetes, place, found);
    targets.tasks = table.table("tasks").and_then(|table| tasks::read(&table));
    let high_availability = table.table("highAvailability");
    let config = Config {
        high_availability: high_availability.and_then(|table| high_availability::read(&table, &targets.kubernetes)),
        alerting: alerting::read(&table.table_or_empty("alerting"), &signals)?,
        pace: thresholds::pace(table, &signals),
        watched: targets,
        queries,
        thresholds,
        settings,
    };
    together(&config, table);
    Some(config)
}

/// Checks rules that concern several sections.
fn together(config: &Config, table: &Table<'_>) {
    if table.node("tasks").is_none() && config.backups.iter().any(|backup| backup.restore.is_some()) {
        let recorded = "restore needs a section tasks: with directory or s3, where the results are recorded";
        table.mistake_at("backups", recorded);
    }
    for query in &config.queries {
        for unknown in query.targets.iter().filter(|name| !config.postgres.iter().any(|target| target.name == **name)) {
            let message = format!("query {}: unknown postgres target {}", query.signal.id, quote(unknown));
            table.mistake_at("queries", message);
        }
    }
    // A list with a mistake was reported already, so only lists that are not written count as missing.
    let written = |key: &str| table.has(key);
    if table.is_table() && !watching().any(written) {
        let kinds: Vec<&str> = watching().collect();
        table.mistake(
            table.place,
            format!("nothing to watch: configure at least one target under {}", kinds.join(", ")),
        );
    }
}

#[cfg(test)]
mod tests;
