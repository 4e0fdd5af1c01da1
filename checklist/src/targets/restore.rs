//! The key `restore:` of a backup: where it is restored as a proof, and what must hold afterwards.

use super::postgres::{CONNECTION, CONNECTION_RULES, Postgres, connection};
use crate::reader::keys::{Key, Kind, Rule, Section};
use crate::reader::table::Table;
use crate::units::Unit;
use crate::yaml::quote;
use std::time::Duration;

/// How a backup is restored as a proof.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The server to restore into, never one of `postgres:`. `None`: a temporary server that the proof starts.
    pub server: Option<Postgres>,
    /// What must hold afterwards. Never empty.
    pub checks: Vec<Sanity>,
}

/// A query on the restored database.
#[derive(Debug, Clone)]
pub struct Sanity {
    /// The name of the check in metrics.
    pub name: String,
    /// A SELECT with one value.
    pub query: String,
    /// The expected value.
    pub expect: Expect,
}

/// The expected value of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expect {
    /// A number, mostly of rows, that is at least this.
    AtLeast(f64),
    /// A time, mostly of the newest row, that is at most this long ago.
    NotOlderThan(Duration),
}

pub(super) static SECTION: Section = Section {
    what: "restore",
    keys: &[&[
        Key::new("server", Kind::Table(&SERVER), "A server to restore into, which must not be one of `postgres:`.")
            .otherwise("a temporary server")
            .example("{host: scratch.example.com, database: postgres, user: restorer}"),
        Key::new(
            "checks",
            Kind::List(&Kind::Table(&CHECK), true),
            "Checks of the restored database; a restore without checks verifies nothing.",
        )
        .required()
        .example("[{name: users, query: SELECT count(*) FROM users, atLeast: 100}]"),
    ]],
    rules: &[],
};

static SERVER: Section = Section { what: "server", keys: &[CONNECTION], rules: CONNECTION_RULES };

static CHECK: Section = Section {
    what: "a check",
    keys: &[&[
        Key::new("name", Kind::Text, "The name of the check in metrics.").required().example("users"),
        Key::new("query", Kind::Text, "A SELECT with one value.").required().example("SELECT count(*) FROM users"),
        Key::new("atLeast", Kind::Quantity(Unit::Count), "The smallest good value.").default("1").example("100"),
        Key::new("notOlderThan", Kind::Duration, "The largest age of the value, which must be a time then.")
            .example("40d"),
    ]],
    rules: &[Rule::NotBoth(
        "notOlderThan",
        "atLeast",
        "atLeast and notOlderThan are mutually exclusive: one is for a number, the other for a time",
    )],
};

pub(super) fn read(table: &Table<'_>) -> Restore {
    let mut checks: Vec<Sanity> = Vec::new();
    for entry in table.tables("checks") {
        let oldest = entry.duration("notOlderThan");
        let least = entry.quantity("atLeast", Unit::Count);
        let (Some(name), Some(query), Some(least)) = (entry.text("name"), entry.text("query"), least) else { continue };
        if checks.iter().any(|known| known.name == name) {
            entry.mistake(entry.place, format!("two checks have the name {}", quote(&name)));
        }
        checks.push(Sanity { name, query, expect: oldest.map_or(Expect::AtLeast(least), Expect::NotOlderThan) });
    }
    let server = table.table("server");
    let scratch = server.map(|server| connection(&server, "scratch".to_owned()));
    Restore { server: scratch.flatten(), checks }
}
