//! One kept, read-only connection per database. Connections and their timeouts live here alone.

use checklist::Reason;
use checklist::config::{Postgres as Target, PostgresTls, Tables};
use clients::failure::{Failure, causes};
use clients::{secret, trust};
use futures::TryStreamExt;
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Rows beyond this are a query that lost its LIMIT.
const MAX_ROWS: usize = 10_000;
/// The server gives up before the client does: the shortest deadline of a check is larger.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// A database of checklist.yaml. Its checks take turns on one connection.
pub struct Database {
    target: Target,
    session: Mutex<Option<Session>>,
}

/// An open connection; dropping it closes the socket.
struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
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

    /// Runs one query in a read-only transaction of its own.
    ///
    /// # Errors
    /// With the server's own words; a connection that broke is opened anew by the next query.
    pub async fn query(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let mut slot = self.session.lock().await;
        // Taken out, so that a query whose future is dropped closes its connection.
        let session = match slot.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => self.open().await.map_err(|failure| failure.while_doing(self.place()))?,
        };
        let mut cancel = CancelOnDrop { token: Some(session.client.cancel_token()), target: self.target.clone() };
        let result = rows(&session.client, sql, parameters).await;
        cancel.token = None;
        if !session.client.is_closed() {
            *slot = Some(session);
        }
        result.map_err(|failure| failure.while_doing(self.place()))
    }

    fn place(&self) -> String {
        let Target { host, port, database, .. } = &self.target;
        format!("PostgreSQL {host}:{port}/{database}")
    }

    async fn open(&self) -> Result<Session, Failure> {
        let target = &self.target;
        let mut config = Config::new();
        config
            .host(&target.host)
            .port(target.port)
            .dbname(&target.database)
            .user(&target.user)
            .application_name("checklist-exporter")
            .connect_timeout(Duration::from_secs(5))
            // The system's own names come first: who may create objects in public cannot put another
            // pg_stat_activity or count() before a role that reads everybody's statistics.
            .options(format!(
                "-c default_transaction_read_only=on -c lock_timeout=1s -c statement_timeout={} \
                 -c idle_in_transaction_session_timeout=10s -c search_path=pg_catalog,public,pg_temp",
                STATEMENT_TIMEOUT.as_millis()
            ));
        let password = match &target.password {
            Some(password) => Some(secret::read(password).await?),
            None => None,
        };
        if let Some(password) = &password {
            config.password(password.expose_secret());
        }
        // A server that asks for the password in clear text may repeat it in its refusal.
        let refused = |error: tokio_postgres::Error| match (failure(&error), &password) {
            (Failure { reason, message }, Some(password)) => {
                Failure::new(reason, message.replace(password.expose_secret(), "***"))
            }
            (failure, None) => failure,
        };
        let (client, driver) = if let Some(tls) = tls(target).await? {
            config.ssl_mode(tokio_postgres::config::SslMode::Require);
            let (client, connection) = config.connect(tls).await.map_err(refused)?;
            (client, tokio::spawn(drive(connection)))
        } else {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
            (client, tokio::spawn(drive(connection)))
        };
        Ok(Session { client, driver })
    }
}

async fn tls(target: &Target) -> Result<Option<MakeRustlsConnect>, Failure> {
    Ok(match target.tls {
        PostgresTls::Disable => None,
        PostgresTls::Require => Some(MakeRustlsConnect::new(trust::unverified()?)),
        PostgresTls::VerifyFull => Some(MakeRustlsConnect::new(trust::verified(target.ca_file.as_deref()).await?)),
    })
}

async fn drive<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // A broken connection shows itself to the query that uses it.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "PostgreSQL connection ended");
    }
}

async fn rows(client: &Client, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
    let stream = client.query_raw(sql, parameters.iter().copied()).await.map_err(|error| failure(&error))?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await.map_err(|error| failure(&error))? {
        if rows.len() == MAX_ROWS {
            return Err(Failure::new(Reason::Limit, format!("the query gives more than {MAX_ROWS} rows")));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Tells the server to stop when nobody waits for the answer any more.
struct CancelOnDrop {
    token: Option<CancelToken>,
    target: Target,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else { return };
        let target = self.target.clone();
        tokio::spawn(async move {
            let Ok(tls) = tls(&target).await else { return };
            let cancelled = async {
                match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(NoTls).await,
                }
            };
            // The server's own statement_timeout is the second line.
            let _ = tokio::time::timeout(Duration::from_secs(5), cancelled).await;
        });
    }
}

fn failure(error: &tokio_postgres::Error) -> Failure {
    if let Some(server) = error.as_db_error() {
        let code = server.code();
        let reason = match code {
            _ if code.code().starts_with("28") => Reason::Auth,
            c if *c == SqlState::INSUFFICIENT_PRIVILEGE => Reason::Permission,
            c if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::INVALID_CATALOG_NAME]
                .contains(c) =>
            {
                Reason::NotFound
            }
            c if *c == SqlState::LOCK_NOT_AVAILABLE => Reason::Lock,
            c if *c == SqlState::QUERY_CANCELED => Reason::Timeout,
            c if *c == SqlState::TOO_MANY_CONNECTIONS => Reason::Connect,
            _ => Reason::Protocol,
        };
        return Failure::new(reason, format!("{} (SQLSTATE {})", server.message(), code.code()));
    }
    let text = causes(error);
    let reason = if text.contains("lookup address") {
        Reason::Dns
    } else if text.contains("TLS handshake") || text.contains("certificate") {
        Reason::Tls
    } else if text.contains("timed out") || text.contains("timeout") {
        Reason::Timeout
    } else if text.contains("password missing") {
        Reason::Auth
    } else {
        Reason::Connect
    };
    Failure::new(reason, text)
}
