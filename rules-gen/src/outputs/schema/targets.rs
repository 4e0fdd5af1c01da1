//! The lists of targets.

use super::own_settings;
use super::shapes::{by_name, choice, duration, flag, object, quantity, text, texts, url, whole};
use checklist::Unit;
use checklist::config::LISTS;
use checklist::targets::tables;
use serde_json::{Map, Value, json};

type Fields = Vec<(&'static str, Value)>;

/// Every list.
pub(super) fn lists() -> Map<String, Value> {
    LISTS.iter().map(|key| ((*key).to_owned(), list(key))).collect()
}

fn list(key: &str) -> Value {
    let (required, fields) = match key {
        "kubernetes" => (vec!["namespaces"], kubernetes()),
        "health" => (vec!["url"], health()),
        "backups" => (vec!["bucket"], backup()),
        "postgres" => (vec!["host", "database", "user"], postgres()),
        "certificates" => (vec!["address"], certificate()),
        "traffic" => (vec!["selector"], traffic()),
        "reports" => (vec!["format"], report()),
        _ => (vec!["url"], endpoint()),
    };
    let mut properties = own_settings(key);
    properties.extend(fields.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let required: Vec<&str> = ["name"].into_iter().chain(required).collect();
    let mut items = object(&required, properties);
    if key == "reports" {
        items["oneOf"] = super::one_of(&["file", "directory", "s3", "url"]);
    }
    json!({"type": "array", "items": items})
}

fn endpoint() -> Fields {
    vec![("url", url()), ("bearerTokenFile", text()), ("bearerTokenEnv", text()), ("caFile", text())]
}

/// A place in a bucket.
pub(super) fn s3() -> Fields {
    vec![
        ("bucket", text()),
        ("prefix", text()),
        ("endpoint", url()),
        ("region", text()),
        ("pathStyle", flag()),
        ("accessKeyIdFile", text()),
        ("accessKeyIdEnv", text()),
        ("secretAccessKeyFile", text()),
        ("secretAccessKeyEnv", text()),
    ]
}

fn kubernetes() -> Fields {
    let secret = object(&["name"], [("name", text()), ("namespace", text()), ("annotation", text())]);
    let log =
        object(&["selector"], [("namespace", text()), ("selector", text()), ("container", text()), ("marker", text())]);
    vec![
        ("kubeconfig", text()),
        ("context", text()),
        (
            "namespaces",
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[a-z0-9-]{1,63}$"}}),
        ),
        ("exporterNamespace", text()),
        ("kubelet", object(&[], [("insecureSkipVerify", flag()), ("caFile", text()), ("nodeSelector", text())])),
        ("mayBeEmpty", flag()),
        ("secrets", json!({"type": "array", "items": secret})),
        ("auditLogs", json!({"type": "array", "items": log})),
        ("webAudiences", texts()),
    ]
}

fn health() -> Fields {
    let mut fields = endpoint();
    fields.push(("status", whole(100, 599)));
    fields.push(("expect", by_name(&json!({"type": ["string", "number", "boolean"]}))));
    fields.push(("versionField", text()));
    fields
}

fn backup() -> Fields {
    let fields =
        [("name", text()), ("query", text()), ("atLeast", quantity(Unit::Count)), ("notOlderThan", duration())];
    let mut check = object(&["name", "query"], fields);
    check["not"] = json!({"required": ["atLeast", "notOlderThan"]});
    let checks = json!({"type": "array", "minItems": 1, "items": check});
    let mut fields = s3();
    fields.push(("every", duration()));
    fields.push(("format", choice(&["any", "pg_dump", "gzip", "pg_dump.gz", "zstd"])));
    fields.push((
        "restore",
        object(&["checks"], [("server", object(&["host", "database", "user"], connection())), ("checks", checks)]),
    ));
    fields
}

fn postgres() -> Fields {
    let table = |known: &tables::Known| {
        let columns = object(&[], known.columns.iter().map(|column| (*column, text())));
        let mut keys = vec![("table", text()), ("columns", columns)];
        if known.table == "workflows" {
            let meanings = tables::STATUSES.iter().map(|(meaning, _)| (*meaning, texts()));
            keys.push(("statuses", object(&[], meanings)));
        }
        (known.table, object(&[], keys))
    };
    let mut fields = connection();
    let login = object(&["user"], [("user", text()), ("passwordFile", text()), ("passwordEnv", text())]);
    fields.push(("application", json!({"anyOf": [flag(), login]})));
    fields.push(("trustTableOwners", flag()));
    fields.push(("timeZone", text()));
    fields.push(("server", text()));
    fields.push(("tables", object(&[], tables::KNOWN.iter().map(table))));
    fields
}

fn connection() -> Fields {
    vec![
        ("host", text()),
        ("port", whole(1, u32::from(u16::MAX))),
        ("database", text()),
        ("user", text()),
        ("passwordFile", text()),
        ("passwordEnv", text()),
        ("tls", choice(&["disable", "require", "verify-full"])),
        ("caFile", text()),
    ]
}

fn certificate() -> Fields {
    vec![
        ("address", json!({"type": "string", "pattern": ":[0-9]+$"})),
        ("serverName", text()),
        ("startTls", choice(&["postgres"])),
        ("caFile", text()),
    ]
}

fn traffic() -> Fields {
    vec![
        ("requests", text()),
        ("duration", text()),
        ("selector", text()),
        ("errors", text()),
        ("nativeHistogram", flag()),
    ]
}

fn report() -> Fields {
    let mut fields = endpoint();
    fields.push(("format", choice(&["cargo-audit", "cargo-outdated", "trivy", "grype"])));
    fields.push(("file", text()));
    fields.push(("directory", text()));
    fields.push(("s3", object(&["bucket"], s3())));
    fields
}
