//! Finds the newest backup under a prefix while the objects are listed, without keeping them all in memory.

use super::base_backup::{BaseBackups, is_wal};
use super::names::{folder_of_a_dump, hash, is_about, is_beside, is_signature, name};
use super::object::{Form, Newest, Object};
use super::split::{self, Parts};
use crate::AHEAD;
use checklist::config::NamePattern;
use std::collections::{BTreeMap, HashSet};

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
    /// A backup of several objects of which one is so new that more may follow. It is the newest only if there is no
    /// other.
    pub growing: Option<Newest>,
}

/// How old the newest of several objects must be, so that no more are expected. A program that uploads the files of a
/// folder one after the other needs less for each.
const SETTLED: f64 = 1_800.0;

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
    /// What is found of objects that are a backup only if there is no other. An archive of WAL has very many.
    beside: Found,
    folders: BTreeMap<String, Newest>,
    base_backups: BaseBackups,
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
            beside: Found::default(),
            folders: BTreeMap::new(),
            base_backups: BaseBackups::default(),
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
                form: Form::DumpFolder,
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
        let key = hash(&object.key);
        let Some(object) = self.base_backups.collect(object) else {
            self.known.insert(key);
            return;
        };
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
            if is_beside(name(&object.key)) {
                self.beside.add(one(object), self.now);
                return;
            }
            if is_signature(&object.key) {
                self.signatures.push(object);
                return;
            }
        }
        self.consider(one(object));
    }

    /// Returns the result after the last object.
    pub(super) fn finish(mut self) -> Found {
        let (split, others) = std::mem::take(&mut self.parts).finish();
        let (base_backups, more) = std::mem::take(&mut self.base_backups).finish();
        for backup in split.into_iter().chain(base_backups) {
            self.consider(backup);
        }
        for object in others.into_iter().chain(more) {
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
        let left_out = self.found.left_out;
        let mut found = if self.found.count > 0 {
            Found { left_out: left_out + self.beside.count, ..self.found }
        } else {
            Found { left_out, ..self.beside }
        };
        if found.newest.is_none() {
            found.newest = found.growing.take();
        }
        found
    }

    /// Counts a backup if its name is chosen.
    fn consider(&mut self, one: Newest) {
        // A pattern may be about the whole or about its parts.
        let first = one.begin.as_ref().filter(|_| one.form != Form::DumpFolder);
        let names = || std::iter::once(&one.name).chain(first.map(|part| &part.key));
        let within = names().map(|name| name.strip_prefix(self.prefix).unwrap_or(name));
        let is =
            |patterns: &[NamePattern]| within.clone().any(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        if is(self.choice.excluded) || !(self.choice.matching.is_empty() || is(self.choice.matching)) {
            self.found.left_out += 1;
            return;
        }
        self.found.add(one, self.now);
    }
}

impl Found {
    /// Counts a backup, and keeps it when it is the newest so far.
    fn add(&mut self, one: Newest, now: f64) {
        self.count += 1;
        if one.modified > now + AHEAD.as_secs_f64() {
            self.future += 1;
            if self.furthest.as_ref().is_none_or(|(_, known)| one.modified > *known) {
                self.furthest = Some((one.name, one.modified));
            }
            return;
        }
        // Among objects of the same second, the largest is the backup, and the smaller ones are about it.
        let order = |one: &Newest| (one.modified, one.bytes);
        let is_growing = one.has_several_objects() && one.modified > now - SETTLED;
        let known = if is_growing { &mut self.growing } else { &mut self.newest };
        if known.as_ref().is_none_or(|newest| order(&one) >= order(newest)) {
            *known = Some(one);
        }
    }
}

fn one(object: Object) -> Newest {
    let Object { key, bytes, modified } = object.clone();
    let lacks = is_wal(&key).then(|| "it is the WAL of a base backup without its base.tar".to_owned());
    Newest { name: key, bytes, modified, begin: Some(object), form: Form::File, parts: Vec::new(), lacks }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_000_000.0;

    #[test]
    fn a_folder_that_is_being_uploaded_is_the_newest_only_if_there_is_no_other() {
        let (complete, growing) = (("daily/1/toc.dat", 1.0, 9), ("daily/2/3001.dat.gz", NOW - 600.0, 9));
        let (newest, both) = found(Choice::default(), &[complete, growing]);
        assert_eq!((newest.as_deref(), both.count), (Some("daily/1"), 2));
        assert_eq!(both.growing.map(|one| one.name).as_deref(), Some("daily/2"));
        let (newest, alone) = found(Choice::default(), &[growing]);
        assert_eq!((newest.as_deref(), alone.growing), (Some("daily/2"), None));
        // A single object is complete when it is listed.
        let (newest, _) = found(Choice::default(), &[complete, ("daily/3.dump", NOW - 60.0, 9)]);
        assert_eq!(newest.as_deref(), Some("daily/3.dump"));
    }

    fn found(choice: Choice<'_>, objects: &[(&str, f64, u64)]) -> (Option<String>, Found) {
        let mut listing = Listing::new("daily/", choice, NOW);
        for (key, modified, bytes) in objects {
            listing.take(Object { key: (*key).to_owned(), bytes: *bytes, modified: *modified });
        }
        let found = listing.finish();
        (found.newest.as_ref().map(|newest| newest.name.clone()), found)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
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
            (&[("daily/a.dump", 1.0, 9), ("daily/backup_manifest", 2.0, 1)], Some("daily/a.dump")),
            (&[("daily/globals.sql.gz", 2.0, 1), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/README.md", 2.0, 1), ("daily/1/toc.dat", 1.0, 9)], Some("daily/1")),
            (&[("daily/globals.sql", 2.0, 1)], Some("daily/globals.sql")),
            (&[("daily/a", 5.0, 9), ("daily/b", 5.0, 1)], Some("daily/a")),
            // Files for people and programs.
            (&[("daily/index.html", 2.0, 9), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/index.html", 2.0, 9)], None),
            (&[("daily/README.md", 2.0, 9)], None),
            (&[("daily/robots.txt", 2.0, 9)], None),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/restore.sh", 2.0, 9), ("daily/style.CSS", 3.0, 9)],
                Some("daily/a.dump"),
            ),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/index.json", 2.0, 9), ("daily/LICENSE", 3.0, 9)],
                Some("daily/a.dump"),
            ),
            (&[("daily/a.dump", 1.0, 9), ("daily/latest.txt", 2.0, 9)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/latest.dump", 2.0, 9)], Some("daily/latest.dump")),
            (&[("daily/index.tar.gz", 2.0, 9)], Some("daily/index.tar.gz")),
            // What programs leave beside a backup, fresh while the backup is old.
            (&[("daily/a.dump", 1.0, 9), ("daily/metadata.json", 2.0, 1)], Some("daily/a.dump")),
            (&[("daily/LATEST", 2.0, 1), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/_SUCCESS", 2.0, 0), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/test.txt", 2.0, 5)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/test", 2.0, 5)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/current", 2.0, 5)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/a.dump.yaml", 2.0, 5)], Some("daily/a.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/test.dump", 2.0, 5)], Some("daily/test.dump")),
            (&[("daily/a.dump", 1.0, 9), ("daily/b.err", 2.0, 5)], Some("daily/a.dump")),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/backup.lock", 2.0, 9), ("daily/b.stderr", 3.0, 9)],
                Some("daily/a.dump"),
            ),
            (&[("daily/backup.pid", 2.0, 9), ("daily/backup.lock", 2.0, 9), ("daily/a.err", 3.0, 9)], None),
            (&[("daily/metadata.json", 2.0, 1)], Some("daily/metadata.json")),
            // WAL, and what its archives hold beside it.
            (&[("daily/000000010000000000000001", 2.0, 99), ("daily/a.dump", 1.0, 9)], Some("daily/a.dump")),
            (
                &[("daily/base.tar.gz", 1.0, 9), ("daily/wal/00000001000000A0000000FF.gz", 2.0, 1)],
                Some("daily/base.tar.gz"),
            ),
            (
                &[
                    ("daily/0000000100000000/000000010000000000000028.00000028.backup.gz", 2.0, 1),
                    ("daily/wal_005/000000010000000000000029.lz4.gpg", 3.0, 1),
                    ("daily/wal_005/00000002.history.br", 4.0, 1),
                    ("daily/wal_005/000000010000000000000030.partial", 5.0, 1),
                    ("daily/archive/000000010000000000000031-aebd8c2df4a9e8e6b0ee0b3a0b5a5a1c4d6f2f11.zst", 6.0, 1),
                    ("daily/archive/archive.info", 7.0, 1),
                    ("daily/base/20261128T010000/data.tar.gz", 1.0, 9),
                    ("daily/base/20261128T010000/backup.info", 8.0, 1),
                ],
                Some("daily/base/20261128T010000/data.tar.gz"),
            ),
            (
                &[
                    ("daily/archive.info", 9.0, 1),
                    ("daily/000000010000000000000001", 2.0, 9),
                    ("daily/000000010000000000000002", 10.0, 9),
                ],
                Some("daily/000000010000000000000002"),
            ),
            // A number in hexadecimal digits that is none of WAL, and a date.
            (
                &[("daily/a", 1.0, 9), ("daily/507f1f77bcf86cd799439011", 2.0, 9)],
                Some("daily/507f1f77bcf86cd799439011"),
            ),
            (&[("daily/a", 1.0, 9), ("daily/20261128.gz", 2.0, 9)], Some("daily/20261128.gz")),
            (
                &[("daily/a", 1.0, 9), ("daily/000000010000000000000001.dump", 2.0, 9)],
                Some("daily/000000010000000000000001.dump"),
            ),
            // Lists of checksums.
            (&[("daily/a.dump", 1.0, 9), ("daily/md5sum.txt", 2.0, 9)], Some("daily/a.dump")),
            (
                &[("daily/a.dump", 1.0, 9), ("daily/CHECKSUM", 2.0, 9), ("daily/SHA384SUMS.asc", 3.0, 9)],
                Some("daily/a.dump"),
            ),
            (&[("daily/checksums-2026-11-28.txt", 2.0, 9), ("daily/shop_sha256sums", 3.0, 9)], None),
            (&[("daily/checksums.sql.gz", 2.0, 9)], Some("daily/checksums.sql.gz")),
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
        assert!(newest.begin.is_some_and(|begin| begin.key == "daily/1/toc.dat") && newest.form == Form::DumpFolder);
        let torn = found(Choice::default(), &objects[..2]).1.newest;
        assert!(torn.is_some_and(|torn| torn.begin.is_none()));
    }

    #[test]
    fn the_files_of_a_base_backup_are_one_backup_and_its_wal_alone_is_none() {
        let objects = [
            ("daily/1/backup_manifest", 1.0, 5),
            ("daily/1/base.tar.gz", 1.0, 100),
            ("daily/1/pg_wal.tar.gz", 2.0, 10),
            ("daily/2/16400.tar.zst", 3.0, 50),
            ("daily/2/backup_manifest", 5.0, 5),
            ("daily/2/base.tar.zst", 4.0, 100),
            ("daily/2/base.tar.zst.sha256", 6.0, 1),
            ("daily/2/pg_wal.tar.zst", 5.0, 10),
        ];
        let mut backward = objects;
        backward.reverse();
        for objects in [objects, backward] {
            let whole = found(Choice::default(), &objects).1;
            let newest = whole.newest.unwrap_or_else(|| panic!("nothing"));
            assert_eq!((whole.count, newest.name.as_str(), newest.bytes), (2, "daily/2", 165));
            assert_eq!((newest.modified, newest.lacks), (5.0, None));
            assert_eq!(newest.begin.map(|begin| begin.key).as_deref(), Some("daily/2/base.tar.zst"));
        }
        // The patterns of a checklist.yaml that counts the file alone, and one that leaves out the others.
        let pattern = |text: &str| [NamePattern::new(text)];
        let (base, wal) = (pattern("*/base.tar*"), pattern("*/pg_wal.tar*"));
        for choice in [Choice { matching: &base, excluded: &[] }, Choice { matching: &[], excluded: &wal }] {
            let (newest, found) = found(choice, &objects[..3]);
            assert_eq!((newest.as_deref(), found.count), (Some("daily/1"), 1), "{choice:?}");
        }
        // The base was not uploaded.
        let torn = [objects[0], objects[1], objects[2], ("daily/2/pg_wal.tar.gz", 5.0, 10)];
        assert_eq!(found(Choice::default(), &torn).0.as_deref(), Some("daily/1"));
        let wal = found(Choice::default(), &torn[3..]).1.newest;
        assert!(wal.and_then(|wal| wal.lacks).is_some_and(|lacks| lacks.contains("base.tar")));
        // Files of other programs that have such names.
        let days =
            [("daily/20261127.tar.gz", 1.0, 9), ("daily/20261128.tar.gz", 2.0, 9), ("daily/base.tar.gz", 1.0, 9)];
        let (newest, found) = found(Choice::default(), &days);
        assert_eq!((newest.as_deref(), found.count), (Some("daily/20261128.tar.gz"), 3));
    }

    #[test]
    fn files_beside_a_backup_are_counted_as_left_out_or_alone_as_backups() {
        let objects =
            [("daily/a.log", 9.0, 1), ("daily/LATEST", 3.0, 1), ("daily/000000010000000000000001", NOW * 2.0, 1)];
        let (newest, alone) = found(Choice::default(), &objects);
        assert_eq!((newest.as_deref(), alone.count, alone.future, alone.left_out), (Some("daily/LATEST"), 2, 1, 1));
        let with = [&objects[..], &[("daily/a.dump", 1.0, 9)]].concat();
        let (newest, beside) = found(Choice::default(), &with);
        assert_eq!((newest.as_deref(), beside.count, beside.future, beside.left_out), (Some("daily/a.dump"), 1, 0, 3));
    }

    #[test]
    fn backups_dated_in_the_future_are_counted_and_do_not_hide_older_ones() {
        let objects = [("daily/a", NOW - 10.0, 1), ("daily/b", NOW + 40.0 * 86_400.0, 1), ("daily/c", NOW + 200.0, 1)];
        let (newest, found) = found(Choice::default(), &objects);
        assert_eq!((newest.as_deref(), found.future, found.count), (Some("daily/c"), 1, 3));
        assert_eq!(found.furthest.map(|(name, _)| name).as_deref(), Some("daily/b"));
    }
}
