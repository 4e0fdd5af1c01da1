//! Finds rules in several rule files of a folder that make the same series.

use super::documents::{Document, Read};
use super::rule_file::Origin;
use std::collections::HashMap;
use std::path::Path;

/// The rules that make each series, in rule files that one server probably loads together: files in one folder that are
/// neither Kubernetes objects nor namespace files of Mimir.
#[derive(Debug, Default)]
pub struct Overlaps<'a>(HashMap<(&'a Path, u64), (&'a str, usize)>);

impl<'a> Overlaps<'a> {
    pub(super) fn of(all: &'a [Read<'_>]) -> Self {
        let mut first = HashMap::new();
        for read in all {
            let file = read.report.file();
            for document in &read.documents {
                let Document::Rules(rules) = document else { continue };
                for rule in rules.iter().filter(|rule| rule.origin == Origin::PlainFile) {
                    if let Some(series) = rule.series {
                        first.entry((folder(file), series)).or_insert((file, rule.scope.place.line));
                    }
                }
            }
        }
        Self(first)
    }

    /// Returns the file and line of the first rule that makes a series, if it is in another file.
    pub(super) fn elsewhere(&self, series: u64, file: &str) -> Option<(&'a str, usize)> {
        // The same file as YAML and as JSON counts once.
        let stem = |file: &str| Path::new(file).file_stem().map(ToOwned::to_owned);
        self.0.get(&(folder(file), series)).copied().filter(|(first, _)| stem(first) != stem(file))
    }
}

fn folder(file: &str) -> &Path {
    Path::new(file).parent().unwrap_or(Path::new(""))
}
