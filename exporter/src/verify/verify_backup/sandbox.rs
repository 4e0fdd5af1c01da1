//! The sandbox of a proof: its folder, processes and database. Closing it removes all of them.

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
/// Name of the lock file. The lock is held while the proof runs; a free lock means that the proof was killed.
const LOCK: &str = "lock";
/// How long to wait for a server to stop. An immediate shutdown takes some tenths of a second.
const STOP: Duration = Duration::from_secs(10);

/// The temporary environment of one proof.
pub(super) struct Sandbox {
    pub(super) tools: Tools,
    /// The database to restore into.
    pub(super) database: Option<Database>,
    /// Set to end blocking work on other threads, which cannot be aborted.
    pub(super) stopped: Arc<AtomicBool>,
    folder: TempDir,
    server: Option<Child>,
    _lock: File,
}

impl Sandbox {
    /// Creates the folder for temporary files. First removes what killed proofs left behind.
    pub(super) async fn open() -> anyhow::Result<Self> {
        sweep().await;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().context("cannot create a temporary folder")?;
        let lock = File::create(folder.path().join(LOCK)).context("cannot write to the temporary folder")?;
        lock.try_lock().context("cannot lock the temporary folder")?;
        let tools = Tools::find(folder.path())?;
        let stopped = Arc::default();
        Ok(Self { tools, database: None, stopped, folder, server: None, _lock: lock })
    }

    /// Returns the path of a file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a temporary server and creates the database on it.
    pub(super) async fn start(&mut self, encoding: &str) -> anyhow::Result<()> {
        let database = database::start(&self.tools, self.folder.path(), &mut self.server).await?;
        self.database.insert(database).create(encoding).await
    }

    /// Creates the database on a configured server, unless [`database::borrow`] refuses it.
    pub(super) async fn borrow(
        &mut self,
        server: &Postgres,
        sources: &[Postgres],
        encoding: &str,
    ) -> anyhow::Result<()> {
        // Stored before it is created, so that it is dropped even if the creation fails half-way.
        let database = self.database.insert(database::borrow(server, sources).await?);
        database.create(encoding).await
    }

    /// Ends all processes, drops the database and removes the folder.
    ///
    /// # Errors
    /// Lists everything that could not be removed.
    pub(super) async fn close(mut self) -> Result<(), Vec<String>> {
        self.stopped.store(true, Ordering::Relaxed);
        let mut left = Vec::new();
        // A database on the temporary server is removed with the server.
        if let (Some(database), None) = (&mut self.database, &self.server) {
            match tokio::time::timeout(STOP, database.drop()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => left.push(format!("{error:#}")),
                Err(_) => left.push(format!(
                    "{} does not respond: the database {} and its role remain there; the next run removes them",
                    database.admin.place(),
                    database.name
                )),
            }
        }
        if let Some(server) = &mut self.server
            && let Some(id) = server.id()
        {
            signal(id, Signal::SIGQUIT);
            // `clear` kills a server that does not stop in time.
            let _ = tokio::time::timeout(STOP, server.wait()).await;
        }
        if let Err(error) = clear(self.folder.path()).await {
            left.push(format!("{error:#}"));
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    }
}

/// Ends the processes whose working folder is in a folder, and removes the folder.
async fn clear(folder: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let working = working_in(folder);
        for (id, process) in &working {
            // The postmaster gets SIGQUIT first, so that it ends its children and releases its shared memory.
            let server = process.as_deref() == Some("postgres");
            signal(*id, if server && begun.elapsed() < STOP / 2 { Signal::SIGQUIT } else { Signal::SIGKILL });
        }
        // Removal can fail because a process still writes a file; the loop tries again.
        let removed = if working.is_empty() { std::fs::remove_dir_all(folder) } else { Ok(()) };
        match removed {
            Ok(()) if !folder.exists() => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if begun.elapsed() > STOP => {
                return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
            }
            _ => {}
        }
        ensure!(begun.elapsed() <= 2 * STOP, "cannot remove {}: processes still use it", folder.display());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Returns the ids and names of the processes whose working folder is in a folder.
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
        // An error means that the process has ended already.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

/// Removes the folders of this user's proofs that were killed.
async fn sweep() {
    let own = nix::unistd::geteuid();
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Symbolic links are not followed, and the lock must belong to this user, so that nobody can make us remove
        // other files.
        let lock = folder.join(LOCK);
        let ours = std::fs::symlink_metadata(&lock).is_ok_and(|file| file.is_file() && file.uid() == own.as_raw());
        if !ours || !std::fs::symlink_metadata(&folder).is_ok_and(|folder| folder.is_dir()) {
            continue;
        }
        let free = File::open(&lock).map(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if free.unwrap_or(false) {
            tracing::warn!("removing {}, which a killed run has left", folder.display());
            if let Err(error) = clear(&folder).await {
                tracing::warn!("{error:#}");
            }
        }
    }
}
