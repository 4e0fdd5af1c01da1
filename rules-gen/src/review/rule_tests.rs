//! Rule files of anybody and the promtool tests that load them: whether the tests hold, which alerts they never see
//! firing, and which broken rules they notice.

mod coverage;
mod files;
mod mutate;

use crate::rules::unit_tests::mutants::{Kind, Mutant};
use crate::rules::unit_tests::promtool;
use crate::terminal::Progress;
use anyhow::ensure;
use files::Files;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the tests of some rule files gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Test files.
    pub tests: usize,
    /// Alerts of the rule files.
    pub alerts: usize,
    /// The test file and why it fails.
    pub failed: Vec<(String, String)>,
    /// Alerts that no case shows firing, and the file and line of each.
    pub never_fire: Vec<(String, String)>,
    /// Alerts that no case shows quiet.
    pub never_quiet: Vec<(String, String)>,
    /// Rule files whose mutants are not run, and why.
    pub not_mutated: Vec<(String, String)>,
    /// Mutants by kind: how many there are and how many were noticed.
    pub mutants: Vec<(Kind, usize, usize)>,
    /// Mutants that no test noticed: the rule with its place, and what was broken.
    pub survivors: Vec<(String, Mutant)>,
}

impl Outcome {
    /// The share of mutants that were noticed; 1 when there are none.
    pub fn rate(&self) -> f64 {
        let sum = |of: fn(&(Kind, usize, usize)) -> usize| self.mutants.iter().map(of).sum::<usize>() as f64;
        let all = sum(|(_, all, _)| *all);
        if all == 0.0 { 1.0 } else { sum(|(.., noticed)| *noticed) / all }
    }
}

/// Runs the tests among the files, and those beside the rule files when there are none among them; and the mutants of the
/// rules when asked to.
///
/// # Errors
/// Files that cannot be read, no rule file, a promtool that does not run.
pub fn run(paths: &[String], program: &Path, mutate: bool, progress: &Progress) -> anyhow::Result<Outcome> {
    let files = Files::read(paths)?;
    ensure!(!files.rules.is_empty(), "there is no rule file in {}", paths.join(", "));
    let mut outcome = Outcome { tests: files.tests.len(), ..Outcome::default() };
    coverage::judge(&files, &mut outcome);
    let names: Vec<String> = files.tests.iter().map(|test| test.name.clone()).collect();
    let verdicts = promtool::run(program, Path::new("."), &names, &counted(progress, "test files"))?;
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

/// Tells on a terminal what is done.
fn counted(progress: &Progress, what: &'static str) -> impl Fn(usize, usize) + Sync {
    let done = AtomicUsize::new(0);
    move |more, all| {
        let done = done.fetch_add(more, Ordering::Relaxed) + more;
        progress.tell(&format!("{what}: {done} of {all}"));
    }
}
