//! The common result of all report formats.

use std::collections::BTreeMap;

/// The content of one report.
#[derive(Default)]
pub(super) struct Summary {
    /// Number of findings by severity, or by kind for `cargo outdated`. For image scanners only the fixable ones.
    pub counts: BTreeMap<&'static str, u64>,
    /// Findings by severity that no newer version fixes. Only scanners of images report them separately.
    pub unfixable: BTreeMap<&'static str, u64>,
    /// Name of the examined image, if the report has one.
    pub subject: Option<String>,
    /// When the report was made, Unix seconds.
    pub written: Option<f64>,
    /// Warnings by kind; only `cargo audit` has them.
    pub warnings: BTreeMap<&'static str, u64>,
    /// When the scanner's database was last changed, Unix seconds, if the report says so.
    pub database: Option<f64>,
    /// Number of findings, or of kinds of findings, that the scanner was configured to leave out.
    pub left_out: usize,
    /// Why the scanner saw less than its counts say, each as the end of a sentence about the report.
    pub gaps: Vec<String>,
}

/// Severities of a finding, most severe first.
pub(super) const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "unknown"];

/// Counts the occurrences of each word. Every known word gets an entry, also 0. Words that are not known count as
/// `unknown`.
pub(super) fn counted<'a>(words: &[&'static str], seen: impl Iterator<Item = &'a str>) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = words.iter().map(|word| (*word, 0)).collect();
    for word in seen {
        let known = words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
        // Findings that a scanner calls negligible are ignored. Any other severity that is not known might matter.
        match known {
            Some(known) => *counts.entry(known).or_default() += 1,
            None if ["negligible", "none"].contains(&word.to_lowercase().as_str()) => {}
            None => *counts.entry("unknown").or_default() += 1,
        }
    }
    counts
}
