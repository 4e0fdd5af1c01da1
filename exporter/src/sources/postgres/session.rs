//! An open connection: connects, logs in, and runs each statement in a read-only transaction that is rolled back.

mod connect;

use super::facts::Facts;
use super::failure::{During, failure};
use super::wire::Received;
use checklist::Reason;
use checklist::config::{Postgres as Target, literal, quoted};
use clients::failure::Failure;
use connect::{Address, CONNECT, Connected, connect, dial, encryption};
use futures::TryStreamExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, NoTls, Row};

/// Maximum number of rows of a result. More rows mean that the query lacks a LIMIT.
const MAX_ROWS: usize = 10_000;
/// The `statement_timeout`. It is shorter than the shortest deadline of a check, so that the server gives up before the
/// client does.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);
/// Ends a transaction before DISCARD ALL, which runs in a transaction of its own: where the default is serializable, a
/// standby would refuse it.
const END: &str = "ROLLBACK; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED";
/// Lists the relations of a prepared statement that would run code of their owners, such as views.
const RELATIONS: &str = include_str!("relations.sql");

/// What a statement reads, which decides whose code could run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// The server's own catalogs and functions.
    Catalogs,
    /// Tables of other roles. Those that would run code of their owners are refused.
    Tables,
}

/// A statement to run.
#[derive(Debug, Clone, Copy)]
pub struct SqlRequest<'a> {
    pub sql: &'a str,
    /// The values of `$1`, `$2` and so on.
    pub parameters: &'a [f64],
    pub reads: Reads,
    /// Schemas in which names without a schema are looked up, after `pg_catalog`.
    pub schemas: &'a [String],
}

impl<'a> SqlRequest<'a> {
    /// Creates a statement without parameters that reads only catalogs.
    pub const fn of_catalogs(sql: &'a str) -> Self {
        Self { sql, parameters: &[], reads: Reads::Catalogs, schemas: &[] }
    }
}

/// An open connection. Dropping it closes the socket.
pub(super) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    address: Address,
    received: Received,
    /// Why the connection ended, if it has.
    ended: Arc<Mutex<Option<Failure>>>,
    /// The statements that begin every transaction.
    begin: String,
    /// Whether code of table owners may run (`trustTableOwners`).
    trusted: bool,
    /// Local port of a TCP connection; `None` for a Unix socket.
    port: Option<u16>,
    /// Whether the connection leads to the server itself and not to a pooler.
    direct: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Connects, logs in, and checks that the settings which every statement relies on take effect.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        let Connected { client, driver, address, received, ended, port } = connect(target).await?;
        let (begin, trusted) = (begin(target), target.trust_table_owners);
        let mut session = Self { client, driver, address, received, ended, begin, trusted, port, direct: false };
        let facts = session.facts().await?;
        if !facts.protected {
            return Err(Failure::new(
                Reason::Config,
                "the settings of a transaction do not hold on this connection: whatever stands between the exporter and \
                 the server must keep a transaction on one connection (PgBouncer: pool_mode session or transaction)",
            ));
        }
        if facts.restricts_relations && !target.trust_table_owners {
            session.begin += "; SET LOCAL restrict_nonsystem_relation_kind = 'view, foreign-table'";
        }
        // Behind a pooler the server sees the port of the pooler's own connection.
        session.direct = session.port.is_some_and(|port| facts.client_port == Some(i32::from(port)));
        Ok(session)
    }

    /// Whether the session can be used again.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Asks for the facts that the statements of a run depend on.
    pub(super) async fn facts(&self) -> Result<Facts, Failure> {
        let rows = self.fetch(SqlRequest::of_catalogs(Facts::SQL)).await.map_err(|(failure, _)| failure)?;
        Facts::read(&rows)
    }

    /// Runs one statement in a read-only transaction that is rolled back, so that it cannot change a setting, notify or
    /// write. The boolean of an error says whether the session may be used again.
    pub(super) async fn fetch(&self, request: SqlRequest<'_>) -> Result<Vec<Row>, (Failure, bool)> {
        let _counted = self.received.response();
        let failed = |error: tokio_postgres::Error| {
            let again = error.as_db_error().is_some_and(|server| {
                // None of our statements writes, so an attempt to write means that foreign code ran in this session.
                ![SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::ADMIN_SHUTDOWN].contains(server.code())
            });
            (self.failure(&error), again)
        };
        self.client.batch_execute(&self.begin(request)).await.map_err(failed)?;
        let result = match request.reads {
            Reads::Catalogs => self.catalogs(request.sql, request.parameters).await,
            Reads::Tables => self.tables(request.sql, request.parameters).await,
        };
        let result = result.map_err(|why| match why {
            Why::Server(error) => failed(error),
            // The session is not used again, so that the state that led to the refusal is gone.
            Why::Refused(failure) => (failure, false),
        });
        if result.is_err() && self.client.is_closed() {
            return result;
        }
        if request.reads == Reads::Tables && self.direct {
            // A rollback does not undo everything: advisory locks and prepared statements belong to the session. The
            // session of a pooler belongs to others too and is left alone.
            self.client.batch_execute(END).await.map_err(failed)?;
            self.client.batch_execute("DISCARD ALL").await.map_err(failed)?;
        } else {
            self.client.batch_execute("ROLLBACK").await.map_err(failed)?;
        }
        result
    }

    fn begin(&self, request: SqlRequest<'_>) -> String {
        if request.schemas.is_empty() {
            return self.begin.clone();
        }
        let path: String = request.schemas.iter().map(|schema| format!("{}, ", quoted(schema))).collect();
        format!("{}; SET LOCAL search_path = pg_catalog, {path}pg_temp", self.begin)
    }

    async fn catalogs(&self, sql: &str, parameters: &[f64]) -> Result<Vec<Row>, Why> {
        let typed = parameters.iter().map(|value| (value, Type::FLOAT8));
        collect(self.client.query_typed_raw(sql, typed).await?).await
    }

    async fn tables(&self, sql: &str, parameters: &[f64]) -> Result<Vec<Row>, Why> {
        let types = vec![Type::FLOAT8; parameters.len()];
        let statement = self.client.prepare_typed(sql, &types).await.map_err(|error| self.unprepared(error))?;
        if !self.trusted {
            let reasons = self.catalogs(RELATIONS, &[]).await?;
            let reasons: Vec<String> = reasons.iter().filter_map(|row| row.try_get(0).ok()).collect();
            if !reasons.is_empty() {
                return Err(Why::Refused(refused(&reasons.join(", "))));
            }
        }
        collect(self.client.query_raw(&statement, parameters).await?).await
    }

    /// Returns the types of a statement's columns without running it.
    pub(super) async fn columns(&self, request: SqlRequest<'_>) -> Result<Vec<Type>, (Failure, bool)> {
        let _counted = self.received.response();
        let failed = |error: tokio_postgres::Error| (self.failure(&error), false);
        self.client.batch_execute(&self.begin(request)).await.map_err(failed)?;
        let types = match self.client.prepare(request.sql).await {
            Ok(statement) => Ok(statement.columns().iter().map(|column| column.type_().clone()).collect()),
            Err(error) => {
                let again = error.as_db_error().is_some();
                match self.unprepared(error) {
                    Why::Server(error) => Err((self.failure(&error), again)),
                    Why::Refused(failure) => Err((failure, again)),
                }
            }
        };
        self.client.batch_execute("ROLLBACK").await.map_err(failed)?;
        types
    }

    /// Converts the error of a statement. If the connection has ended, returns the reason for that.
    fn failure(&self, error: &tokio_postgres::Error) -> Failure {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.filter(|_| error.is_closed()).unwrap_or_else(|| failure(error, During::Statement))
    }

    /// Tells a refusal by `restrict_nonsystem_relation_kind` from other errors of preparing a statement. The server
    /// refuses a view when it rewrites the statement. A statement that runs ends with the same SQLSTATE for other
    /// reasons, such as a materialized view without data.
    fn unprepared(&self, error: tokio_postgres::Error) -> Why {
        if error.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) && !self.trusted {
            return Why::Refused(refused(&failure(&error, During::Statement).message));
        }
        Why::Server(error)
    }

    /// Returns a guard that cancels the running statement on the server when it is dropped.
    pub(super) fn cancel_on_drop(&self, target: &Target) -> CancelOnDrop {
        let token = self.client.cancel_token();
        CancelOnDrop { armed: Some((token, self.address.clone())), target: target.clone() }
    }
}

