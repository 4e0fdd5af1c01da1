//! Where a limit comes from.

use std::fmt;

/// Who set the levels of a threshold on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The catalog.
    Default,
    /// `thresholds:` of checklist.yaml.
    Global,
    /// The target, by `thresholds:` or by what it says about itself, such as how often a backup is made.
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
