//! The paths that an entry of `rules-gen.yaml` applies to.

use std::path::Path;

/// Path patterns. Without any, every file matches.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths(pub Vec<glob::Pattern>);

impl Paths {
    pub(super) fn matches(&self, path: &Path) -> bool {
        let shown = path.to_string_lossy();
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(&shown))
    }
}
