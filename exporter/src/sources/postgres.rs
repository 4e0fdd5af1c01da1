//! PostgreSQL: one persistent connection for each database and role. This module alone opens connections and sets
//! timeouts.

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

/// Finds tables whose columns the role may read, but whose rows are hidden from it by row security.
const HIDDEN: &str = include_str!("postgres/hidden.sql");

/// A database of checklist.yaml, accessed as one role. Its checks take turns on one connection.
pub struct Database {
    target: Target,
    session: Mutex<Option<Session>>,
}

/// The connection while one query uses it.
struct Turn<'a> {
    slot: MutexGuard<'a, Option<Session>>,
    session: Session,
    cancel: CancelOnDrop,
}

impl Database {
    /// Creates the database; the first query opens the connection.
    pub fn new(target: Target) -> Self {
        Self { target, session: Mutex::new(None) }
    }

    /// The names of the application's tables in this database.
    pub fn tables(&self) -> Tables {
        self.target.tables.clone().unwrap_or_default()
    }

    /// The objects that `exclude:` leaves out.
    pub const fn left_out(&self) -> &LeftOut {
        &self.target.left_out
    }

    /// Asks the server for the facts that the statements of a run depend on.
    ///
    /// # Errors
    /// The message contains the server's own error text.
    pub async fn facts(&self) -> Result<Facts, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.facts().await.map_err(|failure| (failure, false));
        self.after(turn, result)
    }

    /// Runs one query in a read-only transaction of its own, which is rolled back. Views and other tables that would
    /// run code of their owners are refused, unless checklist.yaml trusts the owners.
    ///
    /// # Errors
    /// The message contains the server's own error text. If the connection broke, the next query opens a new one.
    pub async fn query(&self, request: SqlRequest<'_>) -> Result<Vec<Row>, Failure> {
        match self.rows(request).await {
            Err(failure) if failure.reason == Reason::Permission && request.reads == Reads::Tables => {
                Err(self.explained(failure).await)
            }
            rows => rows,
        }
    }

    /// Returns the types of a query's columns without running it.
    ///
    /// # Errors
    /// Fails as [`Database::query`] does.
    pub async fn columns(&self, request: SqlRequest<'_>) -> Result<Vec<Type>, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.columns(request).await;
        self.after(turn, result)
    }

    /// Waits for the connection, and opens one if there is none.
    async fn turn(&self) -> Result<Turn<'_>, Failure> {
        let mut slot = self.session.lock().await;
        // The session is taken out of the slot, so that a query whose future is dropped closes its connection.
        let session = match slot.take() {
            Some(session) if session.is_open() => session,
            _ => Session::open(&self.target).await.map_err(|failure| failure.while_doing(self.place()))?,
        };
        let cancel = session.cancel_on_drop(&self.target);
        Ok(Turn { slot, session, cancel })
    }

    /// Ends a turn. Puts the session back for the next query if it is still usable.
    fn after<T>(&self, turn: Turn<'_>, result: Result<T, (Failure, bool)>) -> Result<T, Failure> {
        let Turn { mut slot, session, mut cancel } = turn;
        cancel.disarm();
        let again = result.as_ref().err().is_none_or(|(_, again)| *again);
        if again && session.is_open() {
            *slot = Some(session);
        }
        result.map_err(|(failure, _)| failure.while_doing(self.place()))
    }

    async fn rows(&self, request: SqlRequest<'_>) -> Result<Vec<Row>, Failure> {
        let turn = self.turn().await?;
        let result = turn.session.fetch(request).await;
        self.after(turn, result)
    }

    /// Adds advice to a refusal: missing grants, or row security that hides rows.
    async fn explained(&self, failure: Failure) -> Failure {
        let hidden = self.rows(SqlRequest::of_catalogs(HIDDEN)).await;
        let hidden: Vec<String> = hidden.unwrap_or_default().iter().filter_map(|row| row.try_get(0).ok()).collect();
        let advice = if hidden.is_empty() {
            "see the grants in the output of `rules-gen access`".to_owned()
        } else {
            format!(
                "row security hides rows of {} from this role, so counts would be wrong: run ALTER ROLE {} \
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
