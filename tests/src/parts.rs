//! Real servers from target/parts: a common interface to start, stop and query them.

use crate::process::Process;
use anyhow::{Context, ensure};
use futures::future::BoxFuture;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A server on a loopback port, with a data folder of its own.
pub trait Part {
    /// Starts the server, or starts it again with its data, and waits until it answers.
    fn start(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// The address of the server.
    fn address(&self) -> &str;
    /// Stops the server gracefully and waits. Returns true if it exited by itself with success.
    fn stop(&mut self) -> bool;
    /// Returns the whole log so far.
    fn log(&self) -> String;
}

/// Returns the folder into which scripts/build-parts installs the servers.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts")
}

/// Returns the path of a program in target/parts.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = folder().join("bin").join(name);
    ensure!(path.exists(), "no {name} (make parts)");
    path.canonicalize().with_context(|| path.display().to_string())
}

/// Checks whether a server is ready.
pub type Ready = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// A part that is one program with arguments.
pub struct Service {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    folder: PathBuf,
    address: String,
    ready: Ready,
    process: Option<Process>,
}

impl Service {
    /// Creates a part for a program of target/parts without starting it. The log is written to `NAME.log` in the
    /// folder.
    pub fn new(name: &'static str, folder: &Path, address: String, ready: Ready) -> anyhow::Result<Self> {
        let (program, folder) = (program(name)?, folder.to_owned());
        Ok(Self { name, program, arguments: vec![], variables: vec![], folder, address, ready, process: None })
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// The process id, if the program is running.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }
}

impl Part for Service {
    async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(&mut command, self.name, &self.folder, Signal::SIGTERM)?;
        std::fs::write(self.folder.join(self.name).with_extension("pid"), format!("{}\n", process.id()))?;
        let ready = Arc::clone(&self.ready);
        process.wait_until(|| ready()).await?;
        self.process = Some(process);
        Ok(())
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn stop(&mut self) -> bool {
        let ended = self.process.take().is_some_and(|mut process| process.stop());
        // The file does not exist if the program was never started.
        let _ = std::fs::remove_file(self.folder.join(self.name).with_extension("pid"));
        ended
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join(self.name).with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}
