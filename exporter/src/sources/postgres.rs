//! One kept connection per database and role. Connections and their timeouts live here alone.

mod facts;
mod failure;
mod session;
mod wire;

pub use facts::{Facts, Statements};
pub use session::{Ask, Reads};

use crate::probe::Failure;
use checklist::Reason;
use checklist::config::{Postgres as Target, Tables, quoted};
use session::Session;
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Tables of which the role may read columns, and whose rows are hidden from it.
const HIDDEN: &str = include_str!("postgres/hidden.sql");

/// A database of checklist.yaml, as one role. Its checks take turns on one connection.
pub struct Database {
    target: Target,
    session: Mutex<Option<Session>>,
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

    /// What the statements of a run depend on.
    ///
    /// # Errors
    /// With the server's own words.
    pub async fn facts(&self) -> Result<Facts, Failure> {
        self.with(async |session| session.facts().await.map_err(|failure| (failure, false))).await
    }

    /// Runs one query in a read-only transaction of its own, which is rolled back. Tables of others that would run
    /// code of their owners are refused, unless checklist.yaml trusts them.
    ///
    /// # Errors
    /// With the server's own words; a connection that broke is opened anew by the next query.
    pub async fn query(&self, ask: Ask<'_>) -> Result<Vec<Row>, Failure> {
        let rows = self.with(async |session| session.answer(ask).await).await;
        match rows {
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
    pub async fn columns(&self, ask: Ask<'_>) -> Result<Vec<Type>, Failure> {
        self.with(async |session| session.columns(ask).await).await
    }

    async fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&Session) -> Result<T, (Failure, bool)>,
    ) -> Result<T, Failure> {
        let mut slot = self.session.lock().await;
        // Taken out, so that a query whose future is dropped closes its connection.
        let session = match slot.take() {
            Some(session) if session.is_open() => session,
            _ => Session::open(&self.target).await.map_err(|failure| failure.while_doing(self.place()))?,
        };
        let mut cancel = session.cancel_on_drop(&self.target);
        let result = ask(&session).await;
        cancel.disarm();
        let again = result.as_ref().err().is_none_or(|(_, again)| *again);
        if again && session.is_open() {
            *slot = Some(session);
        }
        result.map_err(|(failure, _)| failure.while_doing(self.place()))
    }

    /// A refusal with what to do about it: grants, or row security that hides rows.
    async fn explained(&self, failure: Failure) -> Failure {
        let hidden = self.with(async |session| session.answer(Ask::of_catalogs(HIDDEN)).await).await;
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
