//! The temporary database to restore into: on a temporary server that listens only on a Unix socket, or on a configured
//! server. Where possible a role that is created for it owns it and has no other rights.

use super::reach::{Reach, Tls, Way};
use super::session::{ServerError, Session};
use super::tools::{Tools, run};
use crate::sources::postgres::{Database as Source, SqlRequest};
use anyhow::{Context, bail, ensure};
use checklist::config::{Postgres, PostgresTls};
use clients::{secret, trust};
use secrecy::ExposeSecret;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::process::Child;

/// How long the temporary server may take to start.
const START: Duration = Duration::from_mins(1);
/// Identifies a PostgreSQL cluster together with its standbys, whatever their addresses are.
const IDENTITY: &str = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
/// Prefix of the names of temporary databases and roles.
const PREFIX: &str = "checklist_restore_";
/// Number of databases that are named when a configured server is refused.
const MAX_NAMED: usize = 5;

/// Lists the databases of a configured server that its role could change: all for a superuser, otherwise those that it
/// owns (also as a member of the owner) or may create objects in. The database that it connects to counts only if it
/// holds tables of others.
const TOUCHED: &str = include_str!("touched.sql");

/// A temporary database.
pub(super) struct Database {
    pub(super) name: String,
    /// Connection parameters of the role that owns the database and nothing else.
    pub(super) owner: Reach,
    /// Connection parameters of the role that creates the database.
    pub(super) admin: Reach,
    /// The database to connect to for CREATE DATABASE and DROP DATABASE.
    maintenance: String,
    /// Whether the owner is a role that was created for this database.
    own_role: bool,
    /// Whether the creating role is a superuser.
    pub(super) superuser: bool,
    /// The server's version, in the form of `server_version_num`.
    pub(super) version: u32,
    /// Holds an advisory lock which shows other processes that the database is in use.
    keeper: Option<Session>,
}

impl Database {
    /// Plans a database on the server that `admin` reaches, and locks its name. Nothing is created yet.
    async fn describe(admin: Reach, maintenance: &str) -> anyhow::Result<Self> {
        let mut session = Session::open(&admin, maintenance).await?;
        let version = one(&mut session, "SELECT current_setting('server_version_num')").await?.parse()?;
        let rights = one(
            &mut session,
            "SELECT concat_ws(' ', rolsuper, rolcreaterole) FROM pg_catalog.pg_roles WHERE rolname = current_user",
        )
        .await?;
        let (superuser, makes_roles) = (rights.starts_with('t'), rights.ends_with('t'));
        let name = format!("{PREFIX}{}", random(8)?);
        let own_role = superuser || makes_roles;
        let owner = if own_role {
            Reach { user: name.clone(), password: Some(random(24)?), ..admin.clone() }
        } else {
            admin.clone()
        };
        let lock = format!("SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext('{name}'))");
        one(&mut session, &lock).await?;
        Ok(Self {
            name,
            owner,
            admin,
            maintenance: maintenance.to_owned(),
            own_role,
            superuser,
            version,
            keeper: Some(session),
        })
    }

    /// Creates the owner, and the empty database in an encoding.
    pub(super) async fn create(&mut self, encoding: &str) -> anyhow::Result<()> {
        let (name, superuser, own_role, version) = (self.name.clone(), self.superuser, self.own_role, self.version);
        let password = self.owner.password.clone().unwrap_or_default();
        let session = self.keeper.as_mut().context("it was dropped")?;
        if own_role {
            // Row security would hide rows from the queries. Bypassing it is harmless, because the role sees only the
            // restored tables.
            let sees_all = if superuser { "BYPASSRLS" } else { "" };
            let role = format!(
                "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {sees_all} \
                 CONNECTION LIMIT 5 PASSWORD '{password}'"
            );
            one(session, &role).await.context("cannot create a role for the restore")?;
            if !superuser && version >= 160_000 {
                // From version 16 on, the creator of a role needs these options of the membership to create a database
                // that the role owns.
                one(session, &format!("GRANT {name} TO CURRENT_USER WITH SET TRUE, INHERIT TRUE")).await?;
            } else if !superuser {
                one(session, &format!("GRANT {name} TO CURRENT_USER")).await?;
            }
        }
        let owner = if own_role { format!("OWNER {name}") } else { String::new() };
        // Bytes without a known encoding can only be stored in a database without one.
        let coding = if encoding == "SQL_ASCII" {
            "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        } else {
            "ENCODING 'UTF8'"
        };
        one(session, &format!("CREATE DATABASE {name} {owner} TEMPLATE template0 {coding}"))
            .await
            .context("cannot create a database on the server")?;
        Ok(())
    }

