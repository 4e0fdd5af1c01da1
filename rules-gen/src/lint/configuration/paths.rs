//! The paths that an entry is for.

use std::path::Path;

/// Patterns of paths; none is every file.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths(pub Vec<glob::Pattern>);

impl Paths {
    pub(super) fn matches(&self, path: &Path) -> bool {
        let shown = path.to_string_lossy();
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(&shown))
    }
}
