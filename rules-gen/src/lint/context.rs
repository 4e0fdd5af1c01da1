//! What the lints on one rule may look at beside it.

use super::options::Options;
use super::overlaps::Overlaps;
use super::tested::{Tested, Used};
use super::tested_files::plain;
use crate::routing::Configuration;
use promql::Expr;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the lints on one rule may look at beside it.
#[derive(Debug)]
pub struct Context<'a> {
    /// The settings.
    pub options: &'a Options,
    /// Metrics that linted rules record.
    pub recorded: &'a BTreeSet<String>,
    /// What each of them is recorded of.
    pub recordings: &'a BTreeMap<&'a str, Vec<&'a Expr>>,
    /// Whether any linted alert has the label `severity`.
    pub uses_severity: bool,
    /// The ids of the linted dashboards, when there are any and each has one.
    pub uids: Option<&'a BTreeSet<String>>,
    /// The names of the alerts in each linted file with rules.
    pub alerts: &'a BTreeMap<PathBuf, BTreeSet<String>>,
    /// The linted configurations of Alertmanager.
    pub routing: &'a [&'a Configuration],
    /// What the linted rule tests show.
    pub tested: &'a Tested,
    /// Rules of several files that make the same series.
    pub overlaps: &'a Overlaps<'a>,
    /// Metrics that linted rules and panels read.
    pub used: &'a Used,
}

impl Context<'_> {
    /// The alerts of a linted file; nothing when it was not linted.
    pub fn alerts_of(&self, file: &Path) -> Option<&BTreeSet<String>> {
        self.alerts.get(&plain(file))
    }
}
