//! `rules-gen.yaml`: how a team judges its rules. Levels of lints by path, findings that are accepted for a time, which
//! labels and annotations rules must have, and what `--fix` writes.

mod paths;
mod policy;
mod read;

use super::report::{Finding, Level, Report};
use super::rule_file::Rule;
use jiff::civil::Date;
use paths::Paths;
use policy::Policy;
use std::path::{Component, Path, PathBuf};

/// The name of the file that is found beside what is linted.
pub const NAME: &str = "rules-gen.yaml";

/// One `rules-gen.yaml`.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// As it is shown.
    name: String,
    /// Its folder, to which paths in it are relative.
    folder: PathBuf,
    /// Whether it was named, so that it is for every file.
    named: bool,
    levels: Vec<LevelOf>,
    ignores: Vec<Ignore>,
    policies: Vec<Policy>,
    /// The link that `--fix` gives to alerts without one; `{alert}` stands for the name.
    runbook_url: Option<String>,
}

/// The level of some lints; nothing turns them off.
#[derive(Debug, Clone)]
struct LevelOf {
    lints: Vec<&'static str>,
    level: Option<Level>,
    paths: Paths,
}

/// Findings that are accepted.
#[derive(Debug, Clone)]
struct Ignore {
    lints: Vec<&'static str>,
    paths: Paths,
    /// The rule, panel or route; any without one.
    subject: Option<String>,
    until: Option<Date>,
    /// Where it stands, with its line of the file.
    line: usize,
    text: String,
}

impl Configuration {
    /// Its name as it is shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of a file as patterns see it; nothing when the configuration is not for it.
    fn path_of(&self, file: &str) -> Option<PathBuf> {
        let file = plain(Path::new(file));
        match file.strip_prefix(&self.folder) {
            Ok(below) => Some(below.to_owned()),
            Err(_) => self.named.then_some(file),
        }
    }

    /// The pattern of the links that `--fix` writes.
    pub fn runbook_url(&self) -> Option<&str> {
        self.runbook_url.as_deref()
    }

    /// Whether it is for a file.
    pub fn is_for(&self, file: &str) -> bool {
        self.path_of(file).is_some()
    }

    /// Says what of the policies a rule breaks.
    pub fn check(&self, rule: &Rule, report: &mut Report<'_>) {
        let Some(path) = self.path_of(report.file()) else { return };
        self.policies.iter().for_each(|policy| policy.check(rule, &path, &self.name, report));
    }

    /// The findings with the levels that the file gives them, without those that it accepts; and what is wrong with its
    /// own entries.
    #[must_use]
    pub fn apply(&self, findings: Vec<Finding>, today: Date) -> Vec<Finding> {
        let mut needed = vec![false; self.ignores.len()];
        let mut kept = Vec::new();
        for mut finding in findings {
            let Some(path) = self.path_of(&finding.file) else {
                kept.push(finding);
                continue;
            };
            let takes = |ignore: &Ignore| {
                let subject = ignore.subject.as_deref();
                ignore.lints.contains(&finding.id)
                    && ignore.paths.matches(&path)
                    && (subject.is_none() || subject == finding.subject.as_deref())
                    && ignore.until.is_none_or(|until| until >= today)
            };
            let mut accepted = false;
            for (ignore, needed) in self.ignores.iter().zip(&mut needed) {
                if takes(ignore) {
                    (accepted, *needed) = (true, true);
                }
            }
            // The last entry that names a lint counts.
            let of = self.levels.iter().rev().find(|of| of.lints.contains(&finding.id) && of.paths.matches(&path));
            match of.map(|of| of.level) {
                _ if accepted => {}
                Some(None) => {}
                Some(Some(level)) => {
                    finding.level = level;
                    kept.push(finding);
                }
                None => kept.push(finding),
            }
        }
        for (ignore, needed) in self.ignores.iter().zip(needed) {
            match ignore.until {
                Some(until) if until < today => {
                    kept.push(self.about(ignore, Level::Error, format!("this suppression ended on {until}")));
                }
                _ if !needed => {
                    let message = "this suppresses nothing in what was linted".to_owned();
                    kept.push(self.about(ignore, Level::Warning, message));
                }
                _ => {}
            }
        }
        kept
    }

    fn about(&self, ignore: &Ignore, level: Level, message: String) -> Finding {
        Finding {
            file: self.name.clone(),
            place: super::place::Place { line: ignore.line, column: 1 },
            width: ignore.text.chars().count().max(1),
            id: "RG099",
            level,
            subject: None,
            message,
            fix: "remove it, or end it later".to_owned(),
            snippet: ignore.text.clone(),
            before: 0,
        }
    }
}

/// The files of this name beside what is linted: in a folder, in the folder of a file, and where the command is typed.
pub fn beside(arguments: &[String]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let folder = |argument: &String| {
        let path = Path::new(argument);
        if path.is_dir() {
            return path.to_owned();
        }
        // Of a pattern the part before the first sign.
        let fixed = path.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']));
        let fixed: PathBuf = fixed.collect();
        if fixed.is_dir() { fixed } else { fixed.parent().unwrap_or(Path::new("")).to_owned() }
    };
    for folder in arguments.iter().filter(|argument| *argument != "-").map(folder).chain([PathBuf::new()]) {
        let path = plain(&folder).join(NAME);
        if path.is_file() && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// A path without `.` in it.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}
