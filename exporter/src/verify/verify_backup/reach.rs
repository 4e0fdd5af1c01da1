//! How the server of a restore is reached.

use std::path::PathBuf;

/// How a server is reached, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) way: Way,
    pub(super) tls: Tls,
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// Where it listens.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Socket(PathBuf),
    Tcp(String, u16),
}

/// Protection of the connection.
#[derive(Debug, Clone)]
pub(super) enum Tls {
    None,
    /// Encrypted, and nothing verified.
    Any,
    Verified(Option<PathBuf>),
}

impl Reach {
    /// The server, for people.
    pub(super) fn place(&self) -> String {
        match &self.way {
            Way::Socket(_) => "the throw-away server".to_owned(),
            Way::Tcp(host, port) => format!("the server {host}:{port}"),
        }
    }
}