/// Returns the failure of a statement that would run code of others, with advice.
fn refused(why: &str) -> Failure {
    let text = format!(
        "refused, because code of a table's owner would run with the rights of this role: {why}; read the tables beneath, \
         give an `applicationUser`, or set `trustTableOwners: true`"
    );
    Failure::new(Reason::Config, text)
}

/// Why a statement returned no rows.
enum Why {
    Server(tokio_postgres::Error),
    Refused(Failure),
}

impl From<tokio_postgres::Error> for Why {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

async fn collect(stream: tokio_postgres::RowStream) -> Result<Vec<Row>, Why> {
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        if rows.len() == MAX_ROWS {
            let text = format!("the query returns more than {MAX_ROWS} rows");
            return Err(Why::Refused(Failure::new(Reason::Limit, text)));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Returns the statements that begin every transaction. All settings are set each time, because a pooler may forget
/// them, and the owner of the database may have set other defaults: a standby refuses serializable transactions, and a
/// deferrable one waits for others.
fn begin(target: &Target) -> String {
    let mut text = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY NOT DEFERRABLE; \
         SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '1s'; \
         SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = '10s'; \
         SET LOCAL row_security = off; SET LOCAL constraint_exclusion = off; SET LOCAL client_min_messages = error; \
         SET LOCAL standard_conforming_strings = on",
        STATEMENT_TIMEOUT.as_millis()
    );
    if let Some(zone) = &target.time_zone {
        text += &format!("; SET LOCAL timezone = {}", literal(zone));
    }
    text
}

/// Cancels the running statement on the server when dropped before [`CancelOnDrop::disarm`].
pub(super) struct CancelOnDrop {
    armed: Option<(CancelToken, Address)>,
    target: Target,
}

impl CancelOnDrop {
    /// Turns the guard off: the statement has ended.
    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some((token, address)) = self.armed.take() else { return };
        let target = self.target.clone();
        tokio::spawn(async move {
            let cancelled = async {
                let (Ok((socket, _)), Ok(tls)) = (dial(&address).await, encryption(&target, &address).await) else {
                    return;
                };
                let failed = match tls {
                    Some(tls) => token.cancel_query_raw(socket, tls).await,
                    None => token.cancel_query_raw(socket, NoTls).await,
                };
                if let Err(error) = failed {
                    tracing::debug!(%error, "cannot cancel a statement; the server's own timeout ends it");
                }
            };
            // If the cancellation fails, the server's statement_timeout ends the statement.
            let _ = tokio::time::timeout(CONNECT, cancelled).await;
        });
    }
}
