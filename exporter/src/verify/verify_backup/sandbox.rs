//! The folder, the processes and the database of one proof, and that nothing of them is left behind.

use super::database::{self, Database};
use super::tools::Tools;
use anyhow::{Context, ensure};
use checklist::config::Postgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Child;

const PREFIX: &str = "checklist-restore";
/// Held as long as the proof goes on: who finds it free has found what a killed one left behind.
const LOCK: &str = "lock";
/// A server that is told to stop at once needs some tenths of a second.
const STOP: Duration = Duration::from_secs(10);

/// Where a proof is made.
pub(super) struct Sandbox {
    /// PostgreSQL's programs.
    pub(super) tools: Tools,
    /// What is restored into.
    pub(super) database: Option<Database>,
    /// Ends what cannot be ended from outside.
    pub(super) stopped: Arc<AtomicBool>,
    folder: TempDir,
    server: Option<Child>,
    _lock: File,
}

impl Sandbox {
    /// A folder for temporary files. What a killed proof left in the same place is removed first.
    pub(super) async fn open() -> anyhow::Result<Self> {
        sweep().await;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().context("no temporary folder")?;
        let lock = File::create(folder.path().join(LOCK)).context("cannot write into the temporary folder")?;
        lock.try_lock().context("cannot lock the temporary folder")?;
        let tools = Tools::find(folder.path())?;
        let stopped = Arc::default();
        Ok(Self { tools, database: None, stopped, folder, server: None, _lock: lock })
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Restores go to a throw-away server.
    pub(super) async fn start(&mut self, encoding: &str) -> anyhow::Result<()> {
        let database = database::start(&self.tools, self.folder.path(), &mut self.server).await?;
        self.database.insert(database).create(encoding).await
    }

    /// Restores go to a given server, unless it is one of the sources or holds more than this.
    pub(super) async fn borrow(
        &mut self,
        server: &Postgres,
        sources: &[Postgres],
        encoding: &str,
    ) -> anyhow::Result<()> {
        // Known before it is made, so that it is dropped however this ends.
        let database = self.database.insert(database::borrow(server, sources).await?);
        database.create(encoding).await
    }

    /// Ends every process, drops the database and removes the folder.
    ///
    /// # Errors
    /// With everything that could not be removed.
    pub(super) async fn close(mut self) -> Result<(), Vec<String>> {
        self.stopped.store(true, Ordering::Relaxed);
        let mut left = Vec::new();
        // A database of our own server goes with the server.
        if let (Some(database), None) = (&mut self.database, &self.server) {
            match tokio::time::timeout(STOP, database.drop()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => left.push(format!("{error:#}")),
                Err(_) => left.push(format!(
                    "{} does not answer: the database {} and its role are left there, and the next proof removes them",
                    database.admin.place(),
                    database.name
                )),
            }
        }
        if let Some(server) = &mut self.server
            && let Some(id) = server.id()
        {
            signal(id, Signal::SIGQUIT);
            // One that does not end is killed below.
            let _ = tokio::time::timeout(STOP, server.wait()).await;
        }
        if let Err(error) = clear(self.folder.path()).await {
            left.push(format!("{error:#}"));
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    }
}

/// Ends what works in a folder, and removes the folder.
async fn clear(folder: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let working = working_in(folder);
        for (id, process) in &working {
            // The server first, so that it ends the others and gives its memory back.
            let server = process.as_deref() == Some("postgres");
            signal(*id, if server && begun.elapsed() < STOP / 2 { Signal::SIGQUIT } else { Signal::SIGKILL });
        }
        // Something may still be written while it is being removed.
        let removed = if working.is_empty() { std::fs::remove_dir_all(folder) } else { Ok(()) };
        match removed {
            Ok(()) if !folder.exists() => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if begun.elapsed() > STOP => {
                return Err(error).with_context(|| format!("{} could not be removed", folder.display()));
            }
            _ => {}
        }
        ensure!(begun.elapsed() <= 2 * STOP, "{} could not be removed: processes work in it", folder.display());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The processes, with their names, whose working folder lies in a folder.
fn working_in(folder: &Path) -> Vec<(u32, Option<String>)> {
    let own = std::process::id();
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|id| *id != own);
    let inside =
        ids.filter(|id| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    let name = |id: u32| Some(std::fs::read_to_string(format!("/proc/{id}/comm")).ok()?.trim().to_owned());
    inside.map(|id| (id, name(id))).collect()
}

fn signal(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id) {
        // One that has ended needs no signal.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

/// Removes what proofs of ours left behind that were killed.
async fn sweep() {
    let own = nix::unistd::geteuid();
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Without links, and the lock is written by who makes the folder.
        let lock = folder.join(LOCK);
        let ours = std::fs::symlink_metadata(&lock).is_ok_and(|file| file.is_file() && file.uid() == own.as_raw());
        if !ours || !std::fs::symlink_metadata(&folder).is_ok_and(|folder| folder.is_dir()) {
            continue;
        }
        let free = File::open(&lock).map(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if free.unwrap_or(false) {
            tracing::warn!("a proof was killed: {} is removed", folder.display());
            if let Err(error) = clear(&folder).await {
                tracing::warn!("{error:#}");
            }
        }
    }
}
