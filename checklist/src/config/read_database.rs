//! `postgres:` and the names of the application's tables.

use super::read_parts::{ca_file, secret};
use super::reader::{Found, Table};
use crate::targets::tables::{KNOWN, Tables};
use crate::targets::{Postgres, PostgresTls};
use crate::yaml::hint;
use crate::yaml::tree::Tree;

pub(super) fn postgres(table: &mut Table<'_>, name: String, found: &Found) -> Option<Postgres> {
    let target = connection(table, name);
    let application = table.flag("application").unwrap_or(true);
    if let (false, Some(node)) = (application, table.node("tables")) {
        table.mistake(node.place, "tables are never looked at while application is false: keep one of them");
    }
    let tables = table.table("tables").map(|table| tables(&table, found)).unwrap_or_default();
    Some(Postgres { tables: application.then_some(tables), ..target? })
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
    Some(Postgres { name, host: host?, port, database: database?, user: user?, password, tls, ca_file, tables: None })
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
        own.finish();
    }
    names
}
