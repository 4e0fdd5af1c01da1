//! The lists of targets.

use super::document::Tree;
use super::read_thresholds;
use super::reader::{Found, Table, hint};
use super::{
    Backup, BackupFormat, Certificate, Config, Health, Kubernetes, Postgres, PostgresTls, SecretRef, StartTls,
    TargetSettings,
};
use crate::signal::TargetKind;
use crate::signals::SIGNALS;
use crate::signals::backup::MAX_AGE;
use crate::threshold::{HOUR, Levels};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn read(root: &mut Table<'_>, config: &mut Config, found: &Found) {
    config.kubernetes = each(root, TargetKind::Kubernetes, &mut config.settings, found, kubernetes);
    config.health = each(root, TargetKind::Health, &mut config.settings, found, health);
    config.backups = each(root, TargetKind::Backup, &mut config.settings, found, backup);
    config.postgres = each(root, TargetKind::Postgres, &mut config.settings, found, postgres);
    config.certificates = each(root, TargetKind::Certificate, &mut config.settings, found, certificate);
    for backup in &config.backups {
        follow_interval(backup, &config.settings.clone(), &mut config.settings);
    }
}

type Settings = BTreeMap<(TargetKind, String), TargetSettings>;

/// Without a limit of its own, the age of a backup follows how often it is made.
fn follow_interval(backup: &Backup, known: &Settings, settings: &mut Settings) {
    let key = (TargetKind::Backup, backup.name.clone());
    let every = backup.every.as_secs_f64();
    let own = known.get(&key).is_some_and(|settings| settings.thresholds.contains_key(MAX_AGE.key));
    if !own && (every - 24.0 * HOUR).abs() > 1.0 {
        let levels = Levels { warning: Some(every + 2.0 * HOUR), critical: Some(2.0 * every + 2.0 * HOUR) };
        settings.entry(key).or_default().thresholds.insert(MAX_AGE.key.to_owned(), levels);
    }
}

