//! The list of mutants that no test can detect, because they mean the same as the rule. Each has its reason.

use super::mutants::{Kind, Mutant};
use crate::rules::unit_tests::RuleTest;

/// Returns the reason why a mutant means the same as its rule. `None` for all other mutants.
pub fn reason(test: &RuleTest, mutant: &Mutant) -> Option<&'static str> {
    match (test.rule.alert.as_str(), mutant.kind) {
        ("ChecklistWatchdog", Kind::Threshold) => Some("an alert fires on any value, whatever the number"),
        _ => None,
    }
}
