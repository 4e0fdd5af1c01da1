//! PostgreSQL's own programs, run as an ordinary user: its server refuses to be root.

use anyhow::{Context, bail};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// A table of contents of some ten thousand tables, or a screen of complaints.
const MOST_SAID: usize = 4 * 1024 * 1024;
/// Lines of an error output that are reported.
const COMPLAINTS: usize = 3;

/// Where the programs are, and as whom they run where.
pub(super) struct Tools {
    bin: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Tools {
    /// The newest ones of this machine, to be run in a folder.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let debian =
            std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut all: Vec<PathBuf> = debian.chain(std::env::split_paths(&path)).collect();
        all.retain(|bin| ["initdb", "postgres", "pg_restore"].iter().all(|name| bin.join(name).exists()));
        all.sort_by_key(|bin| version(bin));
        let bin = all.pop().context("initdb, postgres and pg_restore are needed: install PostgreSQL's server")?;
        let tools = Self { bin, folder: folder.to_owned(), user: ordinary()? };
        tools.own(folder)?;
        Ok(tools)
    }

    /// Gives a file to the user that the programs run as.
    pub(super) fn own(&self, path: &Path) -> anyhow::Result<()> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot give away {}", path.display()))
    }

    /// Gives away a file, or a folder with its files.
    pub(super) fn own_all(&self, path: &Path) -> anyhow::Result<()> {
        self.own(path)?;
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                self.own(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// A program with nothing of our environment: neither our secrets nor the caller's database are meant here.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.env_clear().env("PATH", &self.bin).env("TZ", "UTC").env("PGTZ", "UTC").env("LC_ALL", "C");
        command.current_dir(&self.folder).kill_on_drop(true).stdin(Stdio::null());
        command
    }
}

/// Whom root becomes. Never PostgreSQL's own user: a dump may run what it likes as whoever restores it, and the
/// databases of this machine belong to that one.
fn ordinary() -> anyhow::Result<Option<(u32, u32)>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let nobody = nix::unistd::User::from_name("nobody")?;
    let nobody = nobody.context("run this as an ordinary user: there is no user nobody to become")?;
    Ok(Some((nobody.uid.as_raw(), nobody.gid.as_raw())))
}

/// What a server says of its version: `postgres (PostgreSQL) 15.13 (Debian …)` is 15.13.
fn version(bin: &Path) -> Vec<u32> {
    let mut command = std::process::Command::new(bin.join("postgres"));
    command.arg("--version").env_clear().stdin(Stdio::null());
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    let output = String::from_utf8_lossy(&output).into_owned();
    let number = output.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or_default().split('.').filter_map(|part| part.parse().ok()).collect()
}

/// What a program wrote to its output, when it succeeds.
///
/// # Errors
/// With the program's first complaints.
pub(super) async fn run(program: &str, command: &mut Command) -> anyhow::Result<String> {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("cannot run {program}"))?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let (output, complaints) = tokio::join!(head(out), head(errors));
    let status = child.wait().await.with_context(|| format!("cannot wait for {program}"))?;
    if !status.success() {
        let lines: Vec<&str> = complaints.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let first = lines.iter().take(COMPLAINTS).copied().collect::<Vec<_>>().join("; ");
        bail!("{program}: {}", if first.is_empty() { status.to_string() } else { first });
    }
    Ok(output)
}

/// The begin of an output; the rest is read and dropped, so that the program does not block on a full pipe.
pub(super) async fn head(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut output = Vec::new();
    let mut piece = [0; 8 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        output.extend_from_slice(&piece[..read.min(MOST_SAID - output.len())]);
    }
    String::from_utf8_lossy(&output).into_owned()
}
