//! What the tests of rule files gave.

use crate::rules::unit_tests::mutants::{Mutant, Tally};

/// What the tests of some rule files gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Test files.
    pub tests: usize,
    /// Files that could not be read, and why: nobody knows what is in them.
    pub unread: Vec<(String, String)>,
    /// Alerts of the rule files.
    pub alerts: usize,
    /// The test file and why it fails.
    pub failed: Vec<(String, String)>,
    /// Alerts that no case shows firing, and the file and line of each.
    pub never_fire: Vec<(String, String)>,
    /// Alerts that no case shows quiet.
    pub never_quiet: Vec<(String, String)>,
    /// Rule files whose mutants are not run, and why.
    pub not_mutated: Vec<(String, String)>,
    /// The mutants, counted by kind.
    pub mutants: Tally,
    /// Mutants that no test noticed: the rule with its place, and what was broken.
    pub survivors: Vec<(String, Mutant)>,
}
