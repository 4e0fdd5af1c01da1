//! Rules and dashboards that occur in several linted files, such as the outputs for Prometheus, its operator and Mimir.
//! Only one copy is linted, so that each finding is reported once.

use super::documents::{Board, Document, Read};
use super::identity::hash;
use super::rule_file::Rule;
use super::tested_files::TestedFiles;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The copies that are linted.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    /// The first file with each rule, by a hash of the whole rule.
    rules: HashMap<u64, usize>,
    /// The first file with each dashboard, and the document in it.
    boards: HashMap<u64, (usize, usize)>,
    /// The files that linted tests load. Their rules may lack annotations, which tests do not need.
    loaded: BTreeSet<usize>,
    /// The rules of all other files, by a hash without annotations.
    definitions: HashSet<u64>,
}

impl Duplicates {
    pub(super) fn new(all: &[&Read<'_>], tests: &TestedFiles) -> Self {
        let mut duplicates = Self::default();
        for (file, read) in all.iter().enumerate() {
            let loaded = tests.has(read.report.file());
            if loaded {
                duplicates.loaded.insert(file);
            }
            for (at, document) in read.documents.iter().enumerate() {
                match document {
                    Document::Rules(rules) => {
                        for rule in rules {
                            duplicates.rules.entry(rule.identity.whole).or_insert(file);
                            if !loaded {
                                duplicates.definitions.insert(rule.identity.definition);
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

    /// Whether a rule is linted as part of another file.
    pub(super) fn is_duplicate(&self, file: usize, rule: &Rule) -> bool {
        self.is_slice(file, rule) || self.rules.get(&rule.identity.whole).is_some_and(|first| *first != file)
    }

    /// Whether a rule is in a file for tests, and is linted where servers load it from.
    pub(super) fn is_slice(&self, file: usize, rule: &Rule) -> bool {
        self.loaded.contains(&file) && self.definitions.contains(&rule.identity.definition)
    }

    /// Like [`Duplicates::is_duplicate`], for a dashboard.
    pub(super) fn is_duplicate_dashboard(&self, place: (usize, usize), board: &Board) -> bool {
        self.boards.get(&hash(&board.model)).is_some_and(|first| *first != place)
    }
}
