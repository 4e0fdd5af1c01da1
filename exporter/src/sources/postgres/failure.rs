//! Classifies errors of PostgreSQL: a reason by SQLSTATE or error type, and the server's own message for people.

use super::wire::Oversized;
use checklist::Reason;
use clients::failure::{Failure, causes};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error as _;
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// The phase of a session in which an error occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    /// From the connection's start to the first statement.
    Login,
    /// After the login.
    Statement,
}

/// Converts an error.
pub(super) fn failure(error: &Error, during: During) -> Failure {
    failure_without(None, error, during)
}

/// Converts an error and removes a secret that the server's message may repeat. The secret is removed before the
/// message is shortened and cleaned: afterwards a truncated or altered secret would not be found.
pub(super) fn failure_without(secret: Option<&SecretString>, error: &Error, during: During) -> Failure {
    let hide = |text: &str| match secret {
        Some(secret) => text.replace(secret.expose_secret(), "***"),
        None => text.to_owned(),
    };
    match error.as_db_error() {
        Some(server) => {
            let message = hide(server.message());
            let text = format!("{message} (SQLSTATE {}){}", server.code().code(), way_out(server, during));
            Failure::new(of_server(server, during), text)
        }
        None => Failure::new(of_client(error, during), hide(&causes(error))),
    }
}

fn of_server(server: &DbError, during: During) -> Reason {
    let code = server.code();
    let one_of = |codes: &[&SqlState]| codes.contains(&code);
    if code.code().starts_with("28") {
        Reason::Auth
    } else if one_of(&[&SqlState::INSUFFICIENT_PRIVILEGE]) {
        Reason::Permission
    } else if one_of(&[
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::INVALID_CATALOG_NAME,
        &SqlState::INVALID_SCHEMA_NAME,
    ]) {
        Reason::NotFound
    } else if one_of(&[&SqlState::LOCK_NOT_AVAILABLE]) {
        Reason::Lock
    } else if one_of(&[&SqlState::QUERY_CANCELED]) {
        Reason::Timeout
    } else if is_about_the_connection(code.code(), during) && !one_of(&[&SqlState::PROTOCOL_VIOLATION]) {
        Reason::Connect
    } else if one_of(&[&SqlState::PROTOCOL_VIOLATION]) && during == During::Login {
        // PgBouncer uses this code for everything that it refuses itself.
        of_pooler(server.message())
    } else {
        Reason::Protocol
    }
}

/// Whether the server refuses or ends connections: it is starting, shutting down or in recovery (class 57), has none
/// left (53300), lacks memory or disk for a new one (class 53), or the database accepts none (55000).
fn is_about_the_connection(code: &str, during: During) -> bool {
    let class = code.get(..2).unwrap_or_default();
    matches!(class, "08" | "57") || code == "53300" || during == During::Login && matches!(class, "53" | "55")
}

/// Classifies an error of `PgBouncer` by its message, because its SQLSTATE says nothing: a refused login, an unknown
/// database, or a server that is not available.
fn of_pooler(message: &str) -> Reason {
    let login = ["authentication failed", "no such user", "server login", "login failed", "login has been failing"];
    if login.iter().any(|words| message.contains(words)) {
        Reason::Auth
    } else if message.starts_with("no such database") {
        Reason::NotFound
    } else {
        Reason::Connect
    }
}

/// Returns advice for errors with a known remedy.
fn way_out(server: &DbError, during: During) -> &'static str {
    match (server.code(), during) {
        (code, During::Login) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "; the server or the role has no connection left: `rules-gen access` writes the CONNECTION LIMIT that the \
             configuration needs"
        }
        (code, During::Statement) if *code == SqlState::PROTOCOL_VIOLATION => {
            "; a pooler that does not keep a transaction on one connection cannot be read through: give the exporter \
             the server's own address, or a pool with pool_mode session or transaction"
        }
        // A word of checklist.yaml that is compared with an enum.
        (code, During::Statement)
            if *code == SqlState::INVALID_TEXT_REPRESENTATION && server.routine() == Some("enum_in") =>
        {
            "; the type of the column has no such value: set tables.audit_events.words, or correct an own query"
        }
        // An operator that does not exist has the SQLSTATE of a function. Its types do not fit, in whatever schema.
        (code, During::Statement)
            if *code == SqlState::UNDEFINED_TABLE
                || *code == SqlState::UNDEFINED_FUNCTION && server.routine() != Some("op_error") =>
        {
            "; a name without its schema is one of the system's own: write schema.name, or give `schemas:` to an own query"
        }
        _ => "",
    }
}

fn of_client(error: &Error, during: During) -> Reason {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return of_io(io, during);
        }
        if inner.is::<rustls::Error>() {
            return Reason::Tls;
        }
        cause = inner.source();
    }
    // tokio-postgres does not expose the kind of its error, so the text decides.
    match error.to_string().as_str() {
        "error performing TLS handshake" => Reason::Tls,
        // No password is configured and the server asks for one, or for a method that the client does not know.
        "authentication error" | "invalid configuration" if during == During::Login => Reason::Auth,
        _ if error.is_closed() => Reason::Connect,
        _ => Reason::Protocol,
    }
}

/// Classifies an I/O error of the connection.
pub(super) fn of_io(error: &io::Error, during: During) -> Reason {
    if let Some(inner) = error.get_ref() {
        if inner.is::<rustls::Error>() {
            return Reason::Tls;
        }
        if inner.is::<Oversized>() {
            // An oversized first message means that the peer does not speak the protocol.
            return if during == During::Login { Reason::Protocol } else { Reason::Limit };
        }
    }
    match error.kind() {
        io::ErrorKind::TimedOut => Reason::Timeout,
        // The peer speaks another protocol.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Reason::Protocol,
        _ => Reason::Connect,
    }
}
