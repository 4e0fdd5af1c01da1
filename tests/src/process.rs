//! Child processes of the harness, which end with their handles.

use crate::waiting::PATIENCE;
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running program. Dropping it stops the program.
pub struct Process {
    child: Child,
    log: PathBuf,
    stop_with: Signal,
}

impl Process {
    /// Starts a program. Its output is appended to `NAME.log` in the folder. `stop_with` is the signal that stops it.
    pub fn start(command: &mut Command, name: &str, folder: &Path, stop_with: Signal) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options()
            .append(true)
            .create(true)
            .open(&log)
            .with_context(|| format!("cannot create {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}: is its package installed? make test installs it"))?;
        Ok(Self { child, log, stop_with })
    }

    /// Waits until `ready` holds, for at most [`PATIENCE`]. The error contains the end of the log.
    pub async fn wait_until<F: Future<Output = bool>>(&mut self, ready: impl Fn() -> F) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            if ready().await {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(20).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                bail!("{} is not ready ({ended:?}):\n{}", self.log.display(), tail.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the program ends by itself. Returns its exit code.
    pub fn wait(&mut self) -> anyhow::Result<Option<i32>> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status.code()),
                None if begun.elapsed() > PATIENCE => bail!("it goes on after {PATIENCE:?}:\n{}", self.log()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Returns the whole log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the program and waits; kills it after a minute. Returns true if it exited by itself with success.
    pub fn stop(&mut self) -> bool {
        let Ok(id) = i32::try_from(self.child.id()) else { return false };
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(Pid::from_raw(id), self.stop_with);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_mins(1) {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a free loopback port. It is below the range of ephemeral ports (from 32768 on Linux), so that no client
/// connection takes it before the server starts. No two callers in one process get the same port.
pub fn free_port() -> anyhow::Result<u16> {
    const PORTS: std::ops::Range<u32> = 12_000..32_000;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    for _ in PORTS {
        let call = std::process::id().wrapping_mul(211).wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + call % (PORTS.end - PORTS.start))?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no loopback port from {} to {} is free", PORTS.start, PORTS.end)
}

/// Runs a command to its end. The error contains its error output.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
