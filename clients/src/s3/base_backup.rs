//! Recognizes the files of `pg_basebackup -Ft` in one folder: `base.tar`, a `16400.tar` for each tablespace, `pg_wal.tar`
//! and `backup_manifest`.

use super::names::{self, PACKED, without};
use super::object::{Form, MAX_KEPT, Newest, Object};
use std::collections::BTreeMap;

/// What a file of a base backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The data.
    Base,
    /// A tablespace. Other files have such names too.
    Tablespace,
    /// The WAL that was written during the backup.
    Wal,
    Manifest,
}

impl Part {
    /// Reads the name of a file. The program compresses the tar files itself; people encrypt them.
    fn of(name: &str) -> Option<Self> {
        if name == "backup_manifest" {
            return Some(Self::Manifest);
        }
        let plain = without(without(name, &[".gpg", ".age", ".enc"]), PACKED);
        match plain.strip_suffix(".tar")? {
            "base" => Some(Self::Base),
            "pg_wal" => Some(Self::Wal),
            // An OID has 32 bits.
            oid if oid.bytes().all(|byte| byte.is_ascii_digit()) && oid.parse::<u32>().is_ok() => {
                Some(Self::Tablespace)
            }
            _ => None,
        }
    }
}

/// Whether a key is that of WAL, which is no backup without the data.
pub(super) fn is_wal(key: &str) -> bool {
    Part::of(names::name(key)) == Some(Part::Wal)
}

/// The possible files of base backups in a listing.
#[derive(Default)]
pub(super) struct BaseBackups {
    folders: BTreeMap<String, Vec<(Part, Object)>>,
    kept: usize,
}

impl BaseBackups {
    /// Keeps an object until the whole listing is known. Gives it back if it is no possible file of a base backup.
    pub(super) fn collect(&mut self, object: Object) -> Option<Object> {
        let part = object.key.rsplit_once('/').and_then(|(folder, name)| Some((folder.to_owned(), Part::of(name)?)));
        let Some((folder, part)) = part.filter(|_| self.kept < MAX_KEPT) else { return Some(object) };
        self.kept += 1;
        self.folders.entry(folder).or_default().push((part, object));
        None
    }

    /// Returns the base backups, and the objects that are not files of one.
    pub(super) fn finish(self) -> (Vec<Newest>, Vec<Object>) {
        let (mut whole, mut others) = (Vec::new(), Vec::new());
        for (folder, files) in self.folders {
            let base = files.iter().find(|(part, _)| *part == Part::Base).map(|(_, object)| object.clone());
            // A `base.tar` alone may be that of any program.
            let is_one = files.iter().any(|(part, _)| matches!(part, Part::Wal | Part::Manifest));
            let objects = files.into_iter().map(|(_, object)| object);
            match base.filter(|_| is_one) {
                Some(base) => whole.push(joined(folder, base, &objects.collect::<Vec<_>>())),
                None => others.extend(objects),
            }
        }
        (whole, others)
    }
}

fn joined(folder: String, base: Object, files: &[Object]) -> Newest {
    Newest {
        name: folder,
        bytes: files.iter().map(|file| file.bytes).sum(),
        modified: files.iter().map(|file| file.modified).fold(f64::MIN, f64::max),
        begin: Some(base),
        form: Form::BaseBackup,
        parts: Vec::new(),
        lacks: None,
    }
}
