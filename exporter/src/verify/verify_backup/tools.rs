//! Finds and runs PostgreSQL's programs, as an ordinary user: the server refuses to run as root.

use anyhow::{Context, bail};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Maximum number of output bytes that are kept. A table of contents of some ten thousand tables fits.
const MAX_OUTPUT: usize = 4 * 1024 * 1024;
/// Number of lines of error output that are reported.
const COMPLAINTS: usize = 3;

/// The folder of the programs, their working folder, and the user and group to run them as.
pub(super) struct Tools {
    bin: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Tools {
    /// Finds the newest version installed on this machine. `folder` becomes the working folder.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let debian =
            std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut all: Vec<PathBuf> = debian.chain(std::env::split_paths(&path)).collect();
        all.retain(|bin| ["initdb", "postgres", "pg_restore"].iter().all(|name| bin.join(name).exists()));
        all.sort_by_key(|bin| version(bin));
        let bin =
            all.pop().context("initdb, postgres and pg_restore are required: install the PostgreSQL server package")?;
        let tools = Self { bin, folder: folder.to_owned(), user: ordinary()? };
        tools.own(folder)?;
        Ok(tools)
    }

    /// Changes the owner of a file to the user that the programs run as.
    pub(super) fn own(&self, path: &Path) -> anyhow::Result<()> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot change the owner of {}", path.display()))
    }

    /// Changes the owner of a file, or of a folder and its files.
    pub(super) fn own_all(&self, path: &Path) -> anyhow::Result<()> {
        self.own(path)?;
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                self.own(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// Returns a command without the environment of this process, so that it gets neither secrets nor variables such as
    /// PGHOST.
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

/// Returns the user and group that root changes to; `None` for other users. It is not PostgreSQL's own user, because a
/// dump can run any code as the restoring user, and the databases of this machine belong to that one.
fn ordinary() -> anyhow::Result<Option<(u32, u32)>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let nobody = nix::unistd::User::from_name("nobody")?;
    let nobody = nobody
        .context("run this as an unprivileged user: the user nobody, to which root would switch, does not exist")?;
    Ok(Some((nobody.uid.as_raw(), nobody.gid.as_raw())))
}

/// Returns the version of a server program: 15.13 for `postgres (PostgreSQL) 15.13 (Debian …)`.
fn version(bin: &Path) -> Vec<u32> {
    let mut command = std::process::Command::new(bin.join("postgres"));
    command.arg("--version").env_clear().stdin(Stdio::null());
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    let output = String::from_utf8_lossy(&output).into_owned();
    let number = output.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or_default().split('.').filter_map(|part| part.parse().ok()).collect()
}

/// Runs a program and returns its standard output.
///
/// # Errors
/// If the program fails, the message contains the first lines of its error output.
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

/// Returns the start of an output. The rest is read and dropped, so that the program does not block on a full pipe.
pub(super) async fn head(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut output = Vec::new();
    let mut piece = [0; 8 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        output.extend_from_slice(&piece[..read.min(MAX_OUTPUT - output.len())]);
    }
    String::from_utf8_lossy(&output).into_owned()
}
