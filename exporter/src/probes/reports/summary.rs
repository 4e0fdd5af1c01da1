//! What a report says, whatever its format.

use std::collections::BTreeMap;

/// Counts by level or kind, the name that the report gives itself, and when it was made.
#[derive(Default)]
pub(super) struct Summary {
    pub counts: BTreeMap<&'static str, u64>,
    /// What no newer version mends yet; only scanners of images tell it apart.
    pub unfixable: BTreeMap<&'static str, u64>,
    pub subject: Option<String>,
    pub written: Option<f64>,
    /// Warnings by kind, of cargo audit alone.
    pub warnings: BTreeMap<&'static str, u64>,
    /// When the list of advisories was last changed, if the report says so.
    pub database: Option<f64>,
}

/// How severe a finding is.
pub(super) const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "unknown"];

/// Every level is there, also with none, so that "none" differs from "unknown".
pub(super) fn counted<'a>(words: &[&'static str], seen: impl Iterator<Item = &'a str>) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = words.iter().map(|word| (*word, 0)).collect();
    for word in seen {
        let known = words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
        // What a scanner calls negligible or none is of no concern; anything else unheard of is.
        match known {
            Some(known) => *counts.entry(known).or_default() += 1,
            None if ["negligible", "none"].contains(&word.to_lowercase().as_str()) => {}
            None => *counts.entry("unknown").or_default() += 1,
        }
    }
    counts
}
