//! What the tests of rule files gave.

use crate::rules::unit_tests::mutants::{Kind, Mutant};

/// What the tests of some rule files gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Test files.
    pub tests: usize,
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
    /// Mutants by kind: how many there are and how many were noticed.
    pub mutants: Vec<(Kind, usize, usize)>,
    /// Mutants that no test noticed: the rule with its place, and what was broken.
    pub survivors: Vec<(String, Mutant)>,
}

impl Outcome {
    /// The share of mutants that were noticed; 1 when there are none.
    pub fn rate(&self) -> f64 {
        let sum = |of: fn(&(Kind, usize, usize)) -> usize| self.mutants.iter().map(of).sum::<usize>() as f64;
        let all = sum(|(_, all, _)| *all);
        if all == 0.0 { 1.0 } else { sum(|(.., noticed)| *noticed) / all }
    }
}
