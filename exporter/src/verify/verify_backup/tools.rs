//! PostgreSQL's own programs, run as an ordinary user: its server refuses to be root.

use anyhow::{Context, bail};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;

/// A table of contents of some ten thousand tables.
const MAX_OUTPUT: usize = 4 * 1024 * 1024;
/// Error lines that are kept.
const MAX_ERRORS: usize = 3;

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
        all.retain(|bin| ["initdb", "postgres", "pg_restore", "psql"].iter().all(|name| bin.join(name).exists()));
        all.sort_by_key(|bin| version(bin));
        let bin = all.pop().context("initdb, postgres, pg_restore and psql are needed: install PostgreSQL's server")?;
        let user = if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name("postgres")?
                .context("run this as an ordinary user: there is no user postgres")?;
            Some((user.uid.as_raw(), user.gid.as_raw()))
        } else {
            None
        };
        let tools = Self { bin, folder: folder.to_owned(), user };
        tools.own(folder)?;
        Ok(tools)
    }

    /// Gives a file to the user that the programs run as.
    pub(super) fn own(&self, path: &Path) -> anyhow::Result<()> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot give away {}", path.display()))
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

/// `/usr/lib/postgresql/15/bin` is newer than `.../9.6/bin`.
fn version(bin: &Path) -> Vec<u32> {
    let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// What a program wrote to its output, when it succeeds.
///
/// # Errors
/// With the program's first errors.
pub(super) async fn run(program: &str, command: &mut Command) -> anyhow::Result<String> {
    watch(program, command, None).await
}

/// The same for a program that goes on after errors: some are forgiven, any other one ends it.
pub(super) async fn run_forgiving(
    program: &str,
    command: &mut Command,
    forgiven: fn(&str) -> bool,
) -> anyhow::Result<String> {
    watch(program, command, Some(forgiven)).await
}

async fn watch(program: &str, command: &mut Command, forgiven: Option<fn(&str) -> bool>) -> anyhow::Result<String> {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("cannot run {program}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (output, (errors, ended)) = tokio::join!(head(stdout), async {
        let (errors, in_vain) = first_errors(stderr, forgiven).await;
        if in_vain {
            // One that has ended by itself need not be killed.
            let _ = child.start_kill();
        }
        (errors, in_vain)
    });
    let status = child.wait().await.with_context(|| format!("cannot wait for {program}"))?;
    if ended || !status.success() {
        bail!("{program}: {}", if errors.is_empty() { status.to_string() } else { errors.join("; ") });
    }
    Ok(output)
}

/// The beginning of the output; the rest is read and dropped, so that the program can go on.
async fn head(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut output = Vec::new();
    let mut piece = [0; 8 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        output.extend_from_slice(&piece[..read.min(MAX_OUTPUT - output.len())]);
    }
    String::from_utf8_lossy(&output).into_owned()
}

/// The first error lines, and whether an error was not forgiven, so that the program must be ended.
async fn first_errors(from: Option<impl AsyncRead + Unpin>, forgiven: Option<fn(&str) -> bool>) -> (Vec<String>, bool) {
    let mut first = Vec::new();
    let Some(from) = from else { return (first, false) };
    let mut lines = BufReader::new(from).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let error = ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| line.contains(word));
        match forgiven {
            Some(forgiven) if error && forgiven(&line) => {}
            Some(_) if error => {
                first.truncate(MAX_ERRORS - 1);
                first.push(line);
                return (first, true);
            }
            _ if first.len() < MAX_ERRORS && !line.is_empty() => first.push(line),
            _ => {}
        }
    }
    (first, false)
}
