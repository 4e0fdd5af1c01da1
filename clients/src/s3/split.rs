//! Recognizes the files that `split` makes of one backup: `dump.gz.aa`, `dump.gz.ab` and so on.

use super::object::{Form, MAX_KEPT, Newest, Object};
use std::collections::BTreeMap;

/// Parts of one backup are uploaded one after the other, each within this many seconds of the one before. Backups that
/// are numbered by the hour or the day are further apart.
const APART: f64 = 1800.0;
/// A part that is older than the first one by more than this many seconds is left of an earlier backup.
const OLDER: f64 = 3600.0;

/// Endings of backups. After one of them the letters or digits of a part may follow without a separator. Also, these
/// letters are not those of a part.
const ENDINGS: [&str; 23] = [
    "7z", "age", "backup", "bak", "br", "bz2", "dmp", "dump", "enc", "gpg", "gz", "lz4", "lzo", "out", "pgdump", "sql",
    "tar", "tgz", "txz", "xz", "zip", "zst", "zstd",
];
/// Other endings of two or three letters that are not the letters of a part.
const OTHER_ENDINGS: [&str; 10] = ["asc", "crc", "csv", "db", "log", "md", "ok", "sig", "sum", "txt"];

/// How the parts of a backup are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Numbering {
    /// `aa`, `ab`, …
    Letters,
    /// `00`, `01`, …
    Digits,
    /// `part1`, `part-aa`, …
    Named,
}

/// What the name of a part says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The key of the backup: that of the part without its number.
    pub(super) whole: &'a str,
    numbering: Numbering,
    number: u64,
}

impl Part<'_> {
    /// Whether it is the first part of a backup.
    pub(super) fn is_first(&self) -> bool {
        self.number == 0 || self.number == 1 && self.numbering != Numbering::Letters
    }
}

/// Reads a key as that of a part. Other objects can have such names too: the whole group decides.
pub(super) fn part(key: &str) -> Option<Part<'_>> {
    let name = key.rfind('/').map_or(0, |slash| slash + 1);
    let digits = key.len() - key.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (text, number, numbering) = if digits < key.len() {
        let written = &key[digits..];
        let number = written.parse().ok().filter(|_| written.len() <= 4)?;
        // After 89 `split` goes on with 9000, so that the names keep their order.
        let number = if written.len() == 4 && written.starts_with('9') { number - 9000 + 90 } else { number };
        (&key[..digits], number, Numbering::Digits)
    } else {
        let letters = key.len() - key.bytes().rev().take_while(u8::is_ascii_lowercase).count();
        let possible = [4, 3, 2].into_iter().filter_map(|length| key.len().checked_sub(length));
        // Without a separator, as in `gzaa`, only what is in front of the letters shows where they begin.
        let fits = |at: &usize| {
            *at >= letters
                && *at > name
                // Three letters begin with `a` for the first 676 parts; four come only after `yz`, as in `zaaa`.
                && match key.len() - at {
                    3 => key[*at..].starts_with('a'),
                    4 => key[*at..].starts_with('z'),
                    _ => true,
                }
                && (*at == letters || ends_as_a_backup(&key[name..*at]) || &key[name..*at] == "x")
        };
        let at = possible.into_iter().find(fits)?;
        let written = &key[at..];
        if ENDINGS.contains(&written) || OTHER_ENDINGS.contains(&written) {
            return None;
        }
        (&key[..at], of_letters(written), Numbering::Letters)
    };
    let trimmed = |text: &str| text.len() - usize::from(text.ends_with(['.', '-', '_']));
    let end = trimmed(text).max(name);
    if let Some(before) = text[name..end].strip_suffix("part") {
        let whole = &text[..name + before.len()];
        let whole = &whole[..trimmed(whole).max(name)];
        return (whole.len() > name).then_some(Part { whole, numbering: Numbering::Named, number });
    }
    let is_separate = end < text.len();
    let whole = &text[..end];
    let good = match numbering {
        Numbering::Digits => key.len() - digits >= 2 && ends_as_a_backup(&whole[name..]),
        _ => is_separate || ends_as_a_backup(&whole[name..]) || &whole[name..] == "x",
    };
    (good && whole.len() > name).then_some(Part { whole, numbering, number })
}

