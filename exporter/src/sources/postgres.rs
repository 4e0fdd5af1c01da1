//! One kept connection per database and role. Connections and their timeouts live here alone.

mod facts;
mod failure;
mod session;
mod wire;

pub use facts::{Facts, Statements};
pub use session::{Reads, SqlRequest};

use checklist::Reason;
use checklist::config::{LeftOut, Postgres as Target, Tables, quoted};
use clients::failure::Failure;
use session::{CancelOnDrop, Session};
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Tables of which the role may read columns, and whose rows are hidden from it.
const HIDDEN: &str = include_str!("postgres/hidden.sql");

/// A database of checklist.yaml, as one role. Its checks take turns on one connection.
pub struct Database {
    target: Target,
    session: Mutex<Option<Session>>,
}

/// The connection in the hands of one query.
struct Turn<'a> {
    slot: MutexGuard<'a, Option<Session>>,
    session: Session,
    cancel: CancelOnDrop,
}

impl Database {
    /// Nothing is opened before the first query.
    pub fn new(target: Target) -> Self {
        Self { target, session: Mutex::new(None) }
    }

    /// What the application calls its tables here.
    pub fn tables(&self) -> Tables {
        self.target.tables.clone().unwrap_or_default()
    }

    /// What of it is not judged.
    pub const fn left_out(&self) -> &LeftOut {
        &self.target.left_out
    }

    /// What the statements of a run depend on.
    ///
    /// # Errors
    /// With the server's own words.
    pub async fn facts(&self) -> Result<Facts, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.facts().await.map_err(|failure| (failure, false));
        self.after(turn, result)
    }

    /// Runs one query in a read-only transaction of its own, which is rolled back. Tables of others that would run
    /// code of their owners are refused, unless checklist.yaml trusts them.
    ///
    /// # Errors
    /// With the server's own words; a connection that broke is opened anew by the next query.
    pub async fn query(&self, ask: SqlRequest<'_>) -> Result<Vec<Row>, Failure> {
        match self.rows(ask).await {
            Err(failure) if failure.reason == Reason::Permission && ask.reads == Reads::Tables => {
                Err(self.explained(failure).await)
            }
            rows => rows,
        }
    }

    /// The types of the columns that a query would give.
    ///
    /// # Errors
    /// As [`Database::query`].
    pub async fn columns(&self, ask: SqlRequest<'_>) -> Result<Vec<Type>, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.columns(ask).await;
        self.after(turn, result)
    }

    /// Waits for the connection, and opens one when there is none.
    async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let mut slot = self.session.lock().await;
        // Taken out, so that a query whose future is dropped closes its connection.
        let session = match slot.take() {
            Some(session) if session.is_open() => session,
            _ => Session::open(&self.target).await.map_err(|failure| failure.while_doing(self.place()))?,
        };
        let cancel = session.cancel_on_drop(&self.target);
        Ok(Turn { slot, session, cancel })
    }

    fn after<T>(&self, turn: Turn<'_>, result: Result<T, (Failure, bool)>) -> Result<T, Failure> {
        let Turn { mut slot, session, mut cancel } = turn;
        cancel.disarm();
        let again = result.as_ref().err().is_none_or(|(_, again)| *again);
        if again && session.is_open() {
            *slot = Some(session);
        }
        result.map_err(|(failure, _)| failure.while_doing(self.place()))
    }

    async fn rows(&self, ask: SqlRequest<'_>) -> Result<Vec<Row>, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.answer(ask).await;
        self.after(turn, result)
    }

    /// A refusal with what to do about it: grants, or row security that hides rows.
    async fn explained(&self, failure: Failure) -> Failure {
        let hidden = self.rows(SqlRequest::of_catalogs(HIDDEN)).await;
        let hidden: Vec<String> = hidden.unwrap_or_default().iter().filter_map(|row| row.try_get(0).ok()).collect();
        let advice = if hidden.is_empty() {
            "`rules-gen access` writes the grants that the checks need".to_owned()
        } else {
            format!(
                "row security hides rows of {} from this role, and counts of a part would be wrong: ALTER ROLE {} \
                 BYPASSRLS, or `skip:` the checks of these tables",
                hidden.join(", "),
                quoted(&self.target.user)
            )
        };
        Failure::new(failure.reason, format!("{}; {advice}", failure.message))
    }

    fn place(&self) -> String {
        let Target { host, port, database, .. } = &self.target;
        format!("PostgreSQL {host}:{port}/{database}")
    }
}
