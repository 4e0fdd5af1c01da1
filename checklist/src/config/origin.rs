//! Where the levels of a threshold come from.

use std::fmt;

/// Where the levels of a threshold on a target come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The catalog's default.
    Default,
    /// `thresholds:` at the top of checklist.yaml.
    Global,
    /// The target's own `thresholds:`, or another setting of the target, such as how often a backup is made.
    Target,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "the default",
            Self::Global => "thresholds: in checklist.yaml",
            Self::Target => "the target's own",
        })
    }
}
