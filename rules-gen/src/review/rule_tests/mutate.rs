//! Writes mutants of the rules, with copies of the tests that load them, and runs promtool on them.

use super::files::{Files, Rule, RuleFile, TestFile};
use super::outcome::Outcome;
use super::slot::Slot;
use crate::promql::selectors;
use crate::rules::unit_tests::mutants::{self, Kind, Mutant, Tally};
use crate::rules::unit_tests::promtool::{self, Verdict};
use crate::terminal::Progress;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Runs the tests on every mutant of the rule files that they load. `good` are the tests that pass.
pub(super) fn run(
    files: &Files,
    good: &[&TestFile],
    program: &Path,
    progress: &Progress,
    outcome: &mut Outcome,
) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot create a folder for the mutants")?;
    let mut writer = Writer { folder: folder.path(), written: 0, tests: Vec::new() };
    let mut controls = Vec::new();
    for (path, file) in &files.rules {
        let tests: Vec<&TestFile> = good.iter().copied().filter(|test| test.loads.contains(path)).collect();
        // A control: the unchanged rules, written in the way of a mutant. A test that fails on them would fail on every
        // mutant.
        let same = file.rules.iter().filter_map(|rule| Some((rule.expr_at.clone()?, json!(rule.expr)))).collect();
        controls.push((path, file, tests.clone(), writer.write(path, file, &tests, same)?));
    }
    let names = std::mem::take(&mut writer.tests);
    let verdicts = promtool::run(program, folder.path(), &names, &progress.counted("copies of the tests"))?;
    let mut broken: Vec<(&RuleFile, &Rule, Mutant, Range<usize>)> = Vec::new();
    for (path, file, tests, own) in controls {
        if tests.is_empty() {
            outcome.not_mutated.push((file.name.clone(), "no passing test loads it".to_owned()));
            continue;
        }
        if let Some(Err(why)) = verdicts[own].iter().find(|verdict| verdict.is_err()) {
            outcome.not_mutated.push((file.name.clone(), format!("its tests fail on an unchanged copy: {why}")));
            continue;
        }
        for rule in &file.rules {
            let Some(expr_at) = &rule.expr_at else {
                let why = "its expression cannot be replaced in place: write it after its key";
                outcome.not_mutated.push((format!("{} ({}:{})", rule.name, file.name, rule.line), why.to_owned()));
                continue;
            };
            for mutant in mutants_of(rule) {
                let change = match (mutant.kind, &rule.pending_at) {
                    (Kind::Pending, Some(at)) => (at.clone(), json!("0s")),
                    _ => (expr_at.clone(), json!(mutant.expr)),
                };
                let own = writer.write(path, file, &tests, vec![change])?;
                broken.push((file, rule, mutant, own));
            }
        }
    }
    let verdicts = promtool::run(program, folder.path(), &writer.tests, &progress.counted("mutants"))?;
    outcome.mutants = Tally::new();
    for (file, rule, mutant, own) in broken {
        let noticed = verdicts[own].iter().any(Verdict::is_err);
        outcome.mutants.count(mutant.kind, noticed);
        if !noticed {
            outcome.survivors.push((format!("{} ({}:{})", rule.name, file.name, rule.line), mutant));
        }
    }
    Ok(())
}

fn mutants_of(rule: &Rule) -> Vec<Mutant> {
    let metrics: Vec<String> = selectors(&rule.expr)
        .iter()
        .filter_map(|selector| selector.split('{').next())
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
    mutants::of(&rule.expr, &metrics, rule.pending_at.is_some())
}

/// Writes mutants and copies of tests into a folder.
struct Writer<'a> {
    folder: &'a Path,
    /// The number of rule files that were written.
    written: usize,
    /// The names of the test files that were written.
    tests: Vec<String>,
}

impl Writer<'_> {
    /// Writes a rule file with some values changed, and copies of its tests. Returns the positions of the copies in
    /// `tests`.
    fn write(
        &mut self,
        path: &Path,
        file: &RuleFile,
        tests: &[&TestFile],
        mut changes: Vec<(Slot, Value)>,
    ) -> Result<Range<usize>> {
        let stem = format!("m{}", self.written);
        self.written += 1;
        let mut text = file.text.clone();
        changes.sort_by_key(|(at, _)| at.bytes.start);
        // Rules that share a value through a merge key have the same place.
        changes.dedup_by(|b, a| a.0 == b.0);
        for (at, value) in changes.iter().rev() {
            at.fill(&mut text, value);
        }
        let broken = self.folder.join(format!("{stem}.rules.yaml"));
        put(&broken, &text)?;
        let before = self.tests.len();
        for (at, test) in tests.iter().enumerate() {
            let Some(loads_at) = &test.loads_at else { continue };
            let loads: Vec<&PathBuf> = test.loads.iter().map(|one| if one == path { &broken } else { one }).collect();
            let mut text = test.text.clone();
            loads_at.fill(&mut text, &json!(loads));
            let name = format!("{stem}.{at}.test.yaml");
            put(&self.folder.join(&name), &text)?;
            self.tests.push(name);
        }
        Ok(before..self.tests.len())
    }
}

fn put(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
