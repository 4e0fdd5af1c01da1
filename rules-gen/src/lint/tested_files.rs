//! The rule files that the linted rule tests load (`rule_files`).

use super::documents::{Document, Read};
use super::yaml::Node;
use glob::MatchOptions;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The paths and patterns in `rule_files` of all linted tests.
#[derive(Debug, Default)]
pub(super) struct TestedFiles {
    paths: BTreeSet<PathBuf>,
    patterns: Vec<glob::Pattern>,
}

impl TestedFiles {
    pub(super) fn by(all: &[&Read<'_>]) -> Self {
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

    pub(super) fn has(&self, file: &str) -> bool {
        let path = plain(Path::new(file));
        // The same option as in promtool: `*` does not match a separator.
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.paths.contains(&path) || self.patterns.iter().any(|pattern| pattern.matches_path_with(&path, options))
    }
}

/// Returns a path without `.` and, as far as possible, without `..`.
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
