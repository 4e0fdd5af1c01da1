//! Numbers by which rules of several files are compared. They are computed while the files are read, on all cores.

use super::place::Text;
use promql::{Expr, MatchOp};
use regex::Regex;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

/// The numbers, durations and comparison operators in an expression.
static MASKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[<>]=?|[=!]=|\b[0-9][0-9a-z.]*").unwrap_or_else(|error| panic!("{error}")));

/// Labels or annotations.
type Named = [(String, Text)];
/// A metric, and the label, operator and value of each matcher.
type Selected<'a> = (&'a str, Vec<(&'a str, MatchOp, &'a str)>);

/// Hashes that are the same for rules that are the same in some respect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity {
    /// The series that the rule makes. `None` when the expression does not parse.
    pub(super) series: Option<u64>,
    /// What the rule does: all but its annotations.
    pub(super) definition: u64,
    /// All of the rule.
    pub(super) whole: u64,
}

impl Identity {
    /// Computes the numbers of a rule from whether it alerts and its name, its expression as text and parsed, its labels
    /// and annotations, the seconds of `for` and `keep_firing_for`, and the interval of its group.
    pub(super) fn of(
        (alerts, name): (bool, &str),
        (text, ast): (&str, Option<&Expr>),
        (labels, annotations): (&Named, &Named),
        times: [f64; 2],
        interval: Option<f64>,
    ) -> Self {
        // The printed expression, because a copy may have other line breaks.
        let expr = ast.map_or_else(|| text.to_owned(), ToString::to_string);
        let named = (alerts, name, texts(labels));
        // Expressions that differ only in numbers and comparisons are two limits on the same value.
        let series = ast.map(|ast| hash(&(&named, selected(ast), MASKED.replace_all(&expr, "#"))));
        let definition = hash(&(named, expr, times.map(f64::to_bits)));
        Self { series, definition, whole: hash(&(definition, texts(annotations), interval.map(f64::to_bits))) }
    }
}

fn texts(named: &Named) -> Vec<(&str, &str)> {
    sorted(named.iter().map(|(name, text)| (&**name, &*text.value)))
}

/// What an expression selects: metrics with their matchers.
///
/// Rules of one name and one set of labels are common where they select different series: `code=~"2.."` and `code=~"5.."`.
/// Only those that select the same and differ in limits make the same series.
fn selected(ast: &Expr) -> Vec<Selected<'_>> {
    let mut selected = sorted(ast.selectors().into_iter().map(|selector| {
        let matchers = selector.matchers.iter().map(|one| (&*one.name.text, one.op, &*one.value));
        (selector.metric().unwrap_or_default(), sorted(matchers))
    }));
    selected.dedup();
    selected
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}

/// A number that is the same for equal values of one run.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
