//! Mutants that no test can notice, because they mean the same as the rule. Each is named with its reason.

use super::mutants::{Kind, Mutant};
use crate::rules::unit_tests::RuleTest;

/// Why the mutant means the same as its rule, if it does.
pub fn reason(test: &RuleTest, mutant: &Mutant) -> Option<&'static str> {
    match (test.rule.alert.as_str(), mutant.kind) {
        ("ChecklistWatchdog", Kind::Threshold) => Some("an alert fires on any value, whatever the number"),
        _ => None,
    }
}
