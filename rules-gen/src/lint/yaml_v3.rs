//! Finds what the YAML reader of Prometheus (yaml.v3) refuses and our parser accepts: unknown directives, tabs in the
//! indentation, and some characters and escapes that YAML 1.1 reads differently.

use super::place::{Lines, ParseError};
use granit_parser::ScalarStyle;
use std::ops::Range;

/// Parts of a text that the checks in this file need to know.
#[derive(Debug, Default)]
pub(super) struct Covered {
    /// Whether the text contains a tab. Otherwise no ranges are kept.
    tabs: bool,
    /// Whether the text contains characters beyond ASCII. Otherwise no quoted texts are kept.
    wide: bool,
    /// Collections in brackets, and quoted texts. Tabs are allowed in them.
    closed: Vec<Range<usize>>,
    /// All other texts.
    texts: Vec<Range<usize>>,
    /// The first bytes of block scalars (`|`, `>`).
    blocks: Vec<usize>,
    /// Quoted texts.
    quoted: Vec<Range<usize>>,
    /// Mistakes inside a single scalar, each with its byte and message.
    pub refused: Vec<(usize, String)>,
}

impl Covered {
    pub(super) fn of(text: &str) -> Self {
        Self { tabs: text.contains('\t'), wide: !text.is_ascii(), ..Self::default() }
    }

    /// Adds a scalar, and checks its source: escapes in double quotes, and `?` or `:` in plain scalars inside brackets.
    pub(super) fn scalar(&mut self, style: ScalarStyle, raw: &str, start: usize, within_brackets: bool) {
        let quotes = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let range = start..start + raw.len();
        if quotes && self.wide {
            self.quoted.push(range.clone());
        }
        if self.tabs {
            if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                self.blocks.push(start);
            }
            if quotes { &mut self.closed } else { &mut self.texts }.push(range);
        }
        let found = match style {
            ScalarStyle::DoubleQuoted if raw.contains('\\') => escape(raw),
            ScalarStyle::Plain if within_brackets => {
                let colon = raw.starts_with(':').then_some(0);
                colon.or_else(|| raw.find('?')).map(|at| {
                    (at, "a ? in brackets, or a leading :, ends the string for Prometheus: put the string in quotes")
                })
            }
            _ => None,
        };
        self.refused.extend(found.map(|(at, message)| (start + at, message.to_owned())));
    }

    /// Adds a collection in brackets.
    pub(super) fn collection(&mut self, range: Range<usize>) {
        if self.tabs {
            self.closed.push(range);
        }
    }
}

/// Returns an escape in double quotes that JSON allows and yaml.v3 does not.
fn escape(raw: &str) -> Option<(usize, &'static str)> {
    let mut rest = raw.char_indices();
    while let Some((at, c)) = rest.next() {
        if c != '\\' {
            continue;
        }
        match rest.next()?.1 {
            '/' => return Some((at, "Prometheus does not know the escape \\/: write / alone")),
            'u' if matches!(
                raw.as_bytes().get(at + 2..at + 4)?,
                [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F']
            ) =>
            {
                return Some((
                    at,
                    "Prometheus does not read a pair of \\u escapes as one character: write the character, or use \\U",
                ));
            }
            _ => {}
        }
    }
    None
}

/// Returns the first mistake that yaml.v3 refuses.
pub(super) fn refused(text: &str, covered: &Covered) -> Option<ParseError> {
    let first = covered.refused.iter().min_by_key(|(at, _)| *at).cloned();
    let all = [first, mark(text), directive(text), tab(text, covered), block(text, covered), separator(text, covered)];
    let (at, message) = all.into_iter().flatten().min_by_key(|(at, _)| *at)?;
    Some(ParseError { place: Lines::new(text).place(text, at), message })
}

/// Finds a second byte-order mark, and a document end marker without a document.
fn mark(text: &str) -> Option<(usize, String)> {
    if text.starts_with('\u{feff}') {
        return Some((0, "a second byte-order mark: remove it".to_owned()));
    }
    let content = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    let (at, line) = starts(text).find(|(_, line)| content(line))?;
    (line.trim_end() == "...").then(|| (at, "a document end marker (...) without a document".to_owned()))
}

/// Finds a character outside of quotes that YAML 1.1 treats as a line break.
fn separator(text: &str, covered: &Covered) -> Option<(usize, String)> {
    if text.is_ascii() {
        return None;
    }
    let all = text.match_indices(['\u{85}', '\u{2028}', '\u{2029}']);
    let mut outside = all.filter(|(at, _)| !covered.quoted.iter().any(|range| range.contains(at)));
    outside.next().map(|(at, found)| {
        let code = u32::from(found.chars().next().unwrap_or_default());
        (at, format!("the character U+{code:04X} ends the line for Prometheus: replace it by a space"))
    })
}

/// Replaces each tab at the start of a line by a space, which keeps the places of the text.
pub(super) fn spaced(text: &str) -> String {
    let line = |line: &str| {
        let content = line.trim_start_matches('\t');
        " ".repeat(line.len() - content.len()) + content
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Returns the lines of a text, each with the byte at which it begins.
fn starts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// Finds a directive that yaml.v3 does not know. Only directives before the first document are read.
fn directive(text: &str) -> Option<(usize, String)> {
    let before = |line: &str| line.trim().is_empty() || line.starts_with('#') || line.starts_with('%');
    let mut directives = starts(text).take_while(|(_, line)| before(line)).filter(|(_, line)| line.starts_with('%'));
    directives.find_map(|(at, line)| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("%YAML"), Some("1.1")) | (Some("%TAG"), _) => None,
            (Some("%YAML"), version) => {
                let version = version.unwrap_or("no version");
                Some((
                    at,
                    format!("the directive %YAML names {version}, but Prometheus reads 1.1: remove the directive"),
                ))
            }
            (name, _) => Some((at, format!("unknown directive {}", name.unwrap_or("%")))),
        }
    })
}

