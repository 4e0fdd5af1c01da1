//! Runs the promtool tests of any rule files: whether they pass, which alerts they never show firing, and which mutants
//! of the rules they notice.

mod coverage;
mod files;
mod mutate;
mod outcome;
mod slot;

pub use outcome::Outcome;

use crate::rules::unit_tests::promtool;
use crate::terminal::Progress;
use anyhow::ensure;
use files::Files;
use std::path::Path;

/// Runs the tests among the files. If there are none, the tests in the folders of the rule files. With `mutate` also
/// the mutants of the rules.
pub fn run(paths: &[String], program: &Path, mutate: bool, progress: &Progress) -> anyhow::Result<Outcome> {
    let files = Files::read(paths)?;
    ensure!(!files.rules.is_empty(), "no rule file found in {}", paths.join(", "));
    let mut outcome = Outcome { tests: files.tests.len(), unread: files.unread.clone(), ..Outcome::default() };
    coverage::measure(&files, &mut outcome);
    let names: Vec<String> = files.tests.iter().map(|test| test.name.clone()).collect();
    let verdicts = promtool::run(program, Path::new("."), &names, &progress.counted("test files"))?;
    let mut good = Vec::new();
    for (test, verdict) in files.tests.iter().zip(verdicts) {
        match verdict {
            Ok(()) => good.push(test),
            Err(why) => outcome.failed.push((test.name.clone(), why)),
        }
    }
    if mutate {
        mutate::run(&files, &good, program, progress, &mut outcome)?;
    }
    Ok(outcome)
}
