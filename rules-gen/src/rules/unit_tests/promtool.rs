//! Runs promtool with many test files for each call, because its start costs more than a test.

use anyhow::Context;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files per call; small enough for all processors to have work until the end.
const BATCH: usize = 40;

/// The result of one test file; promtool's message when it failed.
pub type Verdict = Result<(), String>;

/// Runs test files of a folder, a verdict for each in their order; `progress` hears how many more of all are done.
///
/// # Errors
/// When promtool cannot be started, or its output lacks a file.
pub fn run(
    promtool: &Path,
    folder: &Path,
    files: &[String],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> anyhow::Result<Vec<Verdict>> {
    // Relative to where the command was typed, not to the folder; a bare name is looked for in PATH.
    let promtool = if promtool.components().count() > 1 { std::path::absolute(promtool)? } else { promtool.to_owned() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = files.len().div_ceil(threads).clamp(1, BATCH);
    let batches: Vec<&[String]> = files.chunks(size).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch_files) = batches.get(at) else { return anyhow::Ok(done) };
            done.push((at, batch(&promtool, folder, batch_files)?));
            progress(batch_files.len(), files.len());
        }
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow::anyhow!("a thread that runs promtool broke"))??);
        }
        anyhow::Ok(all)
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, verdicts)| verdicts).collect())
}

fn batch(promtool: &Path, folder: &Path, files: &[String]) -> anyhow::Result<Vec<Verdict>> {
    let output = Command::new(promtool)
        .args(["test", "rules"])
        .args(files)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot run {}", promtool.display()))?;
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let verdicts = verdicts(&said, &complaints);
    anyhow::ensure!(verdicts.len() == files.len(), "{} failed: {}", promtool.display(), complaints.trim());
    Ok(verdicts)
}

/// promtool writes which files passed to standard output, and why others failed to standard error, both in the order of
/// the files.
fn verdicts(said: &str, complaints: &str) -> Vec<Verdict> {
    let mut reasons = complaints.split("  FAILED:\n").skip(1);
    let of_file = |text: &str| {
        if text.lines().any(|line| line.trim() == "SUCCESS") {
            return Ok(());
        }
        Err(reasons.next().unwrap_or("promtool does not say why").trim().to_owned())
    };
    said.split("Unit Testing:").skip(1).map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_promtool_says_belongs_to_the_file_it_is_about() {
        let said = "Unit Testing:  a\n  SUCCESS\n\nUnit Testing:  b\n\n\nUnit Testing:  c\n  SUCCESS\n\n";
        assert_eq!(verdicts(said, "  FAILED:\n    no alert\n"), [Ok(()), Err("no alert".to_owned()), Ok(())]);
    }
}
