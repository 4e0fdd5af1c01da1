//! Facts about a server that decide which statements are sent and how: version, standby or not, rights of the role,
//! installed extensions.

use checklist::Reason;
use clients::failure::Failure;
use tokio_postgres::Row;

/// The facts of a server, asked at the start of a run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of the server of its own")]
pub struct Facts {
    /// The setting `server_version_num`, such as 160014 for 16.14.
    pub version: i32,
    /// Whether the server is a standby.
    pub standby: bool,
    /// Whether the role sees the statistics of other roles' sessions.
    pub statistics: bool,
    /// Whether the role is a member of a role with that right but does not inherit it.
    pub without_inheriting: bool,
    /// Name of the role.
    pub user: String,
    /// Time of the last reset of this database's statistics, Unix seconds.
    pub since: Option<f64>,
    /// The extension `pg_stat_statements`, if it tracks statements.
    pub statements: Option<Statements>,
    /// Schema of the function `pgstattuple_approx`, if the role may call it.
    pub tuples: Option<String>,
    /// Client port of the connection as the server sees it. It differs from the local port if a pooler is in between.
    pub(super) client_port: Option<i32>,
    /// Whether the server can refuse views and foreign tables (`restrict_nonsystem_relation_kind`).
    pub(super) restricts_relations: bool,
    /// Whether the settings of the transaction took effect.
    pub(super) protected: bool,
}

/// The extension `pg_stat_statements`.
#[derive(Debug, Clone)]
pub struct Statements {
    pub schema: String,
    /// Whether it has the columns of its version 1.8, such as `total_exec_time`.
    pub planned: bool,
    /// Whether it counts the statements that it has deallocated.
    pub counts_forgotten: bool,
}

impl Facts {
    pub(super) const SQL: &str = include_str!("facts.sql");

    pub(super) fn read(rows: &[Row]) -> Result<Self, Failure> {
        let [row] = rows else { return Err(Failure::new(Reason::Decode, "the server returned no facts about itself")) };
        Self::of(row)
            .map_err(|error| Failure::new(Reason::Decode, format!("cannot read the facts about the server: {error}")))
    }

    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let (statistics, member): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
        let schema: Option<String> = row.try_get(9)?;
        let (planned, info): (bool, Option<String>) = (row.try_get(10)?, row.try_get(11)?);
        // If its library was not loaded at the server's start, the extension only returns errors. It may also be
        // configured to track nothing.
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

    /// Returns the major version, such as 16 for 16.14.
    pub const fn major(&self) -> i32 {
        self.version / 10_000
    }
}
