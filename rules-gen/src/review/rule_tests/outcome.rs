//! The result of the tests of some rule files.

use crate::rules::unit_tests::mutants::{Mutant, Tally};

/// The result of the tests of some rule files.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The number of test files.
    pub tests: usize,
    /// Files that could not be read, with the reason. Their content is unknown, so the run fails.
    pub unread: Vec<(String, String)>,
    /// The number of alerts in the rule files.
    pub alerts: usize,
    /// The failed test files, with promtool's message.
    pub failed: Vec<(String, String)>,
    /// Alerts that no case shows firing, with the file and line of each.
    pub never_fire: Vec<(String, String)>,
    /// Alerts that no case shows silent, with the file and line of each.
    pub never_quiet: Vec<(String, String)>,
    /// Rule files whose mutants do not run, with the reason.
    pub not_mutated: Vec<(String, String)>,
    /// The number of mutants of each kind.
    pub mutants: Tally,
    /// Mutants that no test noticed: the rule with its place, and the mutant.
    pub survivors: Vec<(String, Mutant)>,
}
