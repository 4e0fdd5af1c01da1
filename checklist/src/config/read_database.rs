//! `postgres:` and the names of the application's tables.

use super::read_parts::{ca_file, secret};
use super::reader::{Found, Table};
use crate::targets::tables::{KNOWN, STATUSES, Tables};
use crate::targets::{Login, Postgres, PostgresTls};
use crate::yaml::hint;
use crate::yaml::tree::Tree;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

pub(super) fn postgres(table: &mut Table<'_>, name: String, found: &Found) -> Option<Postgres> {
    let target = connection(table, name);
    // `application: false`, or the role that reads its tables.
    let apart = table.node("application").is_some_and(|node| matches!(node.tree, Tree::Table(_)));
    let login = apart.then(|| table.table("application").and_then(application)).flatten();
    let application = apart || table.flag("application").unwrap_or(true);
    if let (false, Some(node)) = (application, table.node("tables")) {
        table.mistake(node.place, "tables are never looked at while application is false: keep one of them");
    }
    if let (Some(login), Some(target), Some(node)) = (&login, &target, table.node("application"))
        && login.user == target.user
    {
        table.mistake(node.place, "the application's tables are read by a role of their own: give another user");
    }
    let tables = table.table("tables").map(|table| tables(&table, found)).unwrap_or_default();
    let trust_table_owners = table.flag("trustTableOwners").unwrap_or(false);
    let time_zone = table.text("timeZone");
    if let (Some(zone), Some(node)) = (&time_zone, table.node("timeZone"))
        && TimeZone::get(zone).is_err()
    {
        table.mistake(node.place, format!("{zone} is no time zone; like Europe/Berlin"));
    }
    let server = table.text("server");
    let tables = application.then_some(tables);
    Some(Postgres { tables, application: login, trust_table_owners, time_zone, server, ..target? })
}

/// `{user, passwordFile}`
fn application(mut table: Table<'_>) -> Option<Login> {
    let user = table.required("user");
    let password = secret(&mut table, "passwordFile", "passwordEnv");
    table.finish();
    Some(Login { user: user?, password })
}

/// Where a database is and how to be let in.
pub(super) fn connection(table: &mut Table<'_>, name: String) -> Option<Postgres> {
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
    Some(Postgres {
        name,
        host: host?,
        port,
        database: database?,
        user: user?,
        password,
        tls,
        ca_file,
        tables: None,
        application: None,
        trust_table_owners: false,
        time_zone: None,
        server: None,
    })
}

/// `statuses: {completed: [done], open: [new, running]}`: a word has one meaning.
fn words(table: &Table<'_>, found: &Found) -> BTreeMap<String, Vec<String>> {
    let mut statuses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let meanings: Vec<&str> = STATUSES.iter().map(|(meaning, _)| *meaning).collect();
    for (key, node) in table.entries() {
        if !meanings.contains(&key.text.as_str()) {
            let hint = hint(&key.text, &meanings);
            found.mistake(key.place, format!("unknown meaning {}{hint}; known: {}", key.text, meanings.join(", ")));
            continue;
        }
        let Tree::List(items) = &node.tree else {
            found.mistake(node.place, format!("{} is a list of words, this is {}", key.text, node.tree.kind()));
            continue;
        };
        let mut words = Vec::new();
        for item in items {
            match &item.tree {
                Tree::Text(word) if word.contains('\0') => found.mistake(item.place, "a word is a text"),
                Tree::Text(word) if statuses.values().chain([&words]).any(|known| known.contains(word)) => {
                    found.mistake(item.place, format!("{word} has one meaning, and is here twice"));
                }
                Tree::Text(word) => words.push(word.clone()),
                _ => found.mistake(item.place, "a word is a text; put it in quotes"),
            }
        }
        statuses.insert(key.text.clone(), words);
    }
    statuses
}

/// `audit_events: {table: security.audit, columns: {timestamp: at}}`
fn tables(table: &Table<'_>, found: &Found) -> Tables {
    let mut names = Tables::default();
    for (key, node) in table.entries() {
        let Some(known) = KNOWN.iter().find(|known| known.table == key.text) else {
            let tables: Vec<&str> = KNOWN.iter().map(|known| known.table).collect();
            let hint = hint(&key.text, &tables);
            found.mistake(key.place, format!("unknown table {}{hint}; known: {}", key.text, tables.join(", ")));
            continue;
        };
        let Some(mut own) = Table::of(node, &key.text, found) else { continue };
        if let Some(name) = own.text("table") {
            names.tables.insert(key.text.clone(), name);
        }
        for (column, node) in own.table("columns").map(|table| table.entries()).unwrap_or_default() {
            match &node.tree {
                _ if !known.columns.contains(&column.text.as_str()) => {
                    let hint = hint(&column.text, known.columns);
                    let columns = known.columns.join(", ");
                    found.mistake(column.place, format!("unknown column {}{hint}; known: {columns}", column.text));
                }
                Tree::Text(name) if !name.is_empty() && !name.contains('\0') => {
                    names.columns.insert((key.text.clone(), column.text.clone()), name.clone());
                }
                _ => found.mistake(node.place, "the name of a column is a text"),
            }
        }
        if key.text == "workflows"
            && let Some(statuses) = own.table("statuses")
        {
            names.statuses = words(&statuses, found);
        }
        own.finish();
    }
    names
}
