//! Settings of the checks of a signal and of a target.

use crate::condition::threshold::Levels;
use std::collections::BTreeMap;
use std::time::Duration;

/// `checks:` how often a signal is looked at, and how much it may tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) series: Option<usize>,
}

/// What every kind of target can say about its own checks.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetSettings {
    pub(super) thresholds: BTreeMap<String, Levels>,
    pub(super) skip: Vec<String>,
    pub(super) sources: BTreeMap<String, String>,
    pub(super) selector: Option<String>,
}
