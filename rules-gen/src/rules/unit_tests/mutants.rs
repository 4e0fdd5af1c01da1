//! Creates mutants of a rule, which its test must notice: a comparison inverted, a metric replaced, a number multiplied
//! by ten, or `for` removed.

use std::fmt;

/// The kind of change in a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A comparison is inverted.
    Comparator,
    /// A metric is replaced by another one.
    Metric,
    /// A number is multiplied by ten.
    Threshold,
    /// `for` is removed.
    Pending,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Comparator, Self::Metric, Self::Threshold, Self::Pending];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Comparator => "comparison flipped",
            Self::Metric => "metric swapped",
            Self::Threshold => "number times ten",
            Self::Pending => "for dropped",
        })
    }
}

/// For each kind, the number of mutants and of those that were noticed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(Vec<(Kind, usize, usize)>);

impl Tally {
    /// Returns a tally of zero mutants of each kind.
    pub fn new() -> Self {
        Self(Kind::ALL.iter().map(|kind| (*kind, 0, 0)).collect())
    }

    /// Counts a mutant.
    pub fn count(&mut self, kind: Kind, is_noticed: bool) {
        for (_, all, noticed) in self.0.iter_mut().filter(|(of, ..)| *of == kind) {
            *all += 1;
            *noticed += usize::from(is_noticed);
        }
    }

    /// Returns the kind, the number of mutants and the number of noticed ones. Empty when no mutants ran.
    pub fn kinds(&self) -> &[(Kind, usize, usize)] {
        &self.0
    }

    /// Returns the share of noticed mutants, from 0 to 1. 1 when there are none.
    pub fn rate(&self) -> f64 {
        let all: usize = self.0.iter().map(|(_, all, _)| all).sum();
        let noticed: usize = self.0.iter().map(|(.., noticed)| noticed).sum();
        if all == 0 { 1.0 } else { noticed as f64 / all as f64 }
    }
}

/// A rule with one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    pub kind: Kind,
    /// The place of the change, as the user sees it.
    pub place: String,
    pub expr: String,
}

/// Returns every mutant of an expression. `metrics` are the metrics that may replace each other. `waits` is whether the
/// rule has `for`.
pub fn of(expr: &str, metrics: &[&str], waits: bool) -> Vec<Mutant> {
    let tokens = tokens(expr);
    let with = |kind, token: &Token<'_>, text: &str| Mutant {
        kind,
        place: format!("{} becomes {text} at {}", token.text, token.at + 1),
        expr: format!("{}{text}{}", &expr[..token.at], &expr[token.at + token.text.len()..]),
    };
    let mut mutants = Vec::new();
    for token in &tokens {
        if let Some(other) = flipped(token.text) {
            mutants.push(with(Kind::Comparator, token, other));
        }
        if let Ok(number) = token.text.parse::<f64>()
            && number != 0.0
        {
            mutants.push(with(Kind::Threshold, token, &format!("{}", number * 10.0)));
        }
    }
    let known = |name: &&str| metrics.contains(name);
    let mut used: Vec<&str> = tokens.iter().map(|token| token.text).filter(known).collect();
    used.sort_unstable();
    used.dedup();
    for name in &used {
        // Other metrics of the same expression have samples in the test, so their mutants are harder to notice.
        let mut others: Vec<&str> = used.iter().copied().filter(|other| other != name).collect();
        others.extend(metrics.iter().copied().find(|other| !used.contains(other)));
        if others.is_empty() {
            others.push("checklist_other");
        }
        for other in others {
            let mut broken = String::new();
            let mut last = 0;
            for token in tokens.iter().filter(|token| token.text == *name) {
                broken += &expr[last..token.at];
                broken += other;
                last = token.at + token.text.len();
            }
            broken += &expr[last..];
            mutants.push(Mutant { kind: Kind::Metric, place: format!("{name} becomes {other}"), expr: broken });
        }
    }
    if waits {
        mutants.push(Mutant { kind: Kind::Pending, place: "for".to_owned(), expr: expr.to_owned() });
    }
    mutants
}

/// Returns the numbers in an expression.
pub(crate) fn numbers(expr: &str) -> Vec<f64> {
    tokens(expr).iter().filter_map(|token| token.text.parse().ok()).collect()
}

fn flipped(operator: &str) -> Option<&'static str> {
    Some(match operator {
        ">" => "<",
        "<" => ">",
        ">=" => "<=",
        "<=" => ">=",
        "==" => "!=",
        "!=" => "==",
        _ => return None,
    })
}

/// A part of an expression, with its first byte.
#[derive(Debug, PartialEq)]
struct Token<'a> {
    at: usize,
    text: &'a str,
}

/// Returns names, numbers and comparison operators. Strings, matchers, ranges and durations are skipped, because they
/// are not mutated.
fn tokens(expr: &str) -> Vec<Token<'_>> {
    let bytes = expr.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let word = |good: fn(&u8) -> bool| rest.iter().take_while(|byte| good(byte)).count();
        let length = match byte {
            b'{' => closing(rest, b'}'),
            b'[' => closing(rest, b']'),
            b'"' | b'\'' | b'`' => string(rest),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => {
                let length = word(|byte| byte.is_ascii_alphanumeric() || [b'_', b':'].contains(byte));
                tokens.push(Token { at, text: &expr[at..at + length] });
                length
            }
            b'0'..=b'9' => {
                let length = word(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
                tokens.push(Token { at, text: &expr[at..at + length] });
                length
            }
            b'<' | b'>' | b'=' | b'!' => {
                let length = 1 + usize::from(bytes.get(at + 1) == Some(&b'='));
                tokens.push(Token { at, text: &expr[at..at + length] });
                length
            }
            _ => 1,
        };
        at += length;
    }
    tokens
}

/// Returns the number of bytes up to and including the closing bracket.
fn closing(bytes: &[u8], end: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' | b'\'' | b'`' => string(&bytes[at..]),
            _ if *byte == end => return at + 1,
            _ => 1,
        };
    }
    at
}

/// Returns the number of bytes of a string with its quotes.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes[0] != b'`' => at += 2,
            _ if *byte == bytes[0] => return at + 1,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_matchers_ranges_and_durations_are_not_mutated() {
        let expr = r#"avg_over_time(used_bytes{a="x > 5 }"}[1h] offset 7d) / size_bytes > 0.5"#;
        let mutants = of(expr, &["used_bytes", "size_bytes"], true);
        let places: Vec<&str> = mutants.iter().map(|mutant| mutant.place.as_str()).collect();
        let wanted = [
            "> becomes < at 67",
            "0.5 becomes 5 at 69",
            "size_bytes becomes used_bytes",
            "used_bytes becomes size_bytes",
            "for",
        ];
        assert_eq!(places, wanted);
        assert!(mutants[0].expr.ends_with("size_bytes < 0.5"));
        assert!(mutants[2].expr.ends_with("/ used_bytes > 0.5"));
    }

    #[test]
    fn an_unclosed_string_extends_to_the_end_of_the_text() {
        assert!(tokens("{\"").is_empty() && tokens("'\\").is_empty());
    }
}
