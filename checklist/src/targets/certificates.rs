//! The list `certificates:`.

use super::kind::TargetKind;
use super::parts::{CA_FILE, HOST_PORT, Needs, Peer, host_and_port};
use super::target::{List, OWN, Target};
use crate::reader::keys::{Key, Kind, Section, words};
use crate::reader::table::Table;
use std::path::PathBuf;

/// A protocol that starts in plain text and then switches to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// PostgreSQL's `SSLRequest`.
    Postgres,
}

const START_TLS: [(&str, StartTls); 1] = [("postgres", StartTls::Postgres)];

/// A TLS endpoint whose certificates are watched.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The value of the label `target`.
    pub name: String,
    /// The host name or address to connect to.
    pub host: String,
    pub port: u16,
    /// The name to send as SNI and to verify. By default the host.
    pub server_name: String,
    /// The protocol in front of TLS, if any.
    pub start_tls: Option<StartTls>,
    /// The file with the authorities to trust. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
}

impl Target for Certificate {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Certificate]
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().file(self.ca_file.as_ref()).peer(Peer::Host(&self.host, self.port))
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        &[
            Key::new("address", Kind::Form(&HOST_PORT), "Where to connect to.")
                .required()
                .example("www.example.com:443"),
            Key::new("serverName", Kind::Text, "The server name to send (SNI) and to verify.")
                .otherwise("the host of `address`")
                .example("www.example.com"),
            Key::new(
                "startTls",
                Kind::Choice(&words(&START_TLS)),
                "The protocol for STARTTLS, if the connection begins in clear text.",
            )
            .example("postgres"),
            CA_FILE,
        ],
    ],
    rules: &[],
};

impl List for Certificate {
    const LIST: &'static str = "certificates";
    const ABOUT: &'static str = "TLS endpoints whose certificates are watched.";
    const EXAMPLE: &'static str = "[{name: shop, address: \"shop.example.com:443\"}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let address = table.text("address");
        let (server_name, start_tls) = (table.text("serverName"), table.choice("startTls", &START_TLS));
        let ca_file = table.path("caFile");
        let (host, port) = host_and_port(&address?)?;
        Some(Self { name, server_name: server_name.unwrap_or_else(|| host.clone()), host, port, start_tls, ca_file })
    }
}
