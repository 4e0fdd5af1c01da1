//! The list `postgres:`.

use super::exclusions::{self, LeftOut};
use super::kind::TargetKind;
use super::parts::{CA_FILE, Needs, Peer, SecretRef, UNUSED_CA, secret, secret_keys};
use super::tables::{self, Tables};
use super::target::{List, OWN, Target};
use crate::reader::keys::{Form, Key, Kind, Names, Rule, Section, words};
use crate::reader::table::Table;
use std::path::PathBuf;

/// How a PostgreSQL connection is protected, with libpq's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresTls {
    /// Plain TCP.
    Disable,
    /// Encrypted, without verification of the certificate.
    Require,
    /// Encrypted, with verification of chain and host name.
    VerifyFull,
}

const TLS: [(&str, PostgresTls); 3] =
    [("disable", PostgresTls::Disable), ("require", PostgresTls::Require), ("verify-full", PostgresTls::VerifyFull)];

/// One database of one server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// The value of the label `target`.
    pub name: String,
    /// The host name or address.
    pub host: String,
    pub port: u16,
    /// The database to connect to.
    pub database: String,
    /// The role to connect as.
    pub user: String,
    /// The role's password, if it has one.
    pub password: Option<SecretRef>,
    pub tls: PostgresTls,
    /// The file with the authorities to trust. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The names of the application's tables, when they are in this database.
    pub tables: Option<Tables>,
    /// The role that reads the application's tables, when it differs from the role that reads the statistics.
    pub application: Option<Login>,
    /// Whether views, foreign tables, casts and functions of the tables' owners may run with the role's rights.
    pub trust_table_owners: bool,
    /// The time zone of columns without one. `None`: that of the server.
    pub time_zone: Option<String>,
    /// A name for the server. Databases with the same name belong to one server, whatever their addresses are.
    pub server: Option<String>,
    /// What is not judged (`exclude:`).
    pub left_out: LeftOut,
}

/// A login to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    /// The role's password, if it has one.
    pub password: Option<SecretRef>,
}

impl Postgres {
    /// Returns the database with the role that reads the application's tables.
    #[must_use]
    pub fn as_application(&self) -> Self {
        match self.application.clone() {
            Some(Login { user, password }) => Self { user, password, ..self.clone() },
            None => self.clone(),
        }
    }

    /// Returns an identifier of the server: the configured name, else host and port.
    pub fn of_server(&self) -> String {
        self.server.clone().unwrap_or_else(|| format!("{}:{}", self.host.to_ascii_lowercase(), self.port))
    }
}

/// The keys of a connection.
pub(super) const CONNECTION: &[Key] = &[
    Key::new("host", Kind::Text, "The host name or address of the server.").required().example("postgres.example.com"),
    Key::new("port", Kind::Whole(1, 65_535), "Its TCP port.").default("5432").example("6432"),
    Key::new("database", Kind::Text, "The database to connect to.").required().example("app"),
    Key::new("user", Kind::Text, "The role to connect as.").required().example("checklist"),
    PASSWORD[0],
    PASSWORD[1],
    Key::new(
        "tls",
        Kind::Choice(&words(&TLS)),
        "How the connection is protected, with the values of libpq: `require` encrypts and does not verify the certificate.",
    )
    .default("verify-full")
    .example("require"),
    CA_FILE,
];
const PASSWORD: [Key; 2] = secret_keys!("passwordFile", "passwordEnv", "the password of the role", "postgres-password");
/// The rules of a connection.
pub(super) const CONNECTION_RULES: &[Rule] = &[Rule::NotBoth(
    "passwordFile",
    "passwordEnv",
    "passwordFile and passwordEnv are mutually exclusive: keep one of them",
)];

/// Reads the keys of a connection.
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
        application: None,
        trust_table_owners: false,
        time_zone: None,
        server: None,
        left_out: LeftOut::default(),
    })
}

impl Target for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        let application = self.tables.as_ref().map(|_| TargetKind::Application);
        [TargetKind::Postgres, TargetKind::Query, TargetKind::Server].into_iter().chain(application).collect()
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default()
            .secret(self.password.as_ref())
            .secret(self.application.as_ref().and_then(|login| login.password.as_ref()))
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
            Key::new("application", Kind::Flag, "Whether this database contains the tables of the application.")
                .default("true")
                .example("false"),
            Key::new("applicationUser", Kind::Text, "The role that reads the tables of the application, but no statistics.")
                .otherwise("one role reads both")
                .example("checklist_app"),
            APPLICATION_PASSWORD[0],
            APPLICATION_PASSWORD[1],
            Key::new(
                "trustTableOwners",
                Kind::Flag,
                "Whether views, foreign tables, casts and functions of the tables' owners may run with the role's rights.",
            )
            .default("false")
            .example("true"),
            Key::new("timeZone", Kind::Form(&ZONE), "The time zone of columns without one.")
                .otherwise("that of the server")
                .example("Europe/Berlin"),
            Key::new("server", Kind::Text, "A name for the server: databases with the same name are on one server.")
                .otherwise("databases with the same host and port are on one server")
                .example("db-1"),
            exclusions::OF_DATABASE,
            Key::new(
                "tables",
                Kind::By(Names::Tables, &Kind::Table(&tables::SECTION)),
                "The names of the application's tables and columns, and the values in them.",
            )
            .otherwise("the names of the written checklist")
            .example("{audit_events: {table: security.audit, columns: {timestamp: at}}}"),
        ],
    ],
    rules: &[
        CONNECTION_RULES[0],
        Rule::NotBoth(
            "applicationPasswordFile",
            "applicationPasswordEnv",
            "applicationPasswordFile and applicationPasswordEnv are mutually exclusive: keep one of them",
        ),
        Rule::Needs("applicationPasswordFile", "applicationUser", "a password needs a role: set applicationUser"),
        Rule::Needs("applicationPasswordEnv", "applicationUser", "a password needs a role: set applicationUser"),
    ],
};

const APPLICATION_PASSWORD: [Key; 2] = secret_keys!(
    "applicationPasswordFile",
    "applicationPasswordEnv",
    "the password of the role that reads the application's tables",
    "application-password"
);

static ZONE: Form = Form {
    right: "a time zone such as Europe/Berlin",
    pattern: "^[A-Za-z0-9_+/-]+$",
    fits: |name| jiff::tz::TimeZone::get(name).is_ok(),
};

impl List for Postgres {
    const LIST: &'static str = "postgres";
    const ABOUT: &'static str = "PostgreSQL databases, one entry for each database of a server.";
    const EXAMPLE: &'static str = "[{name: shop, host: postgres.example.com, database: shop, user: checklist, passwordFile: /etc/checklist/postgres-password}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let target = connection(table, name);
        let application = table.flag("application");
        if !application && table.node("tables").is_some() {
            table.mistake_at("tables", "tables have no effect while application is false: keep one of them");
        }
        let tables = tables::read(table);
        let password = secret(table, "applicationPasswordFile", "applicationPasswordEnv");
        let login = table.text("applicationUser").map(|user| Login { user, password });
        let target = target?;
        if login.as_ref().is_some_and(|login| login.user == target.user) {
            table.mistake_at("applicationUser", "it is the same role as user: remove it, or use another role");
        }
        Some(Self {
            tables: application.then_some(tables),
            application: login.filter(|_| application),
            trust_table_owners: table.flag("trustTableOwners"),
            time_zone: table.text("timeZone"),
            server: table.text("server"),
            left_out: exclusions::of_database(table),
            ..target
        })
    }
}
