//! Cleans up after a cluster: kills its servers and removes its data when the test process has ended, even by SIGKILL.

use anyhow::Context;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell process that waits for the end of the test process.
pub(super) struct Watchman {
    /// Standard input of the shell. The kernel closes it when the test process ends.
    input: Option<ChildStdin>,
    child: Child,
}

impl Watchman {
    /// Starts the shell. The servers' process ids are in the files `NAME.pid` of the folder.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let script = "trap '' INT TERM HUP; cat > /dev/null; kill -9 $(cat \"$0\"/*.pid 2> /dev/null) 2> /dev/null; while [ -e \"$0\" ]; do rm -rf \"$0\"; done";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let input = Some(child.stdin.take().context("no input")?);
        Ok(Self { input, child })
    }
}

impl Drop for Watchman {
    fn drop(&mut self) {
        self.input.take();
        // The shell ends now, because its input is closed.
        let _ = self.child.wait();
    }
}
