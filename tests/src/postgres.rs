//! A PostgreSQL of our own with the schema of the checklist's application.

use crate::peers::Authority;
use crate::process::{Process, free_port};
use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use nix::unistd::User;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The password of the exporter's role.
pub const PASSWORD: &str = "rounds-at-seven";

/// A running server; its data goes with it.
pub struct Postgres {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The authority of its certificate.
    pub ca_file: PathBuf,
    process: Process,
    _folder: TempDir,
}

impl Postgres {
    /// `initdb`, start, schema, rows, and the exporter's role with its least rights.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with_connections(40).await
    }

    /// The same with so many connections.
    pub async fn with_connections(connections: u16) -> anyhow::Result<Self> {
        let bin = newest_bin()?;
        let folder = tempfile::Builder::new().prefix("checklist-postgres").tempdir()?;
        let data = folder.path().join("data");
        let user = ordinary_user()?;
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let command = |program: &str| as_user(user.as_ref(), &bin.join(program));
        let output =
            command("initdb").args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"]).arg(&data).output()?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        let hba = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), hba)?;
        let authority = Authority::new(folder.path())?;
        let (certificate, key) = authority.pem("localhost")?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            std::fs::write(&path, text)?;
            // The server refuses a key that others can read.
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            if let Some(user) = &user {
                chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
            }
        }
        let port = free_port()?;
        let settings = ["ssl=on", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        let connections = format!("max_connections={connections}");
        let mut start = command("postgres");
        start.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in settings.into_iter().chain([connections.as_str()]) {
            start.args(["-c", setting]);
        }
        let mut process = Process::start(&mut start, "postgres", folder.path(), Signal::SIGINT)?;
        process.wait_until(|| async move { connect(port, "postgres").await.is_ok() }).await?;
        let postgres = Self { port, ca_file: authority.ca_file, process, _folder: folder };
        connect(port, "postgres").await?.batch_execute("CREATE DATABASE orchestrator").await?;
        let role = format!("CREATE ROLE checklist LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 5");
        let client = postgres.client().await?;
        client.batch_execute(&role).await?;
        client.batch_execute(include_str!("schema.sql")).await?;
        // Exactly the rights that are generated for every check of a database.
        let all = "postgres:\n  - {name: all, host: h, database: orchestrator, user: checklist}\n";
        let config = checklist::Config::parse("checklist.yaml", all)?;
        for target in &config.postgres {
            client.batch_execute(&rules_gen::outputs::access::sql(&config, target, "checklist.yaml")).await?;
        }
        Ok(postgres)
    }

    /// A superuser's connection to the application's database.
    pub async fn client(&self) -> anyhow::Result<Client> {
        connect(self.port, "orchestrator").await
    }

    /// What the server wrote so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// `pg_dump -Fc` of the application's database.
    pub fn dump(&self) -> anyhow::Result<Vec<u8>> {
        self.dump_as("-Fc")
    }

    /// A dump of the application's database in a format: `-Fc`, `-Fp` or `-Ft`.
    pub fn dump_as(&self, format: &str) -> anyhow::Result<Vec<u8>> {
        self.dump_with(&[format])
    }

    /// `pg_dump` of the application's database with arguments.
    pub fn dump_with(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        self.tool("pg_dump", &[arguments, &["orchestrator"]].concat())
    }

    /// `pg_dumpall`.
    pub fn dump_all(&self) -> anyhow::Result<Vec<u8>> {
        self.tool("pg_dumpall", &[])
    }

    /// What one of PostgreSQL's programs writes, asked as the superuser.
    fn tool(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new(newest_bin()?.join(program))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"])
            .args(arguments)
            .output()?;
        anyhow::ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }

    /// Runs statements as the superuser.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        Ok(self.client().await?.batch_execute(sql).await?)
    }
}

async fn connect(port: u16, database: &str) -> anyhow::Result<Client> {
    let config = format!("host=127.0.0.1 port={port} user=postgres dbname={database} connect_timeout=5");
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn newest_bin() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed; make test installs it")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().context("there is no initdb under /usr/lib/postgresql")
}

/// PostgreSQL refuses to run as root.
fn ordinary_user() -> anyhow::Result<Option<User>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let named = |name| User::from_name(name).ok().flatten();
    named("postgres").or_else(|| named("nobody")).map(Some).context("there is no user postgres to run the server as")
}

fn as_user(user: Option<&User>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &user.uid.to_string(), "--regid", &user.gid.to_string(), "--clear-groups", "--"])
        .arg(program)
        .current_dir("/tmp");
    command
}
