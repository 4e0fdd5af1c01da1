//! Finds rules in several rule files of a folder that make the same series.

use super::documents::{Document, Read};
use super::duplicates::Duplicates;
use super::rule_file::{Origin, Rule};
use super::tested_files::plain;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The rules that make each series, in rule files that one server probably loads together: files in one folder that are
/// neither Kubernetes objects nor namespace files of Mimir.
#[derive(Debug, Default)]
pub struct Overlaps<'a> {
    /// The first rule that makes each series in a folder: its file and line.
    first: HashMap<(PathBuf, u64), (&'a str, usize)>,
    /// Copies of rules for tests, by file and line. No server loads them.
    slices: HashSet<(&'a str, usize)>,
}

impl<'a> Overlaps<'a> {
    pub(super) fn of(all: &'a [Read<'_>], duplicates: &Duplicates) -> Self {
        let mut overlaps = Self::default();
        for (at, read) in all.iter().enumerate() {
            let file = read.report.file();
            for document in &read.documents {
                let Document::Rules(rules) = document else { continue };
                for rule in rules.iter().filter(|rule| rule.origin == Origin::PlainFile) {
                    let place = (file, rule.scope.place.line);
                    if duplicates.is_slice(at, rule) {
                        overlaps.slices.insert(place);
                    } else if let Some(series) = rule.identity.series {
                        overlaps.first.entry((folder(file), series)).or_insert(place);
                    }
                }
            }
        }
        overlaps
    }

    /// Returns the file and line of the first rule that makes the series of a rule, if it is in another file.
    pub(super) fn first_in_other_file(&self, rule: &Rule, file: &str) -> Option<(&'a str, usize)> {
        if rule.origin != Origin::PlainFile || self.slices.contains(&(file, rule.scope.place.line)) {
            return None;
        }
        // The same file as YAML and as JSON counts once.
        let stem = |file: &str| Path::new(file).file_stem().map(ToOwned::to_owned);
        self.first.get(&(folder(file), rule.identity.series?)).copied().filter(|(first, _)| stem(first) != stem(file))
    }
}

/// Returns the folder of a file. `a.yaml` and `./b.yaml` are in the same one.
fn folder(file: &str) -> PathBuf {
    plain(Path::new(file)).parent().unwrap_or(Path::new("")).to_owned()
}
