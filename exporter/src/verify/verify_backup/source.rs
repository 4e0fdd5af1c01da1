//! A dump as a stream of plain SQL.

use super::error::NotProved;
use anyhow::{Context, anyhow};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::process::Child;
use tokio::task::JoinHandle;

/// How long to wait for `pg_restore` to exit after its output has ended.
const ENDS: Duration = Duration::from_mins(1);
/// How long to wait for it if the output was not read to its end: it may be blocked on writing.
const ENDS_EARLY: Duration = Duration::from_millis(500);

/// The plain SQL of a dump: a file, or the output of `pg_restore`.
pub(super) struct Source {
    pub(super) text: Box<dyn AsyncRead + Unpin + Send>,
    pub(super) program: Option<(Child, JoinHandle<String>)>,
}

impl Source {
    /// Waits for `pg_restore` to exit, or kills it. Fails if it could not read the archive. `whole` says whether the
    /// output was read to its end.
    pub(super) async fn end(self, whole: bool) -> Result<(), NotProved> {
        let Some((mut program, errors)) = self.program else { return Ok(()) };
        let patience = if whole { ENDS } else { ENDS_EARLY };
        let Ok(status) = tokio::time::timeout(patience, program.wait()).await else {
            // It is blocked because nobody reads its output.
            let _ = program.start_kill();
            program.wait().await.context("cannot wait for pg_restore")?;
            return Ok(());
        };
        let status = status.context("cannot wait for pg_restore")?;
        let stderr = errors.await.context("pg_restore")?;
        if status.success() { Ok(()) } else { Err(archive_fault(&stderr, &status.to_string())) }
    }
}

/// Classifies an error of `pg_restore`: the archive is bad, unless the program is too old, lacks a feature or a
/// resource.
pub(super) fn archive_fault(stderr: &str, status: &str) -> NotProved {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    let words = if lines.is_empty() { status.to_owned() } else { lines.join("; ") };
    let error = anyhow!("the dump cannot be read: {words}");
    // All versions of the archive format so far begin with "1.".
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
