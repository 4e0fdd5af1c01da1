//! What the lints on one rule may look at beside it.

use crate::lint::options::Options;
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
}
