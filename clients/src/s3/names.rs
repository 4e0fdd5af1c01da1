//! Names of objects in a folder of backups that are none: checksums, lists, files for people, and files of a dump.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Endings of files about another file, such as `dump.sha256` beside `dump`.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "sha", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3", "sha1sum", "sha256sum", "sha512sum", "md5", "md5sum",
    "b2", "b2sum", "b3", "b3sum", "blake2", "blake2b", "blake3", "xxh64", "xxh128", "xxhsum", "crc", "crc32", "crc32c",
    "sfv", "cksum", "sum", "checksum", "checksums", "hash", "digest", "par2", "log", "err", "stderr",
];
/// Endings of files that are about another file if there is one of that name. Otherwise they may be a backup, for
/// example an export.
#[rustfmt::skip]
const MAYBE_ABOUT: &[&str] = &[
    "json", "yaml", "yml", "toml", "xml", "txt", "manifest", "meta", "metadata", "info", "done", "ok", "complete",
    "success", "size",
];
/// Like [`MAYBE_ABOUT`]: signatures, or backups that were encrypted or signed as a whole.
const SIGNATURES: &[&str] = &["sig", "asc", "minisig", "sign", "p7s"];

/// Endings of files that are still being written, or were left by a dump or a copy that broke off, and of those that a
/// program leaves while it writes others.
const UNFINISHED: &[&str] =
    &["tmp", "temp", "partial", "filepart", "incomplete", "inprogress", "part", "crdownload", "lock", "pid"];

/// Endings of files that people read or run, such as `index.html` and `restore.sh`, which are never a backup.
#[rustfmt::skip]
const NO_DATA: &[&str] = &[
    "html", "htm", "xhtml", "shtml", "css", "js", "ico", "md", "markdown", "rst", "adoc", "url", "webloc", "lnk",
    "sh", "bash", "ps1", "bat", "cmd", "py", "pl", "rb",
];

/// Words in the names of files that list the checksums of others, such as `SHA256SUMS` and `checksums-2026-11-28.txt`.
#[rustfmt::skip]
const LISTS: &[&str] = &[
    "checksum", "checksums", "md5sum", "md5sums", "sha1sum", "sha1sums", "sha224sum", "sha224sums", "sha256sum",
    "sha256sums", "sha384sum", "sha384sums", "sha512sum", "sha512sums", "b2sum", "b2sums", "b3sum", "b3sums",
];

/// Names, up to their first dot, of files that belong to a backup and are none: what `pg_basebackup` and `pg_dumpall
/// --globals-only` write beside the data, and what people put into buckets. Alone they may be a backup.
const BESIDE: &[&str] =
    &["backup_manifest", "backup_label", "pg_wal", "globals", "roles", "readme", "license", "licence"];

/// Names of small files about a whole folder, and of those that test it; an underscore may come first. They are like
/// [`BESIDE`] if they have no ending, or one as in [`MAYBE_ABOUT`].
#[rustfmt::skip]
const ABOUT_ALL: &[&str] = &[
    "index", "latest", "current", "contents", "inventory", "listing", "filelist", "manifest", "metadata",
    "common_metadata", "status", "started", "success", "done", "complete", "completed", "ok", "test",
];

/// Names of files about all backups of pgBackRest and Barman. They are like [`BESIDE`].
const OF_ARCHIVES: &[&str] = &["archive.info", "archive.info.copy", "backup.info", "backup.info.copy"];

/// Endings of WAL that programs archive packed or encrypted.
const OF_WAL: &[&str] = &[
    "gz", "lz4", "zst", "zstd", "xz", "bz2", "br", "lzma", "lzo", "snappy", "sz", "gpg", "pgp", "age", "enc", "backup",
];

/// What web servers offer to programs.
const OF_SITES: &[&str] = &["robots.txt", "security.txt", "humans.txt", "sitemap.xml"];

/// Whether a key is that of a file about others, of an unfinished one, or of one without data. There may be several
/// endings, as of the signature of a checksum.
pub(super) fn is_about(key: &str, known: &HashSet<u64>) -> bool {
    if is_one_of(OF_SITES, self::name(key)) {
        return true;
    }
    let mut name = key;
    while let Some((before, ending)) = name.rsplit_once('.') {
        if [ABOUT, UNFINISHED, NO_DATA].iter().any(|endings| is_one_of(endings, ending)) {
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
    let name = self::name(name);
    !name.contains('.') && name.split(['-', '_']).any(|word| is_one_of(LISTS, word))
}

/// Whether a file of this name is a backup only where there is no other.
pub(super) fn is_beside(name: &str) -> bool {
    let (stem, endings) = name.split_once('.').unwrap_or((name, ""));
    let about_all = || is_one_of(ABOUT_ALL, stem.trim_start_matches('_'));
    is_one_of(BESIDE, stem)
        || is_one_of(OF_ARCHIVES, name)
        || is_of_wal(stem, endings)
        || about_all() && (endings.is_empty() || is_one_of(MAYBE_ABOUT, endings))
}

/// Whether a name, split at its first dot, is that of an archived segment of WAL (timeline, log and segment in 24 digits),
/// of a note about a base backup beside the segments, or of the history of a timeline.
fn is_of_wal(stem: &str, endings: &str) -> bool {
    // pgBackRest adds a checksum.
    let digits = stem.split_once('-').map_or(stem, |(digits, _)| digits);
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let mut endings = endings.split('.').filter(|ending| !ending.is_empty()).peekable();
    match digits.len() {
        24 if is_hex => {
            // The place of the beginning of the base backup, as in `000000010000000000000001.00000028.backup`.
            endings.next_if(|ending| ending.len() == 8 && ending.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        8 if is_hex && endings.next() == Some("history") => {}
        _ => return false,
    }
    endings.all(|ending| is_one_of(OF_WAL, ending))
}

/// Whether a key ends as that of a signature.
pub(super) fn is_signature(key: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(_, ending)| is_one_of(SIGNATURES, ending))
}

/// Returns the part of a key after its last slash.
pub(super) fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Endings of the files that the programs of PostgreSQL compress themselves.
pub(super) const PACKED: &[&str] = &[".gz", ".lz4", ".zst"];

/// Returns a name without the first of these endings that it has.
pub(super) fn without<'a>(name: &'a str, endings: &[&str]) -> &'a str {
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Returns the folder when the key is one of the files of `pg_dump -Fd`: `toc.dat`, `3245.dat.gz`, `blobs.toc`,
/// `blob_16400.dat`.
pub(super) fn folder_of_a_dump(key: &str) -> Option<&str> {
    let (folder, name) = key.rsplit_once('/')?;
    let plain = without(name, PACKED);
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
