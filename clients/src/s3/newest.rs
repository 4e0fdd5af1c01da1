//! Finds the newest backup under a prefix while the objects are listed, without keeping them all in memory.

use super::object::{Newest, Object};
use super::split::{self, Parts};
use crate::AHEAD;
use checklist::config::NamePattern;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

/// Endings of files about another file, such as `dump.sha256` beside `dump`.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "sha", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3", "sha1sum", "sha256sum", "sha512sum", "md5", "md5sum",
    "b2", "b2sum", "b3", "b3sum", "blake2", "blake2b", "blake3", "xxh64", "xxh128", "xxhsum", "crc", "crc32", "crc32c",
    "sfv", "cksum", "sum", "checksum", "checksums", "hash", "digest", "par2", "log",
];
/// Endings of files that are about another file if there is one of that name. Otherwise they may be a backup, for
/// example an export.
const MAYBE_ABOUT: &[&str] = &["json", "txt", "manifest", "meta", "info", "done", "ok", "complete", "success", "size"];
/// Like [`MAYBE_ABOUT`]: signatures, or backups that were encrypted or signed as a whole.
const SIGNATURES: &[&str] = &["sig", "asc", "minisig", "sign", "p7s"];

/// Endings of files that are still being written, or were left by a dump or a copy that broke off.
const UNFINISHED: &[&str] = &["tmp", "temp", "partial", "filepart", "incomplete", "inprogress", "part", "crdownload"];

/// Names of files that list the checksums of others.
const LISTS: &[&str] = &["md5sums", "sha1sums", "sha256sums", "sha512sums", "b2sums", "checksums"];

/// Names, up to their first dot, of files that belong to a backup and are none: what `pg_basebackup` and `pg_dumpall
/// --globals-only` write beside the data, and what people put into buckets. Alone they may be a backup.
const BESIDE: &[&str] = &["backup_manifest", "backup_label", "globals", "roles", "readme"];

/// The names of objects that count as backups.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Patterns of names that count. Empty: every name counts.
    pub matching: &'a [NamePattern],
    /// Patterns of names that do not count.
    pub excluded: &'a [NamePattern],
}

/// The result of a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The newest backup whose time is not in the future.
    pub newest: Option<Newest>,
    /// The number of backups.
    pub count: u64,
    /// The number of backups with a time in the future, beyond the tolerance for clocks.
    pub future: u64,
    /// Of those in the future, the latest: name and time in Unix seconds.
    pub furthest: Option<(String, f64)>,
    /// The number of objects that were left out because of their names.
    pub left_out: u64,
}

/// The state of a search. It takes the objects one by one.
pub(super) struct Listing<'a> {
    prefix: &'a str,
    choice: Choice<'a>,
    now: f64,
    /// Hashes of the keys that were taken: half a million of them take some megabytes.
    known: HashSet<u64>,
    /// Objects whose names end as signatures do, while the signed object was not listed. Directory buckets have no
    /// order.
    signatures: Vec<Object>,
    /// Objects that are a backup only if there is no other.
    beside: Vec<Object>,
    folders: BTreeMap<String, Newest>,
    parts: Parts,
    found: Found,
}

impl<'a> Listing<'a> {
    pub(super) fn new(prefix: &'a str, choice: Choice<'a>, now: f64) -> Self {
        Self {
            prefix,
            choice,
            now,
            known: HashSet::new(),
            signatures: Vec::new(),
            beside: Vec::new(),
            folders: BTreeMap::new(),
            parts: Parts::default(),
            found: Found::default(),
        }
    }

    /// Takes the next object of the listing. Files of a dumped folder are collected, and files beside another one are
    /// left out.
    pub(super) fn take(&mut self, object: Object) {
        if let Some(folder) = folder_of_a_dump(&object.key) {
            let name = folder.to_owned();
            let new = || Newest {
                name: name.clone(),
                bytes: 0,
                modified: f64::MIN,
                begin: None,
                is_folder: true,
                parts: Vec::new(),
                lacks: Some("it is a dump in directory format without its table of contents toc.dat".to_owned()),
            };
            let whole = self.folders.entry(name.clone()).or_insert_with(new);
            whole.bytes += object.bytes;
            whole.modified = whole.modified.max(object.modified);
            if object.key.ends_with("/toc.dat") {
                (whole.begin, whole.lacks) = (Some(object), None);
            }
            return;
        }
        if let Some(part) = split::part(&object.key) {
            self.known.insert(hash(&object.key));
            if part.is_first() {
                self.known.insert(hash(part.whole));
            }
        }
        if let Some(object) = self.parts.collect(object) {
            self.take_one(object);
        }
    }