    /// Drops the database, disconnecting everybody, and its owner.
    ///
    /// # Errors
    /// The message says what is left behind, and where.
    pub(super) async fn drop(&mut self) -> anyhow::Result<()> {
        let dropped = async {
            // The connection that created the database may have been lost.
            let lives = match &mut self.keeper {
                Some(session) => one(session, "SELECT 1").await.is_ok(),
                None => false,
            };
            let session = match &mut self.keeper {
                Some(session) if lives => session,
                kept => kept.insert(Session::open(&self.admin, &self.maintenance).await?),
            };
            remove(session, &self.name).await
        };
        dropped.await.with_context(|| {
            let role = if self.own_role { " and the role of the same name" } else { "" };
            let place = self.admin.place();
            format!("the database {}{role} may still exist on {place}; the next run removes it", self.name)
        })
    }

    /// Opens a new connection of the owner.
    pub(super) async fn connect(&self) -> anyhow::Result<Session> {
        Session::open(&self.owner, &self.name).await
    }
}

async fn remove(session: &mut Session, name: &str) -> anyhow::Result<()> {
    one(session, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    // A role without CREATEROLE has created no role, and may not even run DROP ROLE IF EXISTS.
    let made = one(session, &format!("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = '{name}'")).await?;
    if made != "0" {
        one(session, &format!("DROP ROLE {name}")).await?;
    }
    Ok(())
}

/// Runs a statement of ours; the first column of its first row.
pub(super) async fn one(session: &mut Session, statement: &str) -> anyhow::Result<String> {
    let rows = session.run(statement.as_bytes()).await?.map_err(anyhow::Error::from)?;
    Ok(rows.into_iter().next().flatten().unwrap_or_default())
}

/// So many random bytes in letters.
fn random(count: usize) -> anyhow::Result<String> {
    let mut bytes = vec![0; count];
    trust::provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("cannot read random bytes from the system"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A throw-away server; it ends with its handle.
pub(super) async fn start(tools: &Tools, folder: &Path, kept: &mut Option<Child>) -> anyhow::Result<Database> {
    let (data, secret) = (folder.join("data"), folder.join("secret"));
    let password = random(24)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&secret)?;
    file.write_all(password.as_bytes())?;
    tools.own(&secret)?;
    let mut pwfile = std::ffi::OsString::from("--pwfile=");
    pwfile.push(&secret);
    let options = ["--auth=scram-sha-256", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"];
    run("initdb", tools.command("initdb").args(options).arg(pwfile).arg("--pgdata").arg(&data)).await?;
    std::fs::remove_file(&secret)?;
    let log = File::create(folder.join("log"))?;
    let mut postgres = tools.command("postgres");
    postgres.arg("-D").arg(&data);
    for setting in [
        "listen_addresses=",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        // Shared memory in files of the folder, so that removing the folder removes it.
        "dynamic_shared_memory_type=mmap",
    ] {
        postgres.args(["-c", setting]);
    }
    postgres.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    let started = postgres.stdout(log.try_clone()?).stderr(log).spawn();
    let process = kept.insert(started.context("cannot start the temporary PostgreSQL server")?);
    let way = Way::Socket(folder.join(".s.PGSQL.5432"));
    let admin = Reach { way, tls: Tls::None, user: "postgres".to_owned(), password: Some(password) };
    let begun = Instant::now();
    loop {
        match Database::describe(admin.clone(), "postgres").await {
            Ok(database) => return Ok(database),
            Err(error) if begun.elapsed() > START => {
                return Err(error.context("the temporary PostgreSQL server does not start"));
            }
            Err(_) => {}
        }
        if let Some(status) = process.try_wait()? {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(3).collect();
            bail!("the temporary PostgreSQL server exited ({status}): {}", last.join("; "));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Plans a database on a configured server. Refuses a server that is one of the sources, or on which the role could
/// change other databases. First removes what earlier, killed proofs left there.
pub(super) async fn borrow(server: &Postgres, sources: &[Postgres]) -> anyhow::Result<Database> {
    let admin = reach(server).await?;
    let place = admin.place();
    let mut session =
        Session::open(&admin, &server.database).await.with_context(|| format!("{place} does not respond"))?;
    let identity = one(&mut session, IDENTITY).await?;
    for source in sources {
        // Every source is asked for its identifier, because one server can have many names.
        let rows =
            Source::new(source.clone()).query(SqlRequest::of_catalogs(IDENTITY)).await.map_err(anyhow::Error::from);
        let rows = rows
            .with_context(|| format!("not restored: cannot verify that {place} is not the source {}", source.name))?;
        let known: String = rows.first().context("no system identifier")?.try_get(0)?;
        if known == identity {
            bail!("not restored: {place} is the source {} itself or a copy of it", source.name);
        }
    }
    let touched = session.run(TOUCHED.as_bytes()).await?.map_err(anyhow::Error::from)?;
    let touched: Vec<String> = touched.into_iter().flatten().collect();
    ensure!(
        touched.is_empty(),
        "not restored: on {place} the role {} could also change {}{}. Use a separate server, or a role that is not a \
         superuser and owns nothing else: CREATE ROLE … LOGIN CREATEDB",
        server.user,
        touched.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", "),
        if touched.len() > MAX_NAMED { format!(" and {} more", touched.len() - MAX_NAMED) } else { String::new() },
    );
    sweep(&mut session, &place).await?;
    Database::describe(admin, &server.database).await
}

/// Removes databases and roles of proofs that were killed or lost their connection: those whose lock is free.
async fn sweep(session: &mut Session, place: &str) -> anyhow::Result<()> {
    let ours = format!(
        "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '^{PREFIX}[0-9a-f_]+$' \
         UNION SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ '^{PREFIX}[0-9a-f_]+$'"
    );
    let names = session.run(ours.as_bytes()).await?.map_err(anyhow::Error::from)?;
    for name in names.into_iter().flatten() {
        let lock = format!("SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('{name}'))::text");
        if one(session, &lock).await? != "true" {
            continue;
        }
        tracing::warn!("removing {name} on {place}, which a killed run has left");
        if let Err(error) = remove(session, &name).await {
            tracing::warn!("cannot remove {name} on {place}: {error:#}");
        }
        one(session, &format!("SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtext('{name}'))")).await?;
    }
    Ok(())
}

async fn reach(server: &Postgres) -> anyhow::Result<Reach> {
    let password = match &server.password {
        Some(password) => Some(secret::read(password).await?.expose_secret().to_owned()),
        None => None,
    };
    let tls = match server.tls {
        PostgresTls::Disable => Tls::None,
        PostgresTls::Require => Tls::Any,
        PostgresTls::VerifyFull => Tls::Verified(server.ca_file.clone()),
    };
    Ok(Reach { way: Way::Tcp(server.host.clone(), server.port), tls, user: server.user.clone(), password })
}

/// Whether an error is the fault of the server, its machine or the connection, and not of the dump.
pub(super) fn is_of_the_server(error: &ServerError) -> bool {
    // SQLSTATE classes: connection exception (08), insufficient resources (53), operator intervention (57), I/O error
    // (58030), internal error such as corrupted files (XX).
    ["08", "53", "57", "58030", "XX"].iter().any(|class| error.code.starts_with(class))
}
