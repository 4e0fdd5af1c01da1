//! The application's tables as the written checklist names them, and the real names of tables, columns and words.

use crate::reader::keys::{Key, Kind, Names, Section};
use crate::reader::table::Table;
use crate::yaml::{hint, quote, word};
use std::collections::BTreeMap;

/// A table of the application with the names of the written checklist.
#[derive(Debug)]
pub struct AppTable {
    pub table: &'static str,
    pub columns: &'static [&'static str],
    /// Kinds of words by which rows of a column are counted: the name of each kind, and its default words.
    pub words: &'static [(&'static str, &'static [&'static str])],
}

/// Every table that a query reads.
pub static TABLES: &[AppTable] = &[
    AppTable { table: "api_keys", columns: &["created_at", "last_used_at", "revoked_at"], words: &[] },
    AppTable {
        table: "audit_events",
        columns: &["event_type", "timestamp", "user_id"],
        words: &[("authentication_failed", &["authentication_failed"]), ("permission_denied", &["permission_denied"])],
    },
    AppTable { table: "roles", columns: &["id", "name"], words: &[("admin", &["admin"])] },
    AppTable { table: "user_roles", columns: &["role_id", "user_id"], words: &[] },
    AppTable { table: "users", columns: &["created_at", "disabled_at", "last_login_at"], words: &[] },
    AppTable {
        table: "workflows",
        columns: &["status", "updated_at"],
        words: &[
            ("completed", &["completed"]),
            ("failed", &["failed"]),
            ("cancelled", &["cancelled", "canceled"]),
            ("open", &["pending", "queued", "running", "paused", "waiting"]),
        ],
    },
];

/// The operator's names of tables, columns and words. What is missing here has the name of the written checklist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// By table.
    pub tables: BTreeMap<String, String>,
    /// By table and column.
    pub columns: BTreeMap<(String, String), String>,
    /// By table and kind of words.
    pub words: BTreeMap<(String, String), Vec<String>>,
}

pub(super) static SECTION: Section = Section {
    what: "a table of the application",
    keys: &[&[
        Key::new(
            "table",
            Kind::Text,
            "The name of the table as `schema.table`, or `table` in the schema `public`; a name that contains a dot must be in quotes.",
        )
            .otherwise("the name of the written checklist")
            .example("security.audit"),
        Key::new("columns", Kind::By(Names::Columns, &Kind::Text), "The names of its columns.")
            .otherwise("those of the written checklist")
            .example("{timestamp: at}"),
        Key::new(
            "words",
            Kind::By(Names::WordKinds, &Kind::List(&Kind::Text, true)),
            "The values in the table for what the checklist counts, such as the status of a failed workflow.",
        )
        .otherwise("the name of the kind of value, see below")
        .example("{failed: [failed, timed_out]}"),
    ]],
    rules: &[],
};

/// Reads `tables: {audit_events: {table: security.audit, columns: {timestamp: at}}}`.
pub(super) fn read(target: &Table<'_>) -> Tables {
    let mut names = Tables::default();
    for (name, own) in target.named_tables("tables") {
        let text = name.scalar().unwrap_or_default();
        let Some(known) = TABLES.iter().find(|known| known.table == text) else {
            own.mistake(
                name.place,
                unknown("table", text, &TABLES.iter().map(|known| known.table).collect::<Vec<_>>()),
            );
            continue;
        };
        names.tables.extend(own.text("table").map(|name| (text.to_owned(), name)));
        for (column, node) in own.entries("columns") {
            let column_name = column.scalar().unwrap_or_default();
            if !known.columns.contains(&column_name) {
                own.mistake(column.place, unknown("column", column_name, known.columns));
            } else if let Some(name) = node.scalar().filter(|name| !name.contains('\0')) {
                names.columns.insert((text.to_owned(), column_name.to_owned()), name.to_owned());
            }
        }
        let kinds: Vec<&str> = known.words.iter().map(|(kind, _)| *kind).collect();
        for (kind, node) in own.entries("words") {
            let kind_name = kind.scalar().unwrap_or_default();
            if kinds.contains(&kind_name) {
                let words = node.items().iter().filter_map(|word| word.scalar()).map(str::to_owned).collect();
                names.words.insert((text.to_owned(), kind_name.to_owned()), words);
            } else {
                own.mistake(kind.place, unknown("kind of value", kind_name, &kinds));
            }
        }
        twice(&own, known, &names);
    }
    names
}

/// Reports a word that belongs to two kinds, because its rows would be counted twice.
fn twice(table: &Table<'_>, known: &AppTable, names: &Tables) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (kind, _) in known.words {
        for word in names.words(known.table, kind) {
            match seen.insert(word.clone(), kind) {
                Some(other) if other != *kind => {
                    table.mistake_at("words", format!("the value {} is both {other} and {kind}", quote(&word)));
                }
                _ => {}
            }
        }
    }
}

fn unknown(what: &str, text: &str, known: &[&str]) -> String {
    let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
    format!("unknown {what}{shown}{}; known: {}", hint(text, known), known.join(", "))
}

