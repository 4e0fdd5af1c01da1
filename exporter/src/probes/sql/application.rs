//! The application's tables in the SQL of a signal, and what `exclude:` leaves out.

use checklist::config::{LeftOut, Tables, literal};
use checklist::{Access, Signal};

/// Replaces the placeholders for what `exclude:` leaves out by SQL conditions.
pub(super) fn left_out(sql: &str, out: &LeftOut) -> String {
    [
        ("{kept_tables}", out.tables("n.nspname", "c.relname")),
        ("{kept_indexes}", out.tables("t.nspname", "t.relname")),
        ("{kept_applications}", out.applications("application_name")),
        ("{kept_sessions}", out.roles("usename")),
        ("{kept_roles}", out.roles("r.rolname")),
    ]
    .into_iter()
    .fold(sql.to_owned(), |sql, (place, condition)| sql.replace(place, &condition))
}

/// Replaces the placeholders for names of tables and columns as text, by which catalogs are searched.
pub(super) fn named(sql: &str, names: &Tables) -> String {
    ["audit_events", "audit_events.event_type"].into_iter().fold(sql.to_owned(), |sql, name| {
        sql.replace(&format!("{{name of {name}}}"), &literal(&names.fill(&format!("{{{name}}}"))))
    })
}

/// Columns whose hour counts: a date has none.
const HOURS: [&str; 2] = ["timestamp", "updated_at"];

/// Returns the names of the application's tables that a signal reads.
pub(super) fn tables_of(signal: &Signal, names: &Tables) -> impl Iterator<Item = String> {
    signal.access.iter().filter_map(|access| match access {
        Access::SqlColumns(table, _) => Some(names.fill(&format!("{{{table}}}"))),
        _ => None,
    })
}

/// Returns the SQL that finds columns of the application that hold no times, before other statements misread them.
pub(super) fn time_columns(signal: &Signal, names: &Tables) -> Option<String> {
    let columns = signal.access.iter().flat_map(|access| match access {
        Access::SqlColumns(table, columns) => columns.iter().map(|column| (*table, *column)).collect(),
        _ => Vec::new(),
    });
    let is_time = |column: &str| column.ends_with("_at") || HOURS.contains(&column);
    let rows = columns.filter(|(_, column)| is_time(column)).map(|(table, column)| {
        let name = names.fill(&format!("{{{table}.{column}}}"));
        let table = names.fill(&format!("{{{table}}}"));
        format!("({}, {}, {})", literal(&table), literal(&name), HOURS.contains(&column))
    });
    let rows: Vec<String> = rows.collect();
    (!rows.is_empty()).then(|| include_str!("../times.sql").replace("{columns}", &rows.join(", ")))
}