/// Finds a tab at the start of a line or after the `-` of a list item.
fn tab(text: &str, covered: &Covered) -> Option<(usize, String)> {
    if !text.contains('\t') {
        return None;
    }
    // Ranges are added when they end, so the enclosing range comes after those inside it.
    let within = |ranges: &[Range<usize>], at: usize| ranges.iter().rev().any(|range| range.contains(&at));
    starts(text).find_map(|(start, line)| {
        let content = line.trim_start_matches([' ', '-', '\t']);
        let front = &line[..line.len() - content.len()];
        let at = front.find('\t')?;
        if within(&covered.closed, start) {
            return None;
        }
        if line.starts_with('\t') {
            return Some((start, "a tab in the indentation: use spaces".to_owned()));
        }
        // Spaces and a tab before a key are refused. The continuation of a text may have them.
        let begins = start + front.len();
        let continues = covered.texts.iter().rev().any(|range| range.start < begins && begins < range.end);
        if front.trim_matches([' ', '\t']).is_empty()
            && !continues
            && !content.trim().is_empty()
            && !content.starts_with('#')
        {
            return Some((start + at, "a tab in the indentation: use spaces".to_owned()));
        }
        let behind_dash = front[..at].trim_end_matches(' ').ends_with('-');
        // The `-` may also belong to a negative number or to the continuation of a text.
        let dash = front[..at].trim_start_matches(' ').split(' ').all(|part| matches!(part, "" | "-"));
        (behind_dash && dash && !within(&covered.texts, start + front.len() - front.trim_start_matches(' ').len()))
            .then(|| (start + at, "a tab after the - of a list: use a space".to_owned()))
    })
}

/// Finds a tab before the first line of a block scalar, where the indentation is determined.
fn block(text: &str, covered: &Covered) -> Option<(usize, String)> {
    covered.blocks.iter().find_map(|start| {
        let line = text[..*start].rfind('\n').map_or(0, |at| at + 1);
        let front = text[line..].len() - text[line..].trim_start_matches([' ', '\t']).len();
        let tab = text[line..line + front].find('\t')?;
        // With an explicit indentation number after `|` or `>` the tab is allowed.
        let head = text[..line].trim_end().rsplit('\n').next().unwrap_or_default();
        let explicit = head.trim_end_matches(['+', '-']).ends_with(|c: char| c.is_ascii_digit())
            || head.rsplit(['|', '>']).next().is_some_and(|behind| behind.starts_with(|c: char| c.is_ascii_digit()));
        (!explicit).then(|| (line + tab, "a tab before a block: use spaces".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::yaml::documents;

    fn refused(text: &str) -> Option<String> {
        documents(text).1.map(|malformed| format!("{}: {}", malformed.place.line, malformed.message))
    }

    #[test]
    fn directives_and_tabs_are_refused_as_yaml_v3_does() {
        for (bad, line) in [
            ("%YAML 1.3\n---\na: b\n", 1),
            ("%YAML 1.2\n---\na: b\n", 1),
            ("# c\n%FOO bar\n---\na: b\n", 2),
            ("a:\n-\tb: c\n", 2),
            ("a:\n- \tb: c\n", 2),
            ("a:\n  - - \tb\n", 2),
            ("a: b\n\t\n", 2),
            ("a:\n\tb: c\n", 2),
            ("a: b\n\t# c\n", 2),
            ("a: >-\n  b\n\t  \n", 3),
            ("a: |\n  \tb\n", 2),
            ("a:\n  \tb: c\n", 2),
            ("a: {b\nc: d}\n", 1),
            ("a:\n  b: c\n  \td: e\n", 2),
            ("# c\n...\na: b\n", 2),
            ("a: {b: Is it?}\n", 1),
            ("a: [b?c]\n", 1),
            ("a: {:b: c}\n", 1),
            ("a: b\nc: \"x\\/y\"\n", 2),
            ("a: \"\\ud83d\\ude00\"\n", 1),
            ("a: b\u{2028}c\n", 1),
            ("# b\u{85}c\na: b\n", 1),
        ] {
            assert!(refused(bad).is_some_and(|why| why.starts_with(&line.to_string())), "{bad:?}: {:?}", refused(bad));
        }
        for good in [
            "%YAML 1.1\n---\na: b\n",
            "%TAG !e! tag:e:\n---\na: b\n",
            "a:\tb\n",
            "a: b\t# c\n",
            "a: [\n\tb,\n\t5]\n",
            "a:\n- b: {\n\t\tc: d}\n",
            "a: \"b\n\tc\"\n",
            "a: |\n  -\tb\n  \tc\n",
            "a: |2\n  \tb\n",
            "a: b\n  -\tc\n",
            "a: b\n  \tc\n",
            "a: b\n  \t# c\n",
            "a: b\n---\n# c\n",
            "a: b\n...\n",
            "a: Is it?\n",
            "a: {b: 'Is it?'}\n",
            "a: \"\\\\/ \\u00e9 é\"\n",
            "a: \"b\u{2028}c\"\n",
        ] {
            assert_eq!(refused(good), None, "{good:?}");
        }
    }
}
