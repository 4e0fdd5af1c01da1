//! What the lints on one dashboard may look at beside it.

use super::limits::Limits;
use crate::lint::options::Options;
use std::collections::BTreeSet;

/// What a dashboard is measured by.
#[derive(Debug)]
pub struct DashboardContext<'a> {
    /// Metrics that linted rules record.
    pub recorded: &'a BTreeSet<String>,
    /// Limits of linted alerts.
    pub limits: &'a Limits,
    /// The ids of the linted dashboards, when each has one.
    pub uids: Option<&'a BTreeSet<String>>,
    /// The settings.
    pub options: &'a Options,
}