    /// Takes an object that is no part of a backup.
    fn take_one(&mut self, object: Object) {
        if self.choice.matching.is_empty() && self.choice.excluded.is_empty() {
            // Keys are usually listed in order, so the other object came before.
            if is_about(&object.key, &self.known) || name(&object.key).starts_with('.') {
                self.found.left_out += 1;
                return;
            }
            self.known.insert(hash(&object.key));
            if name(&object.key).split('.').next().is_some_and(|stem| is_one_of(BESIDE, stem)) {
                self.beside.push(object);
                return;
            }
            if object.key.rsplit_once('.').is_some_and(|(_, ending)| is_one_of(SIGNATURES, ending)) {
                self.signatures.push(object);
                return;
            }
        }
        self.consider(one(object));
    }

    /// Returns the result after the last object.
    pub(super) fn finish(mut self) -> Found {
        let (split, others) = std::mem::take(&mut self.parts).finish();
        for backup in split {
            self.consider(backup);
        }
        for object in others {
            self.take_one(object);
        }
        for object in std::mem::take(&mut self.signatures) {
            if is_about(&object.key, &self.known) {
                self.found.left_out += 1;
            } else {
                self.consider(one(object));
            }
        }
        for folder in std::mem::take(&mut self.folders).into_values() {
            self.consider(folder);
        }
        let beside = std::mem::take(&mut self.beside);
        if self.found.count > 0 {
            self.found.left_out += beside.len() as u64;
        } else {
            for object in beside {
                self.consider(one(object));
            }
        }
        self.found
    }

    /// Counts a backup, and keeps it when it is the newest so far.
    fn consider(&mut self, one: Newest) {
        // A pattern may be about the whole or about its parts.
        let names = || std::iter::once(&one.name).chain(one.parts.first().map(|part| &part.key));
        let within = names().map(|name| name.strip_prefix(self.prefix).unwrap_or(name));
        let is =
            |patterns: &[NamePattern]| within.clone().any(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        if is(self.choice.excluded) || !(self.choice.matching.is_empty() || is(self.choice.matching)) {
            self.found.left_out += 1;
            return;
        }
        self.found.count += 1;
        if one.modified > self.now + AHEAD.as_secs_f64() {
            self.found.future += 1;
            if self.found.furthest.as_ref().is_none_or(|(_, known)| one.modified > *known) {
                self.found.furthest = Some((one.name, one.modified));
            }
            return;
        }
        // Among objects of the same second, the largest is the backup, and the smaller ones are about it.
        let order = |one: &Newest| (one.modified, one.bytes);
        if self.found.newest.as_ref().is_none_or(|newest| order(&one) >= order(newest)) {
            self.found.newest = Some(one);
        }
    }
}

fn one(object: Object) -> Newest {
    let Object { key, bytes, modified } = object.clone();
    Newest { name: key, bytes, modified, begin: Some(object), is_folder: false, parts: Vec::new(), lacks: None }
}

/// Whether a key is that of a file about another one, or of an unfinished one. There may be several endings, as of the
/// signature of a checksum.
fn is_about(key: &str, known: &HashSet<u64>) -> bool {
    let mut name = key;
    while let Some((before, ending)) = name.rsplit_once('.') {
        if is_one_of(ABOUT, ending) || is_one_of(UNFINISHED, ending) {
            return true;
        }
        if !is_one_of(MAYBE_ABOUT, ending) && !is_one_of(SIGNATURES, ending) {
            break;
        }
        if known.contains(&hash(before)) {
            return true;
        }
        name = before;
    }
    is_one_of(LISTS, self::name(name))
}

/// Returns the part of a key after its last slash.
fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Returns the folder when the key is one of the files of `pg_dump -Fd`: `toc.dat`, `3245.dat.gz`, `blobs.toc`,
/// `blob_16400.dat`.
fn folder_of_a_dump(key: &str) -> Option<&str> {
    let (folder, name) = key.rsplit_once('/')?;
    let plain = [".gz", ".lz4", ".zst"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name);
    // The numbers are small. Eight digits are a date.
    let digits = |text: &str| (1..=7).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let stem = plain.strip_suffix(".dat");
    let is_part = plain == "toc.dat"
        || stem.is_some_and(|stem| digits(stem) || stem.strip_prefix("blob_").is_some_and(digits))
        || plain
            .strip_suffix(".toc")
            .and_then(|stem| stem.strip_prefix("blobs"))
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('_').is_some_and(digits));
    is_part.then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_000_000.0;

    fn found(choice: Choice<'_>, objects: &[(&str, f64, u64)]) -> (Option<String>, Found) {
        let mut listing = Listing::new("daily/", choice, NOW);
        for (key, modified, bytes) in objects {
            listing.take(Object { key: (*key).to_owned(), bytes: *bytes, modified: *modified });
        }
        let found = listing.finish();
        (found.newest.as_ref().map(|newest| newest.name.clone()), found)
    }

