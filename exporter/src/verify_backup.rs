//! `verify-backup`: the newest object is downloaded, unpacked, read, restored into a throw-away server, and asked.

use crate::records::{Act, Record, append};
use crate::sources::s3::Bucket;
use anyhow::{Context, bail, ensure};
use checklist::config::{Backup, BackupFormat, RecordPlace, Sanity};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long the throw-away server may take to start.
const START: Duration = Duration::from_mins(1);
/// The database of the throw-away server.
const DATABASE: &str = "restored";

/// What a restore showed.
#[derive(Debug, Default)]
pub struct Proof {
    /// Seconds by stage, as far as it came.
    pub seconds: BTreeMap<String, f64>,
    /// What the checks answered.
    pub answers: BTreeMap<String, f64>,
}

/// Proves a backup and records the result, good or bad. Everything temporary is gone when this ends, however it ends.
pub async fn verify(backup: &Backup, place: &RecordPlace, most: u64, by: String) -> anyhow::Result<Proof> {
    let checks =
        backup.restore.as_deref().with_context(|| format!("backup {} has no section restore:", backup.name))?;
    let mut proof = Proof::default();
    let result = prove(backup, checks, most, &mut proof).await;
    let act = Act::Restored {
        backup: backup.name.clone(),
        passed: result.is_ok(),
        why: result.as_ref().err().map(|error| format!("{error:#}")),
        seconds: proof.seconds.clone(),
        answers: proof.answers.clone(),
    };
    append(place, &Record { at: Timestamp::now(), by, act }).await?;
    result.map(|()| proof)
}

async fn prove(backup: &Backup, checks: &[Sanity], most: u64, proof: &mut Proof) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("checklist-restore").tempdir().context("no temporary folder")?;
    let tools = Tools::find(&folder)?;
    let object = folder.path().join("object");
    let dump = folder.path().join("dump");
    let mut stage = Stage { begun: Instant::now(), seconds: &mut proof.seconds };

    let bucket = Bucket::new(backup.place.clone());
    let newest = bucket.listing().await?.newest.context("there is no backup")?;
    bucket.download(&newest, &object, most).await?;
    stage.ends("download");
    let (format, from, to) = (backup.format, object.clone(), dump.clone());
    tokio::task::spawn_blocking(move || unpack(format, &from, &to, most)).await??;
    tools.own(&dump)?;
    stage.ends("decompress");
    let custom = is_custom(&dump)?;
    if custom {
        let contents =
            tools.run("pg_restore", &[Path::new("--list"), &dump]).await.context("the dump cannot be read")?;
        let tables =
            String::from_utf8_lossy(&contents.stdout).lines().filter(|line| line.contains(" TABLE DATA ")).count();
        ensure!(tables > 0, "the dump holds no table");
    }
    stage.ends("contents");
    let server = Server::start(&tools).await?;
    stage.ends("start");
    if custom {
        let options = ["--no-owner", "--no-privileges", "--exit-on-error", "--dbname", DATABASE].map(Path::new);
        server
            .run("pg_restore", &[&options[..], &[dump.as_path()]].concat())
            .await
            .context("the dump cannot be restored")?;
    } else {
        let options =
            ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", DATABASE, "--file"].map(Path::new);
        server.run("psql", &[&options[..], &[dump.as_path()]].concat()).await.context("the dump cannot be restored")?;
    }
    stage.ends("restore");
    for check in checks {
        let options =
            ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname", DATABASE, "--command"];
        let arguments: Vec<&Path> = options.into_iter().chain([check.query.as_str()]).map(Path::new).collect();
        let output = server.run("psql", &arguments).await.with_context(|| format!("check {}", check.name))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let answer: f64 =
            text.parse().with_context(|| format!("check {} answered {text:?} and not a number", check.name))?;
        proof.answers.insert(check.name.clone(), answer);
    }
    stage.ends("checks");
    for check in checks {
        let answer = proof.answers.get(&check.name).copied().unwrap_or(f64::NAN);
        ensure!(answer >= check.least, "check {} answered {answer}, less than {}", check.name, check.least);
    }
    Ok(())
}

struct Stage<'a> {
    begun: Instant,
    seconds: &'a mut BTreeMap<String, f64>,
}

impl Stage<'_> {
    fn ends(&mut self, name: &str) {
        let took = (self.begun.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        self.seconds.insert(name.to_owned(), took);
        tracing::info!(seconds = took, "{name}");
        self.begun = Instant::now();
    }
}

