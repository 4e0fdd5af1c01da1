//! The application's tables as the checklist knows them, and the names that they really have.

use std::collections::BTreeMap;

/// A table of the application and its columns, by the names of the written checklist.
#[derive(Debug)]
pub struct Known {
    /// Table.
    pub table: &'static str,
    /// Columns.
    pub columns: &'static [&'static str],
}

/// Every table that a query reads.
pub static KNOWN: &[Known] = &[
    Known { table: "api_keys", columns: &["created_at", "last_used_at", "revoked_at"] },
    Known { table: "audit_events", columns: &["event_type", "timestamp", "user_id"] },
    Known { table: "roles", columns: &["id", "name"] },
    Known { table: "user_roles", columns: &["role_id", "user_id"] },
    Known { table: "users", columns: &["created_at", "disabled_at", "last_login_at"] },
    Known { table: "workflows", columns: &["status", "updated_at"] },
];

/// The words of a workflow's status by what they mean, unless checklist.yaml has others. A word that is none of them is
/// counted as unknown.
pub static STATUSES: &[(&str, &[&str])] = &[
    ("completed", &["completed"]),
    ("failed", &["failed"]),
    ("cancelled", &["cancelled"]),
    ("open", &["pending", "running"]),
];

/// What a statement asks of a workflow's status, and the meanings that answer it.
static ASKED: &[(&str, &[&str])] = &[
    ("failed", &["failed"]),
    ("finished", &["completed", "failed"]),
    ("ended", &["completed", "failed", "cancelled"]),
    ("open", &["open"]),
    ("known", &["completed", "failed", "cancelled", "open"]),
];

/// What the operator calls the tables and columns; a name that is not here is the checklist's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// By table.
    pub tables: BTreeMap<String, String>,
    /// By table and column.
    pub columns: BTreeMap<(String, String), String>,
    /// Words of a workflow's status by what they mean.
    pub statuses: BTreeMap<String, Vec<String>>,
}

impl Tables {
    /// The table as a quoted identifier with its schema.
    pub fn table(&self, known: &str) -> String {
        let (schema, table) = self.schema_and_table(known);
        format!("{}.{}", quoted(&schema), quoted(&table))
    }

    /// Schema and table: a dot separates them, and a name that has a dot stands in double quotes. Without a schema it
    /// is `public`: a search path would let whoever may create tables there decide which one is meant.
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

    /// The column as a quoted identifier.
    pub fn column(&self, table: &str, column: &str) -> String {
        quoted(self.columns.get(&(table.to_owned(), column.to_owned())).map_or(column, String::as_str))
    }

    /// The words with one of these meanings, as SQL literals with commas between.
    fn words(&self, meanings: &[&str]) -> String {
        let of = |(meaning, words): &(&str, &[&str])| match self.statuses.get(*meaning) {
            Some(own) => own.clone(),
            None => words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let asked = STATUSES.iter().filter(|(meaning, _)| meanings.contains(meaning));
        let words: Vec<String> = asked.flat_map(of).map(|word| literal(&word)).collect();
        // Nothing is equal to nothing.
        if words.is_empty() { "NULL".to_owned() } else { words.join(", ") }
    }

    /// Fills `{table}`, `{table.column}` and the words of a workflow's status in a query.
    pub fn fill(&self, sql: &str) -> String {
        let mut filled = sql.to_owned();
        for (asked, meanings) in ASKED {
            filled = filled.replace(&format!("{{workflows.{asked}}}"), &self.words(meanings));
        }
        for Known { table, columns } in KNOWN {
            filled = filled.replace(&format!("{{{table}}}"), &self.table(table));
            for column in *columns {
                filled = filled.replace(&format!("{{{table}.{column}}}"), &self.column(table, column));
            }
        }
        filled
    }
}

/// The first identifier of a dotted name, and what is behind its dot.
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
                // A quote that ends nothing is part of the name.
                Some(_) => break,
            }
        }
    }
    match name.split_once('.') {
        Some((first, rest)) => (first.to_owned(), Some(rest)),
        None => (name.to_owned(), None),
    }
}

/// A quoted text, whatever it contains.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A quoted identifier, whatever it contains.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_never_spliced() {
        let mut tables = Tables::default();
        tables.tables.insert("users".to_owned(), "app.us\"ers; DROP TABLE x".to_owned());
        tables.columns.insert(("users".to_owned(), "created_at".to_owned()), "né le".to_owned());
        let sql = tables.fill("SELECT {users.created_at}, {users.disabled_at} FROM {users}");
        assert_eq!(sql, "SELECT \"né le\", \"disabled_at\" FROM \"app\".\"us\"\"ers; DROP TABLE x\"");
    }

    #[test]
    fn the_words_of_a_status_are_literals() {
        let tables = Tables {
            statuses: [("failed".to_owned(), vec!["it's".to_owned()]), ("open".to_owned(), Vec::new())].into(),
            ..Tables::default()
        };
        assert_eq!(tables.fill("{workflows.finished}; {workflows.open}"), "'completed', 'it''s'; NULL");
        assert_eq!(
            Tables::default().fill("{workflows.known}"),
            "'completed', 'failed', 'cancelled', 'pending', 'running'"
        );
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
}
