//! Numbers by which rules of several files are compared. They are computed while the files are read, on all cores.

use super::place::Text;
use promql::Expr;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Labels or annotations.
type Named = [(String, Text)];

/// Hashes that are the same for rules that are the same in some respect.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The series that the rule makes. `None` when the expression does not parse.
    pub(super) series: Option<u64>,
    /// What the rule does: all but its annotations.
    pub(super) definition: u64,
    /// All of the rule.
    pub(super) whole: u64,
}

impl Identity {
    /// Computes the numbers of a rule from whether it alerts and its name, its expression as text and parsed, its
    /// labels and annotations, the seconds of `for` and `keep_firing_for`, and the interval of its group.
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
        let series = ast.map(|_| hash(&(&named, masked(&expr))));
        let definition = hash(&(named, expr, times.map(f64::to_bits)));
        Self { series, definition, whole: hash(&(definition, texts(annotations), interval.map(f64::to_bits))) }
    }
}

fn texts(named: &Named) -> Vec<(&str, &str)> {
    sorted(named.iter().map(|(name, text)| (&**name, &*text.value)))
}

/// Returns a printed expression with `#` for each number, duration and comparison outside of strings. The strings stay,
/// because rules of one name often select different series: `code=~"2.."` and `code=~"5.."`.
fn masked(expr: &str) -> String {
    let mut masked = String::with_capacity(expr.len());
    let mut rest = expr;
    // Whether the character before `rest` is part of a word.
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        let (length, is_masked) = match c {
            '"' => (text_literal(rest), false),
            '<' | '>' => (1 + usize::from(rest[1..].starts_with('=')), true),
            '=' | '!' if rest[1..].starts_with('=') => (2, true),
            '0'..='9' if !in_word => {
                let of_number = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.';
                (rest.find(|c| !of_number(c)).unwrap_or(rest.len()), true)
            }
            _ => (c.len_utf8(), false),
        };
        let (part, behind) = rest.split_at(length);
        masked.push_str(if is_masked { "#" } else { part });
        in_word = part.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        rest = behind;
    }
    masked
}

/// Returns the length in bytes of the string in double quotes at the beginning of a text.
fn text_literal(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
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

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn numbers_and_comparisons_are_masked_outside_of_names_and_strings() {
        for (expr, expected) in [
            ("rate(a2_total{code=~\"5..\"}[5m]) > 0.5", "rate(a2_total{code=~\"5..\"}[#]) # #"),
            ("up{a=\"\\\"1\"} != bool 1", "up{a=\"\\\"1\"} # bool #"),
            ("a <= 1e3 and b == 2", "a # # and b # #"),
        ] {
            assert_eq!(masked(expr), expected);
        }
    }
}