fn ends_as_a_backup(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Returns the number that `split` writes as letters: `aa` is 0, and after `yz` it goes on with `zaaa`.
fn of_letters(text: &str) -> u64 {
    let value = |text: &str| text.bytes().fold(0, |sum, letter| sum * 26 + u64::from(letter - b'a'));
    if text.len() == 4 { 25 * 26 + value(&text[1..]) } else { value(text) }
}

/// The possible parts of a listing.
#[derive(Default)]
pub(super) struct Parts {
    groups: BTreeMap<(String, Numbering), BTreeMap<u64, Object>>,
    kept: usize,
}

impl Parts {
    /// Keeps an object until the whole listing is known. Gives it back if it is no possible part.
    pub(super) fn collect(&mut self, object: Object) -> Option<Object> {
        let Some(part) = part(&object.key).filter(|_| self.kept < MAX_KEPT) else { return Some(object) };
        self.kept += 1;
        let group = self.groups.entry((part.whole.to_owned(), part.numbering)).or_default();
        group.insert(part.number, object)
    }

    /// Returns the backups that are split, and the objects that are not parts of one.
    pub(super) fn finish(self) -> (Vec<Newest>, Vec<Object>) {
        let (mut split, mut others) = (Vec::new(), Vec::new());
        for ((whole, numbering), parts) in self.groups {
            if is_split(&whole, numbering, &parts) {
                split.push(joined(whole, numbering, parts));
            } else {
                others.extend(parts.into_values());
            }
        }
        (split, others)
    }
}

/// Whether objects with such names are parts of one backup. Letters after the ending of a backup show it, and a pair of
/// neighbours that were uploaded together, of which the first is full.
fn is_split(whole: &str, numbering: Numbering, parts: &BTreeMap<u64, Object>) -> bool {
    let first = u64::from(numbering != Numbering::Letters);
    let named = numbering == Numbering::Named;
    let lettered = numbering == Numbering::Letters && parts.contains_key(&0) && ends_as_a_backup(whole);
    let is_pair = |((number, one), (after, other)): ((&u64, &Object), (&u64, &Object))| {
        let full = one.bytes == other.bytes || one.bytes > other.bytes && *number <= first;
        let next = *after == number + 1 || one.bytes == other.bytes && ends_as_a_backup(whole);
        full && next && (one.modified - other.modified).abs() <= APART
    };
    named || lettered || parts.iter().zip(parts.iter().skip(1)).any(is_pair)
}

fn joined(whole: String, numbering: Numbering, parts: BTreeMap<u64, Object>) -> Newest {
    let lacks = fault(numbering, &parts);
    let modified = parts.values().map(|part| part.modified).fold(f64::MIN, f64::max);
    let parts: Vec<Object> = parts.into_values().collect();
    Newest {
        name: whole,
        bytes: parts.iter().map(|part| part.bytes).sum(),
        modified,
        begin: parts.first().cloned(),
        form: Form::File,
        parts,
        lacks,
    }
}

/// Returns why the parts do not make a whole backup.
fn fault(numbering: Numbering, parts: &BTreeMap<u64, Object>) -> Option<String> {
    let (number, first) = parts.first_key_value()?;
    if *number > u64::from(numbering != Numbering::Letters) {
        return Some(format!("it is split, and the parts before {} are missing", first.key));
    }
    let (_, last) = parts.last_key_value()?;
    let inner = || parts.values().filter(|part| part.key != last.key);
    let full = inner().filter(|part| part.bytes == first.bytes).count();
    // `split` makes parts of one size, unless it splits at the ends of lines.
    let odd = inner().find(|part| part.bytes != first.bytes).filter(|_| full >= 2 && full + 1 == parts.len() - 1);
    if let Some(part) = odd {
        return Some(format!("it is split, and {} has another size than the parts around it", part.key));
    }
    for ((number, before), (next, part)) in parts.iter().zip(parts.iter().skip(1)) {
        if *next != number + 1 {
            return Some(format!("it is split, and a part between {} and {} is missing", before.key, part.key));
        }
        if part.modified < first.modified - OLDER {
            return Some(format!(
                "it is split, and {} is left of an earlier backup: it is older than the first part",
                part.key
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_recognized_and_those_of_whole_backups_are_not() {
        for (key, whole, number) in [
            ("d/dump.sql.gz.aa", "d/dump.sql.gz", 0),
            ("d/dump.sql.gz.ab", "d/dump.sql.gz", 1),
            ("d/dump.sql.gzba", "d/dump.sql.gz", 26),
            ("d/dump.dump-yz", "d/dump.dump", 649),
            ("d/dump.dump-zaaa", "d/dump.dump", 650),
            ("d/dump.gz.aab", "d/dump.gz", 1),
            ("d/dump.gz.00", "d/dump.gz", 0),
            ("d/dump.gz07", "d/dump.gz", 7),
            ("d/dump.gz.9001", "d/dump.gz", 91),
            ("d/dump.gz.part1", "d/dump.gz", 1),
            ("d/dump.gz.part-ac", "d/dump.gz", 2),
            ("d/dump_part_10", "d/dump", 10),
            ("d/backup-ac", "d/backup", 2),
            ("d/xab", "d/x", 1),
        ] {
            let found = part(key);
            assert_eq!(found.as_ref().map(|part| (part.whole, part.number)), Some((whole, number)), "{key}");
        }
        for key in [
            "d/dump.gz",
            "d/dump.sql",
            "d/dump-2026-11-28",
            "d/20261128.dump",
            "d/dump.20261128",
            "d/dump.gz.1",
            "d/export.json",
            "d/dump.gz.sha256",
            "d/dump.gz.asc",
            "d/toc.dat",
            "d/part",
            "d/aa",
            "d/ab/x",
            "d/part1",
            "d/dump.gz.20261128",
            "dump",
            "",
            "d/\u{e4}\u{e4}",
            "d/db.backup",
        ] {
            assert_eq!(part(key), None, "{key}");
        }
    }

    fn split(objects: &[(&str, f64, u64)]) -> (Vec<Newest>, usize) {
        let mut parts = Parts::default();
        let mut others = 0;
        for (key, modified, bytes) in objects {
            let object = Object { key: (*key).to_owned(), bytes: *bytes, modified: *modified };
            others += usize::from(parts.collect(object).is_some());
        }
        let (split, rest) = parts.finish();
        (split, others + rest.len())
    }

    #[test]
    fn the_parts_of_a_backup_are_one_backup_and_a_missing_or_old_part_is_named() {
        let whole = split(&[("d.gz.aa", 10.0, 5), ("d.gz.ab", 20.0, 5), ("d.gz.ac", 30.0, 2)]).0;
        let [one] = whole.as_slice() else { panic!("{whole:?}") };
        assert_eq!((one.name.as_str(), one.bytes, one.modified, one.parts.len()), ("d.gz", 12, 30.0, 3));
        assert_eq!((one.begin.as_ref().map(|first| first.key.as_str()), &one.lacks), (Some("d.gz.aa"), &None));
        for (objects, words) in [
            (&[("d.gz.aa", 10.0, 5), ("d.gz.ac", 30.0, 2)][..], "between d.gz.aa and d.gz.ac is missing"),
            (&[("d.gz.ab", 10.0, 5), ("d.gz.ac", 30.0, 5)], "before d.gz.ab are missing"),
            (&[("d.gz.ab", 10.0, 5), ("d.gz.ad", 30.0, 5), ("d.gz.ae", 30.0, 4)], "before d.gz.ab are missing"),
            (&[("d.part03", 10.0, 5), ("d.part04", 10.0, 4)], "before d.part03 are missing"),
            (&[("d.gz.00", 9e4, 5), ("d.gz.01", 9e4, 5), ("d.gz.02", 10.0, 3)], "d.gz.02 is left of an earlier"),
            (
                &[("d.gz.aa", 1.0, 5), ("d.gz.ab", 1.0, 5), ("d.gz.ac", 1.0, 1), ("d.gz.ad", 1.0, 5)],
                "d.gz.ac has another size",
            ),
        ] {
            let found = split(objects).0;
            let lacks = found.first().and_then(|one| one.lacks.as_deref()).unwrap_or_default();
            assert!(lacks.contains(words), "{objects:?}: {lacks}");
        }
        for objects in [
            &[("d.gz.00", 10.0, 5), ("d.gz.01", 10.0, 2)][..],
            &[("d.gz.01", 10.0, 5), ("d.gz.02", 10.0, 5), ("d.gz.03", 10.0, 5)],
            &[("x/backup-aa", 10.0, 5), ("x/backup-ab", 10.0, 2)],
            // At the ends of lines.
            &[("d.sql.aa", 10.0, 5), ("d.sql.ab", 10.0, 7), ("d.sql.ac", 10.0, 6)],
        ] {
            let (found, others) = split(objects);
            assert!(matches!(found.as_slice(), [one] if one.lacks.is_none()) && others == 0, "{objects:?}: {found:?}");
        }
    }

    #[test]
    fn backups_that_are_numbered_by_day_or_named_by_customer_are_not_parts() {
        let day = 86_400.0;
        for objects in [
            &[("d.dump.01", day, 5), ("d.dump.02", 2.0 * day, 5), ("d.dump.03", 3.0 * day, 5)][..],
            &[("d.dump.27", day, 9), ("d.dump.28", day + 60.0, 5)],
            &[("x/dump-at", 1.0, 5), ("x/dump-be", 1.0, 5), ("x/dump-de", 1.0, 9)],
            &[("x/dump-aa", day, 5), ("x/dump-bb", day, 5)],
        ] {
            assert_eq!(split(objects), (Vec::new(), objects.len()), "{objects:?}");
        }
    }
}
