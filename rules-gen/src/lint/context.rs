//! The other linted files and the settings, for the lints on a rule.

use super::options::Options;
use super::overlaps::Overlaps;
use super::recordings::Recordings;
use super::tested::{Tested, Used};
use super::tested_files::plain;
use crate::routing::Configuration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a lint on a rule may look at besides the rule itself.
#[derive(Debug)]
pub struct Context<'a> {
    pub options: &'a Options,
    /// The series that linted recording rules write.
    pub recordings: &'a Recordings<'a>,
    /// Whether any linted alert has the label `severity`.
    pub uses_severity: bool,
    /// The `uid`s of the linted dashboards. `None` when there are no dashboards, or one has no `uid`.
    pub uids: Option<&'a BTreeSet<String>>,
    /// The names of the alerts in each linted rule file.
    pub alerts: &'a BTreeMap<PathBuf, BTreeSet<&'a str>>,
    /// The linted Alertmanager configurations.
    pub routing: &'a [&'a Configuration],
    /// What the linted rule tests cover.
    pub tested: &'a Tested,
    /// Rules in several files that make the same series.
    pub overlaps: &'a Overlaps<'a>,
    /// Metrics that linted rules and panels read.
    pub used: &'a Used<'a>,
}

impl Context<'_> {
    /// Returns the alerts of a rule file. `None` when it was not linted.
    pub fn alerts_of(&self, file: &Path) -> Option<&BTreeSet<&str>> {
        self.alerts.get(&plain(file))
    }
}
