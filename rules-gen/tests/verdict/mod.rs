//! Runs `rules-gen lint` and returns its verdict.

use std::path::Path;
use std::process::{Command, Output};

/// A file with one recording rule.
pub(crate) const RULES: &str = "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: up}\n";

pub(crate) fn lint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    command.arg("lint").args(arguments).current_dir(folder).output().unwrap()
}

/// Returns the exit code and everything that was printed.
pub(crate) fn verdict(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = lint(folder, arguments);
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), printed)
}

/// Returns the verdict on one named file.
pub(crate) fn of(name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    verdict(folder.path(), &[&[name], arguments].concat())
}
