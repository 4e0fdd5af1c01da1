//! Comments that suppress findings: `# rules-gen: ignore RG016 until 2026-12-31 because ...`.

use jiff::civil::Date;
use regex::Regex;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// A function that returns the id of a lint if it exists (`checks::id`).
pub type LintId = fn(&str) -> Option<&'static str>;

/// Lints whose findings depend on more than the file: versions, retention, metrics of a scrape or live server, other
/// files. A suppression of such a lint may be needed in another run, so it is never reported as useless.
const OF_THE_RUN: [&str; 24] = [
    "RG004", "RG005", "RG006", "RG007", "RG008", "RG010", "RG011", "RG012", "RG013", "RG014", "RG015", "RG019",
    "RG021", "RG026", "RG027", "RG032", "RG033", "RG034", "RG036", "RG040", "RG041", "RG050", "RG070", "RG080",
];

/// The beginning of a suppression comment. Spaces and the case of the letters do not matter, because a comment that was
/// meant as a suppression must not be overlooked.
static BEGIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)#[# \t]*rules-gen[ \t]*:").unwrap_or_else(|error| panic!("{error}")));

/// A suppression comment.
pub(super) struct Ignore {
    /// The line of the comment.
    pub written: usize,
    /// The line that the comment is about. `None` means the whole file.
    line: Option<usize>,
    /// The lints, and whether each suppressed a finding.
    ids: Vec<(&'static str, bool)>,
}

impl Ignore {
    /// Whether the comment suppresses a finding of a lint on these lines. Remembers that it did.
    pub(super) fn takes(&mut self, lines: RangeInclusive<usize>, lint: &str) -> bool {
        let here = self.line.is_none_or(|line| lines.contains(&line)) && lint != "RG099";
        match self.ids.iter_mut().find(|(id, _)| *id == lint) {
            Some((_, needed)) if here => {
                *needed = true;
                true
            }
            _ => false,
        }
    }

    /// Returns the lints of which the comment suppressed nothing.
    pub(super) fn useless(&self) -> impl Iterator<Item = &'static str> {
        self.ids.iter().filter(|(id, needed)| !needed && !OF_THE_RUN.contains(id)).map(|(id, _)| *id)
    }
}

/// Whether a text may have suppression comments.
pub(super) fn has_any(text: &str) -> bool {
    BEGIN.is_match(text)
}

/// Returns the suppression comments of a file, which stand before a rule or inside it (`ignore-file` applies to the
/// whole file). The second list has invalid comments, with the line and the mistake of each.
pub(super) fn read(text: &str, today: Date, id: LintId) -> (Vec<Ignore>, Vec<(usize, String)>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    if !has_any(text) {
        return (good, bad);
    }
    let all: Vec<&str> = text.lines().collect();
    for (at, line) in all.iter().enumerate() {
        let Some(begin) = BEGIN.find(line) else { continue };
        let (before, comment) = (&line[..begin.start()], &line[begin.end()..]);
        let next = all.iter().skip(at + 1).position(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
        let about = if before.trim().is_empty() { next.map_or(at + 1, |next| at + next + 2) } else { at + 1 };
        match ignore(comment.trim(), today, id) {
            Ok((whole, ids)) => {
                let ids = ids.into_iter().map(|id| (id, false)).collect();
                good.push(Ignore { written: at + 1, line: (!whole).then_some(about), ids });
            }
            Err(why) => bad.push((at + 1, why)),
        }
    }
    (good, bad)
}

/// Parses a date such as 2027-01-31. A time of the day is not accepted, because it would be ignored.
pub fn date(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

fn ignore(comment: &str, today: Date, id: LintId) -> Result<(bool, Vec<&'static str>), String> {
    let (head, reason) = comment.split_once(" because ").ok_or("the suppression has no reason: add because ...")?;
    if reason.trim().is_empty() {
        return Err("the suppression has no reason: add because ...".to_owned());
    }
    let mut words = head.split([' ', ',']).filter(|word| !word.is_empty());
    let whole = match words.next() {
        Some("ignore") => false,
        Some("ignore-file") => true,
        other => return Err(format!("unknown instruction {}; use ignore or ignore-file", other.unwrap_or_default())),
    };
    let mut ids = Vec::new();
    while let Some(word) = words.next() {
        if word == "until" {
            let end = words.next().and_then(date).ok_or("until needs a date such as 2026-12-31")?;
            if end < today {
                return Err(format!("this suppression ended on {end}"));
            }
        } else {
            ids.push(id(word).ok_or_else(|| format!("unknown lint {word}"))?);
        }
    }
    if ids.is_empty() { Err("the suppression names no lint: add at least one id".to_owned()) } else { Ok((whole, ids)) }
}
