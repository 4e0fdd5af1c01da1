//! Ends the servers of a cluster when the process that started them has ended in any way, and removes their data.

use anyhow::Context;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Waits in a process of its own for the end of ours.
pub(super) struct Watchman {
    /// Closed by the system when our process ends.
    input: Option<ChildStdin>,
    child: Child,
}

impl Watchman {
    /// Each server writes its process id to `NAME.pid` in the folder.
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
        // It ends now, with nothing left to do.
        let _ = self.child.wait();
    }
}
