//! Runs promtool on test files. The verdict comes from its exit status and, where supported, its JUnit report. Its
//! messages are only shown to people, because their wording changes between versions.

use anyhow::{Context, ensure};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The largest number of files in one call. Starting a process costs more than a test, but all processors should have
/// work until the end.
const BATCH: usize = 40;

/// The result of one test file. The error is promtool's message.
pub type Verdict = Result<(), String>;

/// Runs test files in a folder and returns a verdict for each, in their order. `progress` is called with the number of
/// files that were just finished and the number of all files.
pub fn run(
    promtool: &Path,
    folder: &Path,
    files: &[String],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> anyhow::Result<Vec<Verdict>> {
    let promtool = Promtool::new(promtool)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = files.len().div_ceil(threads).clamp(1, BATCH);
    let batches: Vec<&[String]> = files.chunks(size).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = batches.get(at) else { return anyhow::Ok(done) };
            done.push((at, promtool.batch(folder, batch)?));
            progress(batch.len(), files.len());
        }
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow::anyhow!("a thread that runs promtool panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, verdicts)| verdicts).collect())
}

/// A promtool that was checked with a test that holds and a test that fails.
struct Promtool {
    program: PathBuf,
    /// Whether it can write JUnit reports.
    reports: bool,
}

impl Promtool {
    fn new(program: &Path) -> anyhow::Result<Self> {
        // A path is relative to the current folder and not to the folder of the tests. A bare name is searched in PATH.
        let program = if program.components().count() > 1 { std::path::absolute(program)? } else { program.to_owned() };
        let mut promtool = Self { program, reports: false };
        let folder = tempfile::tempdir()?;
        for (name, value, holds) in [("control-holds.yaml", 1, true), ("control-fails.yaml", 2, false)] {
            let text = format!(
                "tests:\n- promql_expr_test:\n  - {{expr: vector(1), eval_time: 0s, exp_samples: [{{labels: '{{}}', value: {value}}}]}}\n"
            );
            std::fs::write(folder.path().join(name), text)?;
            let files = [name.to_owned()];
            let status = promtool.test(folder.path(), &files, None)?.status;
            let program = promtool.program.display();
            ensure!(
                status.success() == holds,
                "{program} is not a promtool: it ended with {status} on a test that {}",
                if holds { "holds" } else { "fails" }
            );
            let report = folder.path().join("report.xml");
            promtool.reports = promtool.test(folder.path(), &files, Some(&report))?.status.success() == holds
                && std::fs::read_to_string(&report).is_ok_and(|xml| suites(&xml).is_ok_and(|all| all.len() == 1));
        }
        Ok(promtool)
    }

    fn test(&self, folder: &Path, files: &[String], report: Option<&Path>) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(["test", "rules"]);
        if let Some(report) = report {
            command.arg("--junit").arg(report);
        }
        let output = command.args(files).current_dir(folder).output();
        output.with_context(|| format!("cannot run {}", self.program.display()))
    }

    fn batch(&self, folder: &Path, files: &[String]) -> anyhow::Result<Vec<Verdict>> {
        if self.reports {
            let place = tempfile::tempdir()?;
            let report = place.path().join("report.xml");
            let output = self.test(folder, files, Some(&report))?;
            let xml = std::fs::read_to_string(&report).unwrap_or_default();
            let verdicts = suites(&xml)?;
            let message = complaint(&output);
            ensure!(
                verdicts.len() == files.len(),
                "{} reports on {} of {} files: {message}",
                self.program.display(),
                verdicts.len(),
                files.len()
            );
            let passed = verdicts.iter().all(Result::is_ok);
            ensure!(
                passed == output.status.success(),
                "{} ended with {} against its own report: {message}",
                self.program.display(),
                output.status
            );
            return Ok(verdicts);
        }
        // An older promtool returns one status for all files. If it is not zero, each file is tested alone.
        if self.test(folder, files, None)?.status.success() {
            return Ok(files.iter().map(|_| Ok(())).collect());
        }
        let alone = |file: &String| {
            let output = self.test(folder, std::slice::from_ref(file), None)?;
            Ok(if output.status.success() { Ok(()) } else { Err(complaint(&output)) })
        };
        files.iter().map(alone).collect()
    }
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if text.is_empty() { format!("promtool ended with {} and gave no reason", output.status) } else { text }
}

/// Returns the verdict of each test suite in a JUnit report, in their order. promtool writes one suite for each file.
fn suites(xml: &str) -> anyhow::Result<Vec<Verdict>> {
    let mut reader = Reader::from_str(xml);
    let (mut verdicts, mut reason, mut within) = (Vec::new(), String::new(), false);
    loop {
        match reader.read_event().context("promtool's JUnit report is not XML")? {
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"testsuite" => {
                let count = |name: &str| -> anyhow::Result<u64> {
                    let value = tag.try_get_attribute(name)?.context("promtool's JUnit report lacks a count")?;
                    Ok(std::str::from_utf8(&value.value)?.parse()?)
                };
                let bad = count("failures")? + count("errors")?;
                verdicts.push(if bad == 0 { Ok(()) } else { Err(String::new()) });
            }
            Event::Start(tag) => within = matches!(tag.name().as_ref(), b"failure" | b"error"),
            Event::Text(text) if within => reason += &text.decode()?,
            Event::GeneralRef(entity) if within => {
                reason += &match entity.resolve_char_ref()? {
                    Some(c) => c.to_string(),
                    None => {
                        quick_xml::escape::resolve_predefined_entity(&entity.decode()?).unwrap_or_default().to_owned()
                    }
                };
            }
            Event::End(tag) => {
                if matches!(tag.name().as_ref(), b"failure" | b"error")
                    && let Some(Err(why)) = verdicts.last_mut()
                {
                    why.push_str(if why.is_empty() { "" } else { "\n" });
                    why.push_str(reason.trim());
                }
                reason.clear();
                within = false;
            }
            Event::Eof => return Ok(verdicts),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_junit_report_gives_the_result_and_the_reason_for_each_file() {
        let xml = "<testsuites><testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\"><testcase name=\"\"></testcase>\
                   </testsuite><testsuite name=\"b\" tests=\"1\" failures=\"1\" errors=\"0\"><testcase name=\"\">\
                   <failure>expr: &#34;up&#34; &lt; 1</failure></testcase></testsuite>\
                   <testsuite name=\"c\" tests=\"0\" failures=\"0\" errors=\"1\"></testsuite></testsuites>";
        let all = suites(xml).unwrap();
        assert_eq!(all, [Ok(()), Err("expr: \"up\" < 1".to_owned()), Err(String::new())]);
        assert!(suites("<testsuites><testsuite name=\"a\"/></testsuites>").is_err());
    }
}
