//! What is deployed against what would be generated.

mod compare;
pub mod render;
pub mod sources;

pub use compare::{Change, Difference, compare};

use crate::outputs::prometheus;
use crate::review::rule_set::{self, ListedRule};
use crate::rules;
use checklist::Config;

/// The generated rules, read back from what would be written.
pub fn generated(config: &Config) -> anyhow::Result<Vec<ListedRule>> {
    rule_set::document_rules(&prometheus::rule_file(&rules::groups(config)))
}

/// Whether a deployed rule is in a group of the checklist or has the name of a generated rule.
pub fn is_ours(rule: &ListedRule, generated: &[ListedRule]) -> bool {
    rule.group.starts_with("checklist-") || generated.iter().any(|own| own.kind == rule.kind && own.name == rule.name)
}
