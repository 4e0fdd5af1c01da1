//! A dump as plain SQL, while it is read.

use super::error::NotProved;
use anyhow::{Context, anyhow};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::process::Child;
use tokio::task::JoinHandle;

/// A program whose output has ended ends.
const ENDS: Duration = Duration::from_mins(1);
/// The same when it may still want to write.
const ENDS_EARLY: Duration = Duration::from_millis(500);

/// A dump as plain SQL: its file, or the output of `pg_restore`.
pub(super) struct Source {
    pub(super) text: Box<dyn AsyncRead + Unpin + Send>,
    pub(super) program: Option<(Child, JoinHandle<String>)>,
}

impl Source {
    /// Waits for the program, or ends it; an archive that it could not read is broken.
    pub(super) async fn end(self, whole: bool) -> Result<(), NotProved> {
        let Some((mut program, errors)) = self.program else { return Ok(()) };
        let patience = if whole { ENDS } else { ENDS_EARLY };
        let Ok(status) = tokio::time::timeout(patience, program.wait()).await else {
            // It waits for somebody to read on.
            let _ = program.start_kill();
            program.wait().await.context("cannot wait for pg_restore")?;
            return Ok(());
        };
        let status = status.context("cannot wait for pg_restore")?;
        let stderr = errors.await.context("pg_restore")?;
        if status.success() { Ok(()) } else { Err(archive_fault(&stderr, &status.to_string())) }
    }
}

/// Whose fault it is that `pg_restore` cannot read an archive: its own where it is older or built without what is needed.
pub(super) fn archive_fault(stderr: &str, status: &str) -> NotProved {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    let words = if lines.is_empty() { status.to_owned() } else { lines.join("; ") };
    let error = anyhow!("the dump cannot be read: {words}");
    // Every format of an archive was 1.something yet.
    let lacks = [
        "unsupported version (1.",
        "not supported in this installation",
        "does not support compression",
        "No space left on device",
        "out of memory",
        "Permission denied",
    ];
    if lacks.iter().any(|what| stderr.contains(what)) {
        NotProved::CannotTell(error)
    } else {
        NotProved::BadBackup(error)
    }
}
