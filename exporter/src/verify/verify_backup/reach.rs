//! Connection parameters of the server that is restored into.

use std::path::PathBuf;

/// Connection parameters of a server and a role.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) way: Way,
    pub(super) tls: Tls,
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// The address of a server.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Socket(PathBuf),
    Tcp(String, u16),
}

/// The encryption of a connection.
#[derive(Debug, Clone)]
pub(super) enum Tls {
    None,
    /// Encrypted without verifying the certificate.
    Any,
    /// Verified against the authorities in a PEM file, or those of the system.
    Verified(Option<PathBuf>),
}

impl Reach {
    /// Returns the name of the server for messages.
    pub(super) fn place(&self) -> String {
        match &self.way {
            Way::Socket(_) => "the temporary PostgreSQL server".to_owned(),
            Way::Tcp(host, port) => format!("the server {host}:{port}"),
        }
    }
}
