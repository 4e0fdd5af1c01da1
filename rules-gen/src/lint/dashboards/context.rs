//! The other linted files and the settings, for the lints on a dashboard.

use super::limits::Limits;
use crate::lint::options::Options;
use std::collections::BTreeSet;

/// What a lint on a dashboard may look at besides the dashboard itself.
#[derive(Debug)]
pub struct DashboardContext<'a> {
    /// Names of series that linted recording rules write.
    pub recorded: &'a BTreeSet<&'a str>,
    /// The limits of linted alerts.
    pub limits: &'a Limits,
    /// The `uid`s of the linted dashboards. `None` when one of them has none.
    pub uids: Option<&'a BTreeSet<String>>,
    pub options: &'a Options,
}
