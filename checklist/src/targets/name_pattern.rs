//! Patterns of names with shell wildcards: `*.dump`, `2026-*/full.sql.gz`.

use crate::condition::value::alternatives;

/// A pattern of names. `*` stands for any characters, `?` for one. A pattern without a slash is compared with the part
/// of the name after the last slash, one with a slash with the whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the pattern as a regular expression of RE2, for a whole name.
    pub fn regex(&self) -> String {
        let one = |c: char| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            other => alternatives(&[other.to_string()]),
        };
        self.0.chars().map(one).collect()
    }

    /// Returns whether the pattern matches a name.
    pub fn matches(&self, name: &str) -> bool {
        let part = if self.0.contains('/') { name } else { name.rsplit('/').next().unwrap_or(name) };
        fits(&self.0.chars().collect::<Vec<_>>(), &part.chars().collect::<Vec<_>>())
    }
}

/// Compares both from left to right. On a mismatch, the last star takes one more character and the comparison continues
/// behind it.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_characters_and_a_pattern_with_a_slash_matches_the_whole_key() {
        for (pattern, name, fit) in [
            ("*.dump", "2026/a.dump", true),
            ("*.dump", "a.dump.md5", false),
            ("2026*/*.dump", "2026-11/a.dump", true),
            ("2026*/*.dump", "2025-11/a.dump", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
        ] {
            assert_eq!(NamePattern::new(pattern).matches(name), fit, "{pattern} on {name}");
        }
        let (long, name) = (format!("{}b", "a*".repeat(50)), "a".repeat(5_000));
        assert!(!NamePattern::new(&long).matches(&name), "and it ends soon");
    }
}
