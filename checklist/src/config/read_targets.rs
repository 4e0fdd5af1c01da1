//! The lists of targets.

use super::read_parts::{ca_file, endpoint, host_and_port, s3_prefix};
use super::read_restore;
use super::read_thresholds::{self, ByKey};
use super::reader::{Found, Table};
use super::settings::TargetSettings;
use crate::condition::threshold::{HOUR, Levels};
use crate::signal::Signal;
use crate::signals::backup::MAX_AGE;
use crate::targets::{Backup, BackupFormat, Certificate, Health, StartTls};
use crate::yaml::hint;
use crate::yaml::tree::Tree;
use std::collections::BTreeMap;
use std::time::Duration;

/// Without a limit of its own, the age of a backup follows how often it is made.
pub(super) fn follow_interval(backup: &Backup) -> ByKey {
    let every = backup.every.as_secs_f64();
    let levels = Levels { warning: Some(every + 2.0 * HOUR), critical: Some(2.0 * every + 2.0 * HOUR) };
    let is_daily = (every - 24.0 * HOUR).abs() <= 1.0;
    (!is_daily).then(|| (MAX_AGE.key.to_owned(), levels)).into_iter().collect()
}

/// What reading a list of targets needs beside the list.
pub(super) struct Lists<'a> {
    pub(super) signals: &'a [&'static Signal],
    /// The limits that hold for all targets.
    pub(super) before: &'a ByKey,
    pub(super) found: &'a Found,
    /// What each target says about its checks.
    pub(super) settings: &'a mut BTreeMap<(&'static str, String), TargetSettings>,
}

impl Lists<'_> {
    pub(super) fn read<T>(
        &mut self,
        root: &mut Table<'_>,
        key: &'static str,
        read: impl Fn(&mut Table<'_>, String) -> Option<T>,
    ) -> Vec<T> {
        self.read_with(root, key, read, |_| ByKey::new())
    }

    /// The same, with limits that follow from the target.
    pub(super) fn read_with<T>(
        &mut self,
        root: &mut Table<'_>,
        key: &'static str,
        read: impl Fn(&mut Table<'_>, String) -> Option<T>,
        following: impl Fn(&T) -> ByKey,
    ) -> Vec<T> {
        let mut targets = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let fitting: Vec<_> = self.signals.iter().copied().filter(|signal| signal.kind.key() == key).collect();
        for node in root.list(key) {
            let Some(mut table) = Table::of(node, "a target", self.found) else { continue };
            let name = name(&mut table, &mut places);
            // Read on without a name, so that the other mistakes are found too.
            let target = read(&mut table, name.clone().unwrap_or_default());
            let following = target.as_ref().map(&following).unwrap_or_default();
            let own = own_settings(&mut table, &fitting, self.before, following, self.found);
            table.finish();
            if let (Some(name), Some(target)) = (name, target) {
                self.settings.insert((key, name), own);
                targets.push(target);
            }
        }
        targets
    }
}

fn name(table: &mut Table<'_>, places: &mut BTreeMap<String, usize>) -> Option<String> {
    let name = table.required("name")?;
    let place = table.node("name")?.place;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > 63 || !name.chars().all(good) {
        table.mistake(place, "a name has at most 63 letters, digits, dashes, dots and underscores");
        return None;
    }
    if let Some(line) = places.insert(name.clone(), place.line) {
        table.mistake(place, format!("the name {name} is taken by the target in line {line}"));
        return None;
    }
    Some(name)
}

/// `following` are limits that follow from the target itself.
fn own_settings(
    table: &mut Table<'_>,
    signals: &[&'static Signal],
    before: &ByKey,
    following: ByKey,
    found: &Found,
) -> TargetSettings {
    let mut own = TargetSettings { thresholds: following, ..TargetSettings::default() };
    if let Some(node) = table.node("thresholds") {
        let mut before = before.clone();
        before.extend(own.thresholds.clone());
        own.thresholds.extend(read_thresholds::read(node, signals, &before, found));
    }
    let known: Vec<&str> = signals.iter().map(|signal| signal.id).collect();
    for node in table.list("skip") {
        match &node.tree {
            Tree::Text(id) if known.contains(&id.as_str()) => own.skip.push(id.clone()),
            other => {
                let text = other.scalar().unwrap_or_default();
                let hint = hint(&text, &known);
                table.mistake(
                    node.place,
                    format!("no check {text} on this kind of target{hint}; known here: {}", known.join(", ")),
                );
            }
        }
    }
    if let Some(sources) = table.table("sources") {
        for (key, node) in sources.entries() {
            let signal = signals.iter().find(|signal| signal.id == key.text && !signal.elsewhere.is_empty());
            let Some(signal) = signal else {
                let known: Vec<&str> = signals.iter().filter(|s| !s.elsewhere.is_empty()).map(|s| s.id).collect();
                table.mistake(key.place, format!("{} has no other source; known here: {}", key.text, known.join(", ")));
                continue;
            };
            let known: Vec<&str> = signal.elsewhere.iter().map(|elsewhere| elsewhere.source).collect();
            match node.tree.scalar() {
                Some(source) if known.contains(&source.as_str()) => {
                    own.sources.insert(key.text.clone(), source);
                }
                _ => table.mistake(node.place, format!("the source of {} is one of {}", key.text, known.join(", "))),
            }
        }
    }
    own.selector = table.text("sourceSelector");
    own
}

pub(super) fn health(table: &mut Table<'_>, name: String) -> Option<Health> {
    let endpoint = endpoint(table);
    let status = table.whole("status", 100, 599).unwrap_or(200);
    let mut expect = BTreeMap::new();
    if let Some(fields) = table.table("expect") {
        for (key, node) in fields.entries() {
            match node.tree.scalar() {
                Some(text) => {
                    expect.insert(key.text.clone(), text);
                }
                None => table.mistake(node.place, "an expectation is a field of the answer and the text it must have"),
            }
        }
    }
    let version_field = table.text("versionField");
    Some(Health { name, endpoint: endpoint?, status, expect, version_field })
}

pub(super) fn backup(table: &mut Table<'_>, name: String, found: &Found) -> Option<Backup> {
    let place = s3_prefix(table);
    let every = table.duration("every", false).unwrap_or(Duration::from_hours(24));
    let formats = [
        ("any", BackupFormat::Any),
        ("pg_dump", BackupFormat::PgDump),
        ("gzip", BackupFormat::Gzip),
        ("pg_dump.gz", BackupFormat::PgDumpGzip),
        ("zstd", BackupFormat::Zstd),
    ];
    let format = table.choice("format", &formats).unwrap_or(BackupFormat::Any);
    let restore = table.table("restore").map(|restore| read_restore::read(restore, format, found));
    Some(Backup { name, place: place?, every, format, restore })
}

pub(super) fn certificate(table: &mut Table<'_>, name: String) -> Option<Certificate> {
    let address = table.required("address");
    let split = address.as_deref().and_then(host_and_port);
    if let (Some(_), None, Some(node)) = (&address, &split, table.node("address")) {
        table.mistake(node.place, "address must be host:port, like orchestrator.example.com:443");
    }
    let server_name = table.text("serverName");
    let start_tls = table.choice("startTls", &[("postgres", StartTls::Postgres)]);
    let ca_file = ca_file(table, false);
    let (host, port) = split?;
    Some(Certificate { name, server_name: server_name.unwrap_or_else(|| host.clone()), host, port, start_tls, ca_file })
}
