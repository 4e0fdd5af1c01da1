//! The file `rules-gen.yaml`, with which a team configures the lints: levels by path, findings that are accepted for
//! some time, required labels and annotations, and what `--fix` writes.

mod paths;
mod policy;
mod queries;
mod read;
mod violation;

use super::files::Source;
use super::report::{Finding, Level, Report};
use super::rule_file::Rule;
use anyhow::ensure;
use jiff::civil::Date;
use paths::Paths;
use policy::Policy;
use std::path::{Component, Path, PathBuf};

/// The name of the file, which is searched beside the linted files.
pub const NAME: &str = "rules-gen.yaml";

/// A `rules-gen.yaml`.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The path as the user sees it.
    name: String,
    /// The folder of the file. Paths in it are relative to this folder.
    folder: PathBuf,
    /// The current folder.
    current: PathBuf,
    /// Whether the user named the file with `--config`. Then it applies to every linted file.
    named: bool,
    levels: Vec<LevelOf>,
    ignores: Vec<Ignore>,
    policies: Vec<Policy>,
    /// The link that `--fix` adds to alerts without one. `{alert}` is replaced by the alert's name.
    runbook_url: Option<String>,
}

/// The level of some lints. Without a level they are turned off.
#[derive(Debug, Clone)]
struct LevelOf {
    lints: Vec<&'static str>,
    level: Option<Level>,
    paths: Paths,
}

/// An entry of `ignores`: findings that are accepted.
#[derive(Debug, Clone)]
struct Ignore {
    lints: Vec<&'static str>,
    paths: Paths,
    /// The rule, panel or route. `None` means any.
    subject: Option<String>,
    until: Option<Date>,
    /// The line of the entry in the file.
    line: usize,
    /// The text of that line.
    text: String,
}

impl Configuration {
    /// Returns the path as the user sees it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a file's path as the patterns of this configuration match it. `None` when the configuration does not
    /// apply.
    fn path_of(&self, file: &str) -> Option<PathBuf> {
        let file = plain(Path::new(file));
        // A file of the current folder may be named by its whole path.
        let file = if self.folder.is_absolute() { file } else { below(&file, &self.current) };
        match file.strip_prefix(&self.folder) {
            Ok(below) => Some(below.to_owned()),
            Err(_) => self.named.then_some(file),
        }
    }

    /// Returns the link pattern for `--fix`.
    pub fn runbook_url(&self) -> Option<&str> {
        self.runbook_url.as_deref()
    }

    /// Whether the configuration applies to a file.
    pub fn is_for(&self, file: &str) -> bool {
        self.path_of(file).is_some()
    }

    /// Reports the policies that a rule violates.
    pub fn check(&self, rule: &Rule, report: &mut Report<'_>) {
        let Some(path) = self.path_of(report.file()) else { return };
        self.policies.iter().for_each(|policy| policy.check(rule, &path, &self.name, report));
    }

    /// Applies the levels and removes accepted findings. Adds findings about entries of `ignores` that have ended, and
    /// about those that suppress nothing in the files of a linted folder. Where files were named, the findings may be
    /// in others.
    #[must_use]
    pub fn apply(&self, findings: Vec<Finding>, sources: &[Source], today: Date) -> Vec<Finding> {
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
            // If several entries name a lint, the last one counts.
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
        let found = sources.iter().filter(|source| !source.named);
        let searched: Vec<PathBuf> = found.filter_map(|source| self.path_of(&source.name)).collect();
        for (ignore, needed) in self.ignores.iter().zip(needed) {
            let unneeded = || !needed && searched.iter().any(|path| ignore.paths.matches(path));
            match ignore.until {
                Some(until) if until < today => {
                    kept.push(self.about(ignore, Level::Error, format!("this suppression ended on {until}")));
                }
                _ if unneeded() => {
                    let message = "this entry suppresses no finding of this run".to_owned();
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
            fix: "remove it, or set a later end".to_owned(),
            snippet: ignore.text.clone(),
            before: 0,
        }
    }
}

/// Returns the `rules-gen.yaml` files that apply to the arguments: in a given folder, in the folder of a given file,
/// and in the current folder.
///
/// # Errors
/// When there is a `rules-gen.yml`, or a folder named `rules-gen.yaml`, which would not be read.
pub fn found_for(arguments: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let folder = |argument: &String| {
        let path = Path::new(argument);
        if path.is_dir() {
            return path.to_owned();
        }
        // For a glob pattern, the folder before the first wildcard.
        let fixed = path.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']));
        let fixed: PathBuf = fixed.collect();
        if fixed.is_dir() { fixed } else { fixed.parent().unwrap_or(Path::new("")).to_owned() }
    };
    for folder in arguments.iter().filter(|argument| *argument != "-").map(folder).chain([PathBuf::new()]) {
        let path = plain(&folder).join(NAME);
        let other = path.with_extension("yml");
        ensure!(!other.is_file(), "{} is not read: rename it to {NAME}", other.display());
        ensure!(!path.is_dir(), "{} is a folder: the configuration of the lints is a file", path.display());
        if path.is_file() && !found.contains(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Returns a path without `.` components.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

/// Returns a path relative to a folder, if it is below it.
fn below(path: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_owned()
}
