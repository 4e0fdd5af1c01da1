//! The real servers of target/parts: each is started, asked, read and ended in the same way.

use crate::process::Process;
use anyhow::{Context, ensure};
use futures::future::BoxFuture;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A real server on a loopback port, with a data folder of its own.
pub trait Part {
    /// Starts it, or starts it again with the data that it had, and waits until it answers.
    fn start(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Where it answers.
    fn address(&self) -> &str;
    /// Asks it to stop and waits; true when it ended by itself with success.
    fn stop(&mut self) -> bool;
    /// Everything it wrote so far.
    fn log(&self) -> String;
}

/// Where scripts/build-parts puts what it builds.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts")
}

/// A program of target/parts.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = folder().join("bin").join(name);
    ensure!(path.exists(), "no {name} (make parts)");
    path.canonicalize().with_context(|| path.display().to_string())
}

/// Whether a server answers.
pub type Ready = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// A program with its arguments, as a part.
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
    /// A program of target/parts that is not started yet. Its log is `NAME.log` in the folder.
    pub fn new(name: &'static str, folder: &Path, address: String, ready: Ready) -> anyhow::Result<Self> {
        let (program, folder) = (program(name)?, folder.to_owned());
        Ok(Self { name, program, arguments: vec![], variables: vec![], folder, address, ready, process: None })
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Its process id, while it runs.
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
        // Absent when it was never started.
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
