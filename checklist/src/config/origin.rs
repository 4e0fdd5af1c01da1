//! Where a limit comes from.

use super::Config;
use crate::signal::Signal;
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

impl Config {
    /// Who set the levels that hold for a threshold of a signal on a target.
    pub fn origin(&self, signal: &Signal, target: &str, key: &str) -> Origin {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned()));
        if own.is_some_and(|settings| settings.thresholds.contains_key(key)) {
            Origin::Target
        } else if self.thresholds.contains_key(key) {
            Origin::Global
        } else {
            Origin::Default
        }
    }
}
