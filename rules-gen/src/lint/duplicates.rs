//! Rules and dashboards that stand in several linted files, as in the forms for Prometheus, the operator and Mimir: a
//! finding is reported for one of them.

use super::documents::{Board, Document, Read};
use super::rule_file::Rule;
use super::yaml::Node;
use glob::MatchOptions;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::{Component, Path, PathBuf};

/// Which copy is judged.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    /// The first file with a rule that is the same in everything.
    rules: HashMap<u64, usize>,
    /// The first file with a dashboard, and the document in it.
    boards: HashMap<u64, (usize, usize)>,
    /// Files that linted tests load: their rules may lack what tests do not look at.
    loaded: BTreeSet<usize>,
    /// What the rules of all other files do, whatever their annotations.
    doings: HashSet<u64>,
}

impl Duplicates {
    pub(super) fn new(all: &[Read<'_>]) -> Self {
        let mut duplicates = Self::default();
        let tests = TestedFiles::by(all);
        for (file, read) in all.iter().enumerate() {
            let loaded = tests.has(read.report.file());
            if loaded {
                duplicates.loaded.insert(file);
            }
            for (at, document) in read.documents.iter().enumerate() {
                match document {
                    Document::Rules(rules) => {
                        for rule in rules {
                            duplicates.rules.entry(whole(rule)).or_insert(file);
                            if !loaded {
                                duplicates.doings.insert(doing(rule));
                            }
                        }
                    }
                    Document::Dashboard(board) => {
                        duplicates.boards.entry(hash(&board.model)).or_insert((file, at));
                    }
                    _ => {}
                }
            }
        }
        duplicates
    }

    /// Whether a rule of a file is judged as part of another one.
    pub(super) fn is_duplicate(&self, file: usize, rule: &Rule) -> bool {
        let slice = self.loaded.contains(&file) && self.doings.contains(&doing(rule));
        slice || self.rules.get(&whole(rule)).is_some_and(|first| *first != file)
    }

    /// The same for a document that is a dashboard.
    pub(super) fn is_duplicate_dashboard(&self, place: (usize, usize), board: &Board) -> bool {
        self.boards.get(&hash(&board.model)).is_some_and(|first| *first != place)
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn doing(rule: &Rule) -> u64 {
    // The same expression may be broken into lines in another way.
    let expr = rule.ast.as_ref().map_or_else(|| rule.expr.value.clone(), ToString::to_string);
    let mut labels: Vec<(&str, &str)> = rule.labels.iter().map(|(name, text)| (&**name, &*text.value)).collect();
    labels.sort_unstable();
    let times = [rule.pending, rule.keep_firing].map(f64::to_bits);
    hash(&(rule.alerts, &rule.name.value, expr, labels, times))
}

fn whole(rule: &Rule) -> u64 {
    let mut texts: Vec<(&str, &str)> = rule.annotations.iter().map(|(name, text)| (&**name, &*text.value)).collect();
    texts.sort_unstable();
    hash(&(doing(rule), texts, rule.interval.map(f64::to_bits)))
}

/// The files that tests load (`rule_files`).
#[derive(Default)]
struct TestedFiles {
    paths: BTreeSet<PathBuf>,
    patterns: Vec<glob::Pattern>,
}

impl TestedFiles {
    fn by(all: &[Read<'_>]) -> Self {
        let mut loaded = Self::default();
        for read in all {
            let folder = Path::new(read.report.file()).parent().unwrap_or(Path::new(""));
            let tests = read.documents.iter().filter_map(|document| match document {
                Document::Tests(node) => node.get("rule_files"),
                _ => None,
            });
            for name in tests.flat_map(Node::items).filter_map(Node::text) {
                let path = plain(&folder.join(name));
                if let (true, Ok(pattern)) =
                    (name.contains(['*', '?', '[']), glob::Pattern::new(&path.to_string_lossy()))
                {
                    loaded.patterns.push(pattern);
                }
                loaded.paths.insert(path);
            }
        }
        loaded
    }

    fn has(&self, file: &str) -> bool {
        let path = plain(Path::new(file));
        // As promtool finds files: a * stands for no separator.
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.paths.contains(&path) || self.patterns.iter().any(|pattern| pattern.matches_path_with(&path, options))
    }
}

/// A path without `.` and, where it can be, without `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
