//! Settings for the checks of a signal and of a target.

use crate::condition::threshold::Levels;
use std::collections::BTreeMap;
use std::time::Duration;

/// The settings of a signal (`checks:`): interval, deadline, and maximum number of series.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) series: Option<usize>,
}

/// The settings for its own checks that every kind of target can have.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetSettings {
    pub(super) thresholds: BTreeMap<String, Levels>,
    pub(super) skip: Vec<String>,
    pub(super) sources: BTreeMap<String, String>,
    pub(super) selector: Option<String>,
}
