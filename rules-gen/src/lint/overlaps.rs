//! Rules that make the same series, within a file and across the rule files of a folder.

use super::documents::{Document, Read};
use super::rule_file::Origin;
use std::collections::HashMap;
use std::path::Path;

/// Where series are made by rule files that one server most likely reads together: those of one folder, without objects of a
/// cluster and without a namespace of Mimir.
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

    /// The file and line of the rule that makes a series first, when it is not in this file.
    pub(super) fn elsewhere(&self, series: u64, file: &str) -> Option<(&'a str, usize)> {
        // One file as YAML and as JSON is one file.
        let stem = |file: &str| Path::new(file).file_stem().map(ToOwned::to_owned);
        self.0.get(&(folder(file), series)).copied().filter(|(first, _)| stem(first) != stem(file))
    }
}

fn folder(file: &str) -> &Path {
    Path::new(file).parent().unwrap_or(Path::new(""))
}
