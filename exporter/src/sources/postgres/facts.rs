//! What the statements of a run depend on: the server's version and state, what the role may see, which extensions there are.

use checklist::Reason;
use clients::failure::Failure;
use tokio_postgres::Row;

/// What was found out at the begin of a run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of the server of its own")]
pub struct Facts {
    /// `server_version_num`: 160014 is 16.14.
    pub version: i32,
    /// Whether it follows another server.
    pub standby: bool,
    /// Whether the role sees the statistics of other roles' sessions.
    pub statistics: bool,
    /// Whether it is a member of the role that may, and does not inherit from it.
    pub without_inheriting: bool,
    /// The role.
    pub user: String,
    /// Unix time since which the server counts in this database.
    pub since: Option<f64>,
    /// `pg_stat_statements`, if statements are tracked.
    pub statements: Option<Statements>,
    /// The schema of `pgstattuple_approx`, if the role may call it.
    pub tuples: Option<String>,
    /// The port from which the server sees the connection come.
    pub(super) client_port: Option<i32>,
    /// Whether views and foreign tables can be refused by the server.
    pub(super) restricts_relations: bool,
    /// Whether the settings of the transaction hold.
    pub(super) protected: bool,
}

/// The extension that keeps statistics of statements.
#[derive(Debug, Clone)]
pub struct Statements {
    /// Its schema.
    pub schema: String,
    /// Whether it has the columns of version 1.8.
    pub planned: bool,
    /// Whether it says how many statements it forgot.
    pub counts_forgotten: bool,
}

impl Facts {
    pub(super) const SQL: &str = include_str!("facts.sql");

    pub(super) fn read(rows: &[Row]) -> Result<Self, Failure> {
        let [row] = rows else { return Err(Failure::new(Reason::Decode, "the server says nothing about itself")) };
        Self::of(row).map_err(|error| Failure::new(Reason::Decode, format!("the server's facts: {error}")))
    }

    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (statistics, member): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
        let schema: Option<String> = row.try_get(9)?;
        let (planned, info): (bool, Option<String>) = (row.try_get(10)?, row.try_get(11)?);
        // Without its library, which is loaded at the start, the extension only answers with an error; and it may be told
        // to track nothing.
        let loaded: bool = row.try_get(12)?;
        let statements = schema.filter(|_| loaded).map(|schema| Statements {
            counts_forgotten: info.as_ref() == Some(&schema),
            schema,
            planned,
        });
        Ok(Self {
            version: row.try_get(0)?,
            standby: row.try_get(1)?,
            statistics,
            without_inheriting: member && !statistics,
            user: row.try_get(4)?,
            since: row.try_get(8)?,
            statements,
            tuples: row.try_get(13)?,
            client_port: row.try_get(5)?,
            restricts_relations: row.try_get(6)?,
            protected: row.try_get(7)?,
        })
    }

    /// The major version: 16 of 16.14.
    pub const fn major(&self) -> i32 {
        self.version / 10_000
    }
}
