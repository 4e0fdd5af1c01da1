//! Identifies the series that a rule makes.

use super::place::Text;
use promql::{Expr, Selector};
use regex::Regex;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

/// The numbers, durations and comparison operators in an expression.
static MASKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[<>]=?|[=!]=|\b[0-9][0-9a-z.]*").unwrap_or_else(|error| panic!("{error}")));

/// What makes the series of a rule: kind, name, labels, what it selects, and how it is put together.
///
/// Rules of one name and one set of labels are common where they select different series: `code=~"2.."` and `code=~"5.."`.
/// Only those that select the same and differ in limits make the same series.
pub(super) fn series(alerts: bool, name: &str, labels: &[(String, Text)], ast: &Expr) -> u64 {
    let mut own: Vec<(&str, &str)> = labels.iter().map(|(name, text)| (&**name, &*text.value)).collect();
    own.sort_unstable();
    let selector = |one: &Selector| {
        let mut all: Vec<String> = one.matchers.iter().map(ToString::to_string).collect();
        all.sort_unstable();
        (one.metric().unwrap_or_default().to_owned(), all)
    };
    let mut selected: Vec<(String, Vec<String>)> = ast.selectors().into_iter().map(selector).collect();
    selected.sort_unstable();
    selected.dedup();
    // Expressions that differ only in numbers and comparisons are two limits on the same value.
    let printed = ast.to_string();
    let shape = MASKED.replace_all(&printed, "#");
    hash(&(alerts, name, own, selected, shape))
}

/// A number that is the same for equal values of one run.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