impl Tables {
    /// Returns the table as a quoted identifier with its schema.
    pub fn table(&self, known: &str) -> String {
        let (schema, table) = self.schema_and_table(known);
        format!("{}.{}", quoted(&schema), quoted(&table))
    }

    /// Returns schema and table. A dot separates them, and a name that contains a dot is written in double quotes. The
    /// default schema is `public`: with a search path, whoever may create tables could decide which table is read.
    pub fn schema_and_table(&self, known: &str) -> (String, String) {
        let name = self.tables.get(known).map_or(known, String::as_str);
        match identifier(name) {
            (schema, Some(rest)) => match identifier(rest) {
                (table, None) => (schema, table),
                _ => (schema, rest.to_owned()),
            },
            (table, None) => ("public".to_owned(), table),
        }
    }

    /// Returns the column as a quoted identifier.
    pub fn column(&self, table: &str, column: &str) -> String {
        quoted(self.columns.get(&(table.to_owned(), column.to_owned())).map_or(column, String::as_str))
    }

    /// Returns the words of a kind in a table.
    pub fn words(&self, table: &str, kind: &str) -> Vec<String> {
        let own = self.words.get(&(table.to_owned(), kind.to_owned()));
        let default = TABLES.iter().find(|known| known.table == table).into_iter().flat_map(|known| known.words);
        let default = default.filter(|(known, _)| *known == kind).flat_map(|(_, words)| *words);
        own.cloned().unwrap_or_else(|| default.map(|word| (*word).to_owned()).collect())
    }

    /// Replaces `{table}`, `{table.column}` and `{table:kind of words}` in a query.
    pub fn fill(&self, sql: &str) -> String {
        let mut filled = sql.to_owned();
        for AppTable { table, columns, words } in TABLES {
            filled = filled.replace(&format!("{{{table}}}"), &self.table(table));
            for column in *columns {
                filled = filled.replace(&format!("{{{table}.{column}}}"), &self.column(table, column));
            }
            for (kind, _) in *words {
                let list: Vec<String> = self.words(table, kind).iter().map(|word| literal(word)).collect();
                filled = filled.replace(&format!("{{{table}:{kind}}}"), &list.join(", "));
            }
        }
        filled
    }
}

/// Returns the first identifier of a dotted name, and the rest behind its dot.
fn identifier(name: &str) -> (String, Option<&str>) {
    if let Some(inner) = name.strip_prefix('"') {
        let mut text = String::new();
        let mut rest = inner;
        while let Some((before, behind)) = rest.split_once('"') {
            text += before;
            match behind.as_bytes().first() {
                None => return (text, None),
                Some(b'.') => return (text, Some(&behind[1..])),
                Some(b'"') => {
                    text.push('"');
                    rest = &behind[1..];
                }
                // A quote in the middle is part of the name.
                Some(_) => break,
            }
        }
    }
    match name.split_once('.') {
        Some((first, rest)) => (first.to_owned(), Some(rest)),
        None => (name.to_owned(), None),
    }
}

/// Quotes any text as an SQL identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes any text as an SQL literal, for both settings of `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_column_names_are_quoted_in_sql() {
        let mut tables = Tables::default();
        tables.tables.insert("users".to_owned(), "app.us\"ers; DROP TABLE x".to_owned());
        tables.columns.insert(("users".to_owned(), "created_at".to_owned()), "né le".to_owned());
        let sql = tables.fill("SELECT {users.created_at}, {users.disabled_at} FROM {users}");
        assert_eq!(sql, "SELECT \"né le\", \"disabled_at\" FROM \"app\".\"us\"\"ers; DROP TABLE x\"");
    }

    #[test]
    fn a_table_has_a_schema_and_may_have_dots_in_quotes() {
        for (name, sql) in [
            ("users", r#""public"."users""#),
            ("app.users", r#""app"."users""#),
            (r#""audit.events""#, r#""public"."audit.events""#),
            (r#""a.b"."c""d""#, r#""a.b"."c""d""#),
            (r#"app."audit.events""#, r#""app"."audit.events""#),
            (r#""half"#, r#""public"."""half""#),
            ("a.b.c", r#""a"."b.c""#),
        ] {
            let tables = Tables { tables: [("users".to_owned(), name.to_owned())].into(), ..Tables::default() };
            assert_eq!(tables.table("users"), sql, "{name}");
        }
    }

    #[test]
    fn status_words_become_sql_literals_and_default_to_those_of_the_checklist() {
        let mut tables = Tables::default();
        let words = ["it's", "a\\'b"].map(str::to_owned).to_vec();
        tables.words.insert(("workflows".to_owned(), "failed".to_owned()), words);
        let sql = tables.fill("status IN ({workflows:failed}) OR status IN ({workflows:cancelled})");
        assert_eq!(sql, r"status IN ('it''s', E'a\\''b') OR status IN ('cancelled', 'canceled')");
    }
}
