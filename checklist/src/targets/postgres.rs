//! `postgres:` one database of one server.

use super::kind::TargetKind;
use super::parts::{CA_FILE, Needs, Peer, SecretRef, UNUSED_CA, secret, secret_keys};
use super::tables::{self, Tables};
use super::target::{List, OWN, Target};
use crate::reader::keys::{Key, Kind, Names, Rule, Section, words};
use crate::reader::table::Table;
use std::path::PathBuf;

/// How a PostgreSQL connection is protected, with libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresTls {
    /// Plain TCP.
    Disable,
    /// Encrypted, the certificate is not looked at.
    Require,
    /// Encrypted, chain and host name are checked.
    VerifyFull,
}

const TLS: [(&str, PostgresTls); 3] =
    [("disable", PostgresTls::Disable), ("require", PostgresTls::Require), ("verify-full", PostgresTls::VerifyFull)];

/// One database of one server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// The value of the label `target`.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database to connect to.
    pub database: String,
    /// The role to connect as.
    pub user: String,
    /// The role's password, if it has one.
    pub password: Option<SecretRef>,
    /// Protection of the connection.
    pub tls: PostgresTls,
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The names of the application's tables, if they are in this database.
    pub tables: Option<Tables>,
}

/// The keys of a connection.
pub(super) const CONNECTION: &[Key] = &[
    Key::new("host", Kind::Text, "The host name or address of the server.").required().example("postgres.example.com"),
    Key::new("port", Kind::Whole(1, u16::MAX), "Its TCP port.").default("5432").example("6432"),
    Key::new("database", Kind::Text, "The database to connect to.").required().example("app"),
    Key::new("user", Kind::Text, "The role to connect as.").required().example("checklist"),
    PASSWORD[0],
    PASSWORD[1],
    Key::new(
        "tls",
        Kind::Choice(&words(&TLS)),
        "How the connection is protected, with libpq's words: `require` encrypts and does not look at the certificate.",
    )
    .default("verify-full")
    .example("require"),
    CA_FILE,
];
const PASSWORD: [Key; 2] = secret_keys!("passwordFile", "passwordEnv", "the password of the role", "postgres-password");
/// Its rules.
pub(super) const CONNECTION_RULES: &[Rule] = &[Rule::NotBoth(
    "passwordFile",
    "passwordEnv",
    "passwordFile and passwordEnv exclude each other: keep one of them",
)];

/// Where a database is and how to be let in.
pub(super) fn connection(table: &Table<'_>, name: String) -> Option<Postgres> {
    let (password, ca_file) = (secret(table, "passwordFile", "passwordEnv"), table.path("caFile"));
    let (host, port) = (table.text("host"), table.whole("port"));
    let (database, user) = (table.text("database"), table.text("user"));
    let tls = table.choice("tls", &TLS)?;
    if ca_file.is_some() && tls != PostgresTls::VerifyFull {
        table.mistake_at("caFile", UNUSED_CA);
    }
    Some(Postgres {
        name,
        host: host?,
        port: port?,
        database: database?,
        user: user?,
        password,
        tls,
        ca_file,
        tables: None,
    })
}

impl Target for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        let application = self.tables.as_ref().map(|_| TargetKind::Application);
        [TargetKind::Postgres, TargetKind::Query].into_iter().chain(application).collect()
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default()
            .secret(self.password.as_ref())
            .file(self.ca_file.as_ref())
            .peer(Peer::Host(&self.host, self.port))
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        CONNECTION,
        &[
            Key::new("application", Kind::Flag, "Whether the application's tables are in this database.")
                .default("true")
                .example("false"),
            Key::new(
                "tables",
                Kind::By(Names::Tables, &Kind::Table(&tables::SECTION)),
                "What the application's tables, their columns and the words in them are called.",
            )
            .otherwise("the names of the written checklist")
            .example("{audit_events: {table: security.audit, columns: {timestamp: at}}}"),
        ],
    ],
    rules: CONNECTION_RULES,
};

impl List for Postgres {
    const LIST: &'static str = "postgres";
    const ABOUT: &'static str = "Databases of PostgreSQL, each a database of one server.";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let target = connection(table, name);
        let application = table.flag("application");
        if !application && table.node("tables").is_some() {
            table.mistake_at("tables", "tables are never looked at while application is false: keep one of them");
        }
        let tables = tables::read(table);
        Some(Self { tables: application.then_some(tables), ..target? })
    }
}