fn each<T>(
    root: &mut Table<'_>,
    kind: TargetKind,
    settings: &mut Settings,
    found: &Found,
    read: fn(&mut Table<'_>, String) -> Option<T>,
) -> Vec<T> {
    let mut targets = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for node in root.list(kind.key()) {
        let Some(mut table) = Table::of(node, "a target", found) else { continue };
        let name = name(&mut table, &mut places);
        let own = own_settings(&mut table, kind, found);
        // Read on without a name, so that the other mistakes are found too.
        let target = read(&mut table, name.clone().unwrap_or_default());
        table.finish();
        if let (Some(name), Some(target)) = (name, target) {
            settings.insert((kind, name), own);
            targets.push(target);
        }
    }
    targets
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

fn own_settings(table: &mut Table<'_>, kind: TargetKind, found: &Found) -> TargetSettings {
    let mut own = TargetSettings::default();
    if let Some(node) = table.node("thresholds") {
        own.thresholds = read_thresholds::read(node, Some(kind), found);
    }
    let known: Vec<&str> = SIGNALS.iter().filter(|signal| signal.kind == kind).map(|signal| signal.id).collect();
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
    own
}

fn kubernetes(table: &mut Table<'_>, name: String) -> Option<Kubernetes> {
    let kubeconfig = table.text("kubeconfig").map(PathBuf::from);
    let context = table.text("context");
    if let (Some(_), None, Some(node)) = (&context, &kubeconfig, table.node("context")) {
        table.mistake(node.place, "context has no meaning without kubeconfig: inside a cluster there is only one");
    }
    let mut namespaces = Vec::new();
    for node in table.list("namespaces") {
        match &node.tree {
            Tree::Text(text) if namespaces.contains(text) => {
                table.mistake(node.place, format!("the namespace {text} is listed twice"));
            }
            Tree::Text(text) if is_dns_label(text) => namespaces.push(text.clone()),
            _ => table.mistake(node.place, "a namespace is a text of lower-case letters, digits and dashes"),
        }
    }
    if namespaces.is_empty() {
        table.mistake(table.place, "the field namespaces is missing: list at least one namespace");
    }
    let mut insecure = None;
    let mut ca_file = None;
    if let Some(mut kubelet) = table.table("kubelet") {
        insecure = kubelet.flag("insecureSkipVerify");
        ca_file = kubelet.text("caFile").map(PathBuf::from);
        if let (Some(true), Some(node)) = (insecure, kubelet.node("caFile")) {
            kubelet.mistake(node.place, "caFile is never looked at while insecureSkipVerify is true: keep one of them");
        }
        kubelet.finish();
    }
    (!namespaces.is_empty()).then(|| Kubernetes {
        name,
        kubeconfig,
        context,
        namespaces,
        kubelet_insecure_skip_verify: insecure.unwrap_or(false),
        kubelet_ca_file: ca_file,
    })
}

fn health(table: &mut Table<'_>, name: String) -> Option<Health> {
    let url = table.required("url");
    if let (Some(url), Some(node)) = (&url, table.node("url")) {
        if !is_http_url(url) {
            table.mistake(node.place, "url must begin with http:// or https:// and name a host");
        } else if url.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or("").contains('@')) {
            table.mistake(node.place, "url must not contain a user or password; use bearerTokenFile or bearerTokenEnv");
        }
    }
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
    let bearer_token = secret(table, "bearerTokenFile", "bearerTokenEnv");
    let ca_file = ca_file(table, url.as_deref().is_some_and(|url| url.starts_with("http://")));
    Some(Health { name, url: url?, status, expect, version_field, bearer_token, ca_file })
}

fn backup(table: &mut Table<'_>, name: String) -> Option<Backup> {
    let bucket = table.required("bucket");
    let prefix = table.text("prefix").unwrap_or_default();
    if let (true, Some(node)) = (prefix.starts_with('/'), table.node("prefix")) {
        table.mistake(node.place, "prefix must not begin with a slash: keys of S3 do not");
    }
    let endpoint = table.text("endpoint");
    if let (Some(url), Some(node)) = (&endpoint, table.node("endpoint"))
        && !is_http_url(url)
    {
        table.mistake(node.place, "endpoint must begin with http:// or https:// and name a host");
    }
    let region = table.text("region").unwrap_or_else(|| "us-east-1".to_owned());
    let path_style = table.flag("pathStyle").unwrap_or(false);
    let id = secret(table, "accessKeyIdFile", "accessKeyIdEnv");
    let key = secret(table, "secretAccessKeyFile", "secretAccessKeyEnv");
    if id.is_some() != key.is_some() {
        table.mistake(
            table.place,
            "accessKeyId and secretAccessKey go together: give both, or none for the AWS default chain",
        );
    }
    let every = table.duration("every", false).unwrap_or(Duration::from_hours(24));
    let formats = [
        ("any", BackupFormat::Any),
        ("pg_dump", BackupFormat::PgDump),
        ("gzip", BackupFormat::Gzip),
        ("pg_dump.gz", BackupFormat::PgDumpGzip),
        ("zstd", BackupFormat::Zstd),
    ];
    let format = table.choice("format", &formats).unwrap_or(BackupFormat::Any);
    let bucket = bucket?;
    Some(Backup { name, bucket, prefix, endpoint, region, path_style, credentials: id.zip(key), every, format })
}

fn postgres(table: &mut Table<'_>, name: String) -> Option<Postgres> {
    let host = table.required("host");
    let port = table.whole("port", 1, u16::MAX).unwrap_or(5432);
    let database = table.required("database");
    let user = table.required("user");
    let password = secret(table, "passwordFile", "passwordEnv");
    let words = [
        ("disable", PostgresTls::Disable),
        ("require", PostgresTls::Require),
        ("verify-full", PostgresTls::VerifyFull),
    ];
    let tls = table.choice("tls", &words).unwrap_or(PostgresTls::VerifyFull);
    let ca_file = ca_file(table, tls != PostgresTls::VerifyFull);
    Some(Postgres { name, host: host?, port, database: database?, user: user?, password, tls, ca_file })
}

fn certificate(table: &mut Table<'_>, name: String) -> Option<Certificate> {
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

fn ca_file(table: &mut Table<'_>, useless: bool) -> Option<PathBuf> {
    let file = table.text("caFile").map(PathBuf::from);
    if let (true, Some(node)) = (useless, table.node("caFile")) {
        table.mistake(node.place, "caFile is never looked at: this connection does not verify certificates");
    }
    file
}

fn secret(table: &mut Table<'_>, file_key: &'static str, env_key: &'static str) -> Option<SecretRef> {
    let file = table.text(file_key);
    let env = table.text(env_key);
    if let (Some(_), Some(_), Some(node)) = (&file, &env, table.node(env_key)) {
        table.mistake(node.place, format!("{file_key} and {env_key} exclude each other: keep one of them"));
    }
    file.map(|path| SecretRef::File(path.into())).or(env.map(SecretRef::Env))
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && !host.contains('/')).then(|| (host.to_owned(), port))
}
