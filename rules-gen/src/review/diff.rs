//! Compares the deployed rules with the rules that `generate` would write.

mod compare;
pub mod render;
pub mod sources;

pub use compare::{Change, Difference, compare};

use crate::outputs::prometheus;
use crate::review::rule_set::{self, ListedRule};
use crate::rules;
use checklist::Config;

/// Returns the generated rules, parsed back from the rule file.
pub fn generated(config: &Config) -> anyhow::Result<Vec<ListedRule>> {
    rule_set::document_rules(&prometheus::rule_file(&rules::groups(config)))
}

/// Whether a deployed rule belongs to the checklist: its group begins with `checklist-`, or a generated rule has its
/// name.
pub fn is_ours(rule: &ListedRule, generated: &[ListedRule]) -> bool {
    rule.group.starts_with("checklist-") || generated.iter().any(|own| own.kind == rule.kind && own.name == rule.name)
}
