//! Patterns of names, as shells have them: `*.dump`, `2026-*/full.sql.gz`.

/// One pattern. `*` stands for any letters and `?` for one. Without a slash it is held against the last part of a name,
/// with one against the whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// A pattern; every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it fits a name.
    pub fn matches(&self, name: &str) -> bool {
        let part = if self.0.contains('/') { name } else { name.rsplit('/').next().unwrap_or(name) };
        fits(&self.0.chars().collect::<Vec<_>>(), &part.chars().collect::<Vec<_>>())
    }
}

/// Goes through both once, and after a mismatch gives the last star one letter more.
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
    fn a_star_is_any_letters_and_a_slash_means_the_whole_name() {
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
