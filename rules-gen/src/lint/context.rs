//! What the lints on one rule may look at beside it.

use super::options::Options;
use super::tested::{Tested, Used};
use crate::routing::Configuration;
use std::collections::BTreeSet;

/// What the lints on one rule may look at beside it.
#[derive(Debug)]
pub struct Context<'a> {
    /// The settings.
    pub options: &'a Options,
    /// Metrics that linted rules record.
    pub recorded: &'a BTreeSet<String>,
    /// The ids of the linted dashboards, when there are any and each has one.
    pub uids: Option<&'a BTreeSet<String>>,
    /// The linted configurations of Alertmanager.
    pub routing: &'a [&'a Configuration],
    /// What the linted rule tests show.
    pub tested: &'a Tested,
    /// Metrics that linted rules and panels read.
    pub used: &'a Used,
}