/// Takes the outer layer off, never writing more than `most` bytes.
fn unpack(format: BackupFormat, from: &Path, to: &Path, most: u64) -> anyhow::Result<()> {
    let packed = File::open(from)?;
    let mut reader: Box<dyn Read> = match format {
        BackupFormat::Any | BackupFormat::PgDump => Box::new(packed),
        BackupFormat::Gzip | BackupFormat::PgDumpGzip => Box::new(MultiGzDecoder::new(packed)),
        BackupFormat::Zstd => Box::new(zstd::stream::read::Decoder::new(packed)?),
    };
    let mut writer = File::create(to)?;
    let mut piece = vec![0; 256 * 1024];
    let mut total = 0_u64;
    loop {
        let read = reader.read(&mut piece).context("the backup is broken: it cannot be decompressed")?;
        if read == 0 {
            break;
        }
        total += read as u64;
        ensure!(total <= most, "unpacked it is larger than {most} bytes");
        writer.write_all(&piece[..read]).context("cannot write the unpacked backup")?;
    }
    ensure!(total > 0, "the backup is empty");
    // The packed one is needed no more.
    std::fs::remove_file(from).context("cannot remove the download")
}

fn is_custom(dump: &Path) -> anyhow::Result<bool> {
    let mut magic = [0; 5];
    Ok(File::open(dump)?.read_exact(&mut magic).is_ok() && magic == *b"PGDMP")
}

/// PostgreSQL's own programs, run as an ordinary user: its server refuses to be root.
struct Tools {
    bin: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Tools {
    fn find(folder: &TempDir) -> anyhow::Result<Self> {
        let debian =
            std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut all: Vec<PathBuf> = debian.chain(std::env::split_paths(&path)).collect();
        all.retain(|bin| ["initdb", "postgres", "pg_restore", "psql"].iter().all(|name| bin.join(name).exists()));
        all.sort();
        let bin = all.pop().context("initdb, postgres, pg_restore and psql are needed: install PostgreSQL's server")?;
        let user = if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name("postgres")?
                .context("run this as an ordinary user: there is no user postgres")?;
            Some((user.uid.as_raw(), user.gid.as_raw()))
        } else {
            None
        };
        let tools = Self { bin, folder: folder.path().to_owned(), user };
        tools.own(folder.path())?;
        Ok(tools)
    }

    /// Gives a file to the user that the programs run as.
    fn own(&self, path: &Path) -> anyhow::Result<()> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
            .with_context(|| format!("cannot give away {}", path.display()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&self.folder).kill_on_drop(true).stdin(std::process::Stdio::null());
        // Nothing of the caller's database is meant here.
        for name in ["PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(name);
        }
        command
    }

    async fn run(&self, program: &str, arguments: &[&Path]) -> anyhow::Result<Output> {
        finished(program, self.command(program).args(arguments)).await
    }
}

async fn finished(program: &str, command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output().await.with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first: Vec<&str> = said.lines().take(3).collect();
        bail!("{program}: {}", first.join("; "));
    }
    Ok(output)
}

/// A throw-away server that listens on no network, only on a socket in its own folder.
struct Server<'a> {
    tools: &'a Tools,
    _process: Child,
}

impl<'a> Server<'a> {
    async fn start(tools: &'a Tools) -> anyhow::Result<Self> {
        let data = tools.folder.join("data");
        let options =
            ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--pgdata"].map(Path::new);
        tools.run("initdb", &[&options[..], &[data.as_path()]].concat()).await?;
        let log = File::create(tools.folder.join("log"))?;
        let process = tools
            .command("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "wal_level=minimal",
                "-c",
                "max_wal_senders=0",
            ])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", tools.folder.display()))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the throw-away server")?;
        let server = Self { tools, _process: process };
        let begun = Instant::now();
        let create = format!("CREATE DATABASE {DATABASE}");
        loop {
            let tried =
                server.run("psql", &["--no-psqlrc", "--dbname", "postgres", "--command", &create].map(Path::new)).await;
            match tried {
                Ok(_) => return Ok(server),
                Err(error) if begun.elapsed() > START => {
                    return Err(error.context("the throw-away server does not start"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn run(&self, program: &str, arguments: &[&Path]) -> anyhow::Result<Output> {
        let mut command = self.tools.command(program);
        command.env("PGHOST", &self.tools.folder).env("PGUSER", "postgres").args(arguments);
        finished(program, &mut command).await
    }
}