    #[test]
    fn checksums_and_logs_of_a_backup_are_not_backups_in_any_listing_order() {
        for (objects, expected) in [
            (&[("daily/a.dump", 1.0, 9), ("daily/a.dump.sha256", 2.0, 1)][..], Some("daily/a.dump")),
            (&[("daily/a.dump.md5", 2.0, 1), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/backup.log", 2.0, 1)], Some("daily/a.dump")),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/a.dump.SHA384", 2.0, 1), ("daily/a.dump.json", 3.0, 1)],
                Some("daily/a.dump"),
            ),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/a.dump.sha256.asc", 2.0, 1), ("daily/a.dump.meta", 3.0, 1)],
                Some("daily/a.dump"),
            ),
            (
                &[("daily/MD5SUMS", 2.0, 1), ("daily/a.dump", 1.0, 9), ("daily/sha256sums.txt", 3.0, 1)],
                Some("daily/a.dump"),
            ),
            (&[("daily/export.json", 2.0, 9), ("daily/a.dump", 1.0, 9)], Some("daily/export.json")),
            (&[("daily/export.json", 1.0, 9), ("daily/export.json.sig", 2.0, 1)], Some("daily/export.json")),
            (&[("daily/a.dump.asc", 2.0, 1), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/20261127.dat", 1.0, 9), ("daily/20261128.dat", 2.0, 9)], Some("daily/20261128.dat")),
            (&[("daily/a.dump.md5", 2.0, 1)], None),
            (&[("daily/a.dump", 1.0, 9), ("daily/b.dump.partial", 2.0, 99)], Some("daily/a.dump")),
            (&[("daily/b.dump.TMP", 2.0, 99)], None),
            (&[("daily/a.dump.asc", 2.0, 1)], Some("daily/a.dump.asc")),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/a.dump.b3", 2.0, 1), ("daily/a.dump.crc", 3.0, 1)],
                Some("daily/a.dump"),
            ),
            (&[("daily/a.dump", 1.0, 9), ("daily/a.dump.vol000+01.par2", 2.0, 1)], Some("daily/a.dump")),
            (&[("daily/.DS_Store", 2.0, 9), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/.keep", 2.0, 0)], None),
            (&[("daily/base.tar.gz", 1.0, 9), ("daily/backup_manifest", 2.0, 1)], Some("daily/base.tar.gz")),
            (&[("daily/globals.sql.gz", 2.0, 1), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/README.md", 2.0, 1), ("daily/1/toc.dat", 1.0, 9)], Some("daily/1")),
            (&[("daily/globals.sql", 2.0, 1)], Some("daily/globals.sql")),
            (&[("daily/a", 5.0, 9), ("daily/b", 5.0, 1)], Some("daily/a")),
        ] {
            assert_eq!(found(Choice::default(), objects).0.as_deref(), expected, "{objects:?}");
        }
    }

    #[test]
    fn configured_patterns_decide_what_is_a_backup_and_replace_the_heuristics() {
        let pattern = |text: &str| [NamePattern::new(text)];
        let objects = [
            ("daily/a.dump", 1.0, 9),
            ("daily/a.manifest", 2.0, 1),
            ("daily/x.log", 3.0, 1),
            ("daily/sub/b.dump", 4.0, 1),
        ];
        let choice = |matching, excluded| Choice { matching, excluded };
        let (dump, a, others) = (pattern("*.dump"), pattern("a*"), pattern("sub/*"));
        let newest = |choice| found(choice, &objects).0.unwrap_or_default();
        assert_eq!(newest(choice(&dump, &[])), "daily/sub/b.dump");
        assert_eq!(newest(choice(&dump, &others)), "daily/a.dump");
        assert_eq!(newest(choice(&[], &others)), "daily/x.log");
        assert_eq!(newest(choice(&a, &[])), "daily/a.manifest");
        assert_eq!(found(choice(&dump, &others), &objects).1.left_out, 3);
    }

    #[test]
    fn a_directory_format_dump_is_one_backup_and_incomplete_without_its_toc() {
        let objects = [
            ("daily/1/3245.dat.gz", 1.0, 10),
            ("daily/1/blobs.toc", 3.0, 1),
            ("daily/1/toc.dat", 2.0, 5),
            ("daily/0/toc.dat", 0.5, 5),
        ];
        let whole = found(Choice::default(), &objects).1;
        let newest = whole.newest.unwrap_or_else(|| panic!("nothing"));
        assert_eq!((whole.count, newest.name.as_str(), newest.bytes), (2, "daily/1", 16));
        assert!(newest.begin.is_some_and(|begin| begin.key == "daily/1/toc.dat") && newest.is_folder);
        let torn = found(Choice::default(), &objects[..2]).1.newest;
        assert!(torn.is_some_and(|torn| torn.begin.is_none()));
    }

    #[test]
    fn backups_dated_in_the_future_are_counted_and_do_not_hide_older_ones() {
        let objects = [("daily/a", NOW - 10.0, 1), ("daily/b", NOW + 40.0 * 86_400.0, 1), ("daily/c", NOW + 200.0, 1)];
        let (newest, found) = found(Choice::default(), &objects);
        assert_eq!((newest.as_deref(), found.future, found.count), (Some("daily/c"), 1, 3));
        assert_eq!(found.furthest.map(|(name, _)| name).as_deref(), Some("daily/b"));
    }
}
