//! The list `backups:`.

use super::kind::TargetKind;
use super::name_pattern::NamePattern;
use super::parts::{Needs, S3, S3_RULES, S3Prefix, s3_prefix};
use super::restore::{self, Restore};
use super::target::{List, OWN, Target};
use crate::condition::threshold::Levels;
use crate::reader::keys::{Key, Kind, Section, words};
use crate::reader::table::Table;
use crate::units::HOUR;
use std::time::Duration;

/// The format that a backup must have, judged by its first bytes. A dump may have any format of `pg_dump`: plain SQL,
/// custom, tar, or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupFormat {
    /// Any format. The first bytes are not read.
    Any,
    /// A dump of `pg_dump`.
    PgDump,
    /// Anything compressed with gzip.
    Gzip,
    /// A dump compressed with gzip, as the written checklist makes it.
    PgDumpGzip,
    /// Anything compressed with Zstandard.
    Zstd,
    /// A dump compressed with Zstandard.
    PgDumpZstd,
}

const FORMATS: [(&str, BackupFormat); 6] = [
    ("any", BackupFormat::Any),
    ("pg_dump", BackupFormat::PgDump),
    ("gzip", BackupFormat::Gzip),
    ("pg_dump.gz", BackupFormat::PgDumpGzip),
    ("zstd", BackupFormat::Zstd),
    ("pg_dump.zst", BackupFormat::PgDumpZstd),
];

/// A series of backups: a prefix in a bucket into which a job writes regularly.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The value of the labels `target` and `backup`.
    pub name: String,
    pub place: S3Prefix,
    /// Patterns of names that are backups. Empty: every name.
    pub matching: Vec<NamePattern>,
    /// Patterns of names that are not backups.
    pub excluded: Vec<NamePattern>,
    /// How often a backup is made.
    pub every: Duration,
    pub format: BackupFormat,
    /// How the backup is restored as a proof, if it is.
    pub restore: Option<Restore>,
}

impl Backup {
    /// Returns the name as a part of the names of Kubernetes objects: at most 20 lower-case letters, digits and dashes.
    /// Two backups may have the same slug.
    pub fn slug(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let text: String = self.name.chars().map(plain).take(20).collect();
        let text = text.trim_matches('-');
        if text.is_empty() { "backup".to_owned() } else { text.to_owned() }
    }
}

impl Target for Backup {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        let restore = self.restore.as_ref().map(|_| TargetKind::Restore);
        std::iter::once(TargetKind::Backup).chain(restore).collect()
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().bucket(&self.place)
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        S3,
        &[
            Key::new(
                "match",
                Kind::List(&Kind::Text, true),
                "Names of objects that are backups: `*` matches any characters, and a pattern with a slash is matched with the whole key after the prefix.",
            )
            .otherwise("every object except checksums, signatures, manifests and logs of others, pages and scripts")
            .example("['*.dump.gz']"),
            Key::new("exclude", Kind::List(&Kind::Text, true), "Names of objects that are not backups.")
                .otherwise("as with `match`")
                .example("['*.manifest']"),
            Key::new("every", Kind::Duration, "How often a backup is made; the limits of its age follow from it.")
                .default("24h")
                .example("7d"),
            Key::new(
                "format",
                Kind::Choice(&words(&FORMATS)),
                "The format that the first bytes must have: plain SQL, custom, tar or directory format of `pg_dump`; `any` does not read them.",
            )
            .default("any")
            .example("pg_dump"),
            Key::new(
                "restore",
                Kind::Table(&restore::SECTION),
                "How `checklist-exporter verify-backup` restores the newest backup to verify it; it needs `format`.",
            )
            .example("{checks: [{name: users, query: SELECT count(*) FROM users}]}"),
        ],
    ],
    rules: S3_RULES,
};

impl List for Backup {
    const LIST: &'static str = "backups";
    const ABOUT: &'static str = "Series of backups: prefixes in buckets to which jobs write regularly.";
    const EXAMPLE: &'static str = "[{name: daily, bucket: backups, prefix: daily/, format: pg_dump.gz}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let format = table.choice("format", &FORMATS)?;
        let restore = table.table("restore");
        let patterns = |key| table.texts(key).iter().map(|text| NamePattern::new(text)).collect();
        if let (Some(restore), BackupFormat::Any) = (restore, format) {
            restore.mistake(restore.place, "restore needs the format of the backup");
        }
        Some(Self {
            name,
            place: s3_prefix(table)?,
            matching: patterns("match"),
            excluded: patterns("exclude"),
            every: table.duration("every")?,
            format,
            restore: restore.map(|restore| restore::read(&restore)),
        })
    }

    /// Returns the default age limits for backups that are not daily. They follow from how often a backup is made.
    fn limits(&self) -> Vec<(&'static str, Levels)> {
        let every = self.every.as_secs_f64();
        let levels = Levels { warning: Some(every + 2.0 * HOUR), critical: Some(2.0 * every + 2.0 * HOUR) };
        let is_daily = (every - 24.0 * HOUR).abs() <= 1.0;
        if is_daily { Vec::new() } else { vec![("backup.max_age", levels)] }
    }
}
