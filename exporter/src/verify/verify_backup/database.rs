//! The database to restore into: of a server that listens only on a socket in a folder of ours, or of a given one.

use super::dump::Kind;
use super::error::NotProved;
use super::tools::{Tools, run, run_forgiving};
use crate::sources::postgres::Database as Source;
use anyhow::{Context, bail};
use checklist::config::{Postgres, PostgresTls};
use clients::secret;
use secrecy::ExposeSecret;
use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long the throw-away server may take to start.
const START: Duration = Duration::from_mins(1);
/// Identifies a cluster of databases and its standbys, whatever their addresses are.
const IDENTITY: &str = "SELECT system_identifier::text FROM pg_control_system()";
/// Parts of error messages for which the machine and not the dump is at fault.
const ENVIRONMENT_ERRORS: [&str; 12] = [
    "No space left on device",
    "could not extend file",
    "Disk quota exceeded",
    "out of memory",
    "could not connect to server",
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "the database system is",
    // Of a newer pg_dump than this PostgreSQL.
    "unrecognized configuration parameter",
    "is not available",
    "could not open extension control file",
];

/// Whose fault an error of PostgreSQL's programs is: the backup's, unless the message names the machine. The programs give
/// no code, so that the message in the locale C is all there is.
pub(super) fn fault_of(error: anyhow::Error) -> NotProved {
    let message = format!("{error:#}");
    if ENVIRONMENT_ERRORS.iter().any(|words| message.contains(words)) {
        NotProved::CannotTell(error)
    } else {
        NotProved::BadBackup(error)
    }
}

/// A database that is restored into, and then dropped.
pub(super) struct Database {
    name: String,
    /// libpq's own variables.
    connection: Vec<(&'static str, OsString)>,
}

impl Database {
    /// Makes it, empty; `maintenance` is the database to say so in.
    pub(super) async fn create(&self, tools: &Tools, maintenance: &str) -> anyhow::Result<()> {
        self.execute(tools, maintenance, &format!("CREATE DATABASE {} TEMPLATE template0", self.name)).await.map(|_| ())
    }

    /// Drops it, with whoever is still connected to it.
    pub(super) async fn drop(&self, tools: &Tools, maintenance: &str) -> anyhow::Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = self.execute(tools, maintenance, &drop).await;
        dropped.map(|_| ()).with_context(|| format!("the database {} could not be dropped", self.name))
    }

    /// Restores a dump.
    pub(super) async fn restore(&self, tools: &Tools, kind: Kind, dump: &Path) -> Result<(), NotProved> {
        let restored = match kind {
            Kind::Archive => {
                let mut command = self.command(tools, "pg_restore");
                command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--dbname", &self.name]).arg(dump);
                run("pg_restore", &mut command).await
            }
            Kind::Text => {
                let mut command = self.command(tools, "psql");
                command.args(["--no-psqlrc", "--quiet", "--dbname", &self.name, "--file"]).arg(dump);
                // Owners and grants of the source are not here, and a text names them.
                run_forgiving("psql", &mut command, names_a_role).await
            }
        };
        restored.map(|_| ()).map_err(|error| fault_of(error.context("the dump cannot be restored")))
    }

    /// The answer of one statement, as text.
    pub(super) async fn ask(&self, tools: &Tools, statement: &str) -> anyhow::Result<String> {
        self.execute(tools, &self.name, statement).await
    }

    async fn execute(&self, tools: &Tools, database: &str, statement: &str) -> anyhow::Result<String> {
        execute(tools, &self.connection, database, statement).await
    }

    fn command(&self, tools: &Tools, program: &str) -> Command {
        let mut command = tools.command(program);
        command.envs(self.connection.iter().map(|(name, value)| (name, value)));
        command
    }
}

async fn execute(
    tools: &Tools,
    connection: &[(&'static str, OsString)],
    database: &str,
    statement: &str,
) -> anyhow::Result<String> {
    let options = ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
    let mut command = tools.command("psql");
    command.envs(connection.iter().map(|(name, value)| (name, value)));
    command.args(options).args(["--dbname", database, "--command", statement]);
    Ok(run("psql", &mut command).await?.trim().to_owned())
}

fn names_a_role(error: &str) -> bool {
    error.contains("role \"") && error.contains("\" does not exist")
}

/// A throw-away server; it ends with its handle.
pub(super) async fn start(tools: &Tools, folder: &Path, kept: &mut Option<Child>) -> anyhow::Result<Database> {
    let data = folder.join("data");
    let options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--pgdata"];
    run("initdb", tools.command("initdb").args(options).arg(&data)).await?;
    let log = File::create(folder.join("log"))?;
    let mut postgres = tools.command("postgres");
    postgres.arg("-D").arg(&data);
    for setting in [
        "listen_addresses=",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        // In the folder, so that nothing of it outlives the folder.
        "dynamic_shared_memory_type=mmap",
    ] {
        postgres.args(["-c", setting]);
    }
    postgres.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    let started = postgres.stdout(log.try_clone()?).stderr(log).spawn();
    let process = kept.insert(started.context("cannot start the throw-away server")?);
    let connection = vec![("PGHOST", folder.into()), ("PGUSER", "postgres".into())];
    let database = Database { name: "restored".to_owned(), connection };
    let begun = Instant::now();
    loop {
        match database.create(tools, "postgres").await {
            Ok(()) => return Ok(database),
            Err(error) if begun.elapsed() > START || process.try_wait()?.is_some() => {
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                let last = log.lines().next_back().unwrap_or_default().to_owned();
                return Err(error.context(format!("the throw-away server does not start: {last}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The database that will be ours on a given server, which must be none of the sources. It is not made yet.
pub(super) async fn borrow(tools: &Tools, server: &Postgres, sources: &[Postgres]) -> anyhow::Result<Database> {
    let connection = connection(server)?;
    let place = format!("the server {}:{}", server.host, server.port);
    let identity = execute(tools, &connection, &server.database, IDENTITY)
        .await
        .with_context(|| format!("{place} does not answer"))?;
    for source in sources {
        // Asked of each, because one server has many names.
        let rows = Source::new(source.clone()).query(IDENTITY, &[]).await.map_err(anyhow::Error::from);
        let rows = rows.with_context(|| {
            format!("nothing is restored into {place} before it is known not to be the source {}", source.name)
        })?;
        let known: String = rows.first().context("no system identifier")?.try_get(0)?;
        if known == identity {
            bail!("{place} is the source {} itself, or a copy of it: nothing is restored into it", source.name);
        }
    }
    // A name that nobody else has: it is dropped afterwards.
    let name = format!("checklist_restore_{}_{}", jiff::Timestamp::now().as_millisecond(), std::process::id());
    Ok(Database { name, connection })
}

fn connection(server: &Postgres) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let mode = match server.tls {
        PostgresTls::Disable => "disable",
        PostgresTls::Require => "require",
        PostgresTls::VerifyFull => "verify-full",
    };
    let mut connection: Vec<(&'static str, OsString)> = vec![
        ("PGHOST", server.host.clone().into()),
        ("PGPORT", server.port.to_string().into()),
        ("PGUSER", server.user.clone().into()),
        ("PGSSLMODE", mode.into()),
        ("PGCONNECT_TIMEOUT", "10".into()),
    ];
    if server.tls == PostgresTls::VerifyFull {
        let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
        connection.push(("PGSSLROOTCERT", server.ca_file.as_deref().unwrap_or(system).into()));
    }
    if let Some(password) = &server.password {
        let password = secret::read(password).map_err(anyhow::Error::from)?;
        connection.push(("PGPASSWORD", password.expose_secret().into()));
    }
    Ok(connection)
}
