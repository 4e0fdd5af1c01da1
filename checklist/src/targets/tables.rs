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

/// What the operator calls the tables and columns; a name that is not here is the checklist's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// By table.
    pub tables: BTreeMap<String, String>,
    /// By table and column.
    pub columns: BTreeMap<(String, String), String>,
}

impl Tables {
    /// The table as a quoted identifier; a dot separates schema and table.
    pub fn table(&self, known: &str) -> String {
        let name = self.tables.get(known).map_or(known, String::as_str);
        match name.split_once('.') {
            Some((schema, table)) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(name),
        }
    }

    /// The column as a quoted identifier.
    pub fn column(&self, table: &str, column: &str) -> String {
        quoted(self.columns.get(&(table.to_owned(), column.to_owned())).map_or(column, String::as_str))
    }

    /// Fills `{table}` and `{table.column}` in a query.
    pub fn fill(&self, sql: &str) -> String {
        let mut filled = sql.to_owned();
        for Known { table, columns } in KNOWN {
            filled = filled.replace(&format!("{{{table}}}"), &self.table(table));
            for column in *columns {
                filled = filled.replace(&format!("{{{table}.{column}}}"), &self.column(table, column));
            }
        }
        filled
    }
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
}
