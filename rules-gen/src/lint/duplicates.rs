//! Rules and dashboards that occur in several linted files, such as the outputs for Prometheus, its operator and Mimir.
//! Only one copy is linted, so that each finding is reported once.

use super::documents::{Board, Document, Read};
use super::rule_file::Rule;
use super::series::hash;
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
    doings: HashSet<u64>,
}

impl Duplicates {
    pub(super) fn new(all: &[Read<'_>], tests: &TestedFiles) -> Self {
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

    /// Whether a rule is linted as part of another file.
    pub(super) fn is_duplicate(&self, file: usize, rule: &Rule) -> bool {
        self.is_slice(file, rule) || self.rules.get(&whole(rule)).is_some_and(|first| *first != file)
    }

    /// Whether a rule is in a file for tests, and is linted where servers load it from.
    pub(super) fn is_slice(&self, file: usize, rule: &Rule) -> bool {
        self.loaded.contains(&file) && self.doings.contains(&doing(rule))
    }

    /// Like [`Duplicates::is_duplicate`], for a dashboard.
    pub(super) fn is_duplicate_dashboard(&self, place: (usize, usize), board: &Board) -> bool {
        self.boards.get(&hash(&board.model)).is_some_and(|first| *first != place)
    }
}

fn doing(rule: &Rule) -> u64 {
    // The printed expression, because a copy may have other line breaks.
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
