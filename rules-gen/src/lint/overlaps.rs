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
    /// The first rule that makes each series, of each folder.
    folders: HashMap<PathBuf, FirstRules<'a>>,
    /// Copies of rules for tests, by file and line. No server loads them.
    slices: HashSet<(&'a str, usize)>,
}

/// The file and line of the first rule that makes each series.
type FirstRules<'a> = HashMap<u64, (&'a str, usize)>;

impl<'a> Overlaps<'a> {
    pub(super) fn of(all: &[&'a Read<'_>], duplicates: &Duplicates) -> Self {
        let mut overlaps = Self::default();
        for (at, read) in all.iter().enumerate() {
            let file = read.report.file();
            let first = overlaps.folders.entry(folder(file)).or_default();
            for document in &read.documents {
                let Document::Rules(rules) = document else { continue };
                for rule in rules.iter().filter(|rule| rule.origin == Origin::PlainFile) {
                    let place = (file, rule.scope.place.line);
                    if duplicates.is_slice(at, rule) {
                        overlaps.slices.insert(place);
                    } else if let Some(series) = rule.identity.series {
                        first.entry(series).or_insert(place);
                    }
                }
            }
        }
        overlaps
    }

    /// Returns a function that takes a rule of `file`, and returns the file and line of the first rule that makes its
    /// series, if it is in another file.
    pub(super) fn first_in_other_file(&self, file: &str) -> impl Fn(&Rule) -> Option<(&'a str, usize)> {
        // The same file as YAML and as JSON counts once.
        let stem = |file: &str| Path::new(file).file_stem().map(ToOwned::to_owned);
        let (first, own) = (self.folders.get(&folder(file)), stem(file));
        move |rule| {
            if rule.origin != Origin::PlainFile || self.slices.contains(&(file, rule.scope.place.line)) {
                return None;
            }
            let place = first?.get(&rule.identity.series?).copied();
            place.filter(|(first, _)| *first != file && stem(first) != own)
        }
    }
}

/// Returns the folder of a file. `a.yaml` and `./b.yaml` are in the same one.
fn folder(file: &str) -> PathBuf {
    plain(Path::new(file)).parent().unwrap_or(Path::new("")).to_owned()
}
