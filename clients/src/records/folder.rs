//! Records in one file of a folder: added under a lock, on the disk when that returns.

use super::contents::{Contents, MAX_BYTES};
use crate::failure::Failure;
use crate::file::{self, PATIENCE};
use anyhow::{Context, bail, ensure};
use checklist::Reason;
use nix::unistd::geteuid;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The file.
pub(super) const FILE: &str = "records.jsonl";
/// A writer holds the lock for some milliseconds; one that hangs must not hang all others.
const LOCKED: Duration = Duration::from_secs(10);
/// Other files that a message names; a folder of thousands is not for records.
const MAX_FOREIGN: usize = 100;

/// Everything that was recorded, and files that are not ours. The folder may lie on a mount that is dead.
pub(super) async fn read(folder: &Path) -> Result<Contents, Failure> {
    let own = folder.to_owned();
    let read = file::aside(folder, PATIENCE, move || read_now(&own)).await;
    read.map_err(|error| file::failure(&folder.join(FILE), &error))?
}

fn read_now(folder: &Path) -> Result<Contents, Failure> {
    let path = folder.join(FILE);
    let unreadable = |reason, why: String| Failure::new(reason, format!("cannot read {}: {why}", path.display()));
    let mut contents = Contents::default();
    match file::read_now(&path, MAX_BYTES) {
        Ok(content) => {
            contents.texts.push((path.display().to_string(), String::from_utf8_lossy(&content.bytes).into_owned()));
        }
        // Nothing was ever recorded; but a folder that is not there is a volume that is not mounted.
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unreadable(Reason::NotFound, "its folder is not there: create it, or mount it".to_owned()));
        }
        Err(error) => return Err(file::failure(&path, &error)),
    }
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(Reason::Permission, error.to_string()))?;
    // Folders such as lost+found, and hidden files of network file systems, are nobody's records.
    let foreign = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name != FILE && !name.to_string_lossy().starts_with('.') && entry.file_type().is_ok_and(|kind| !kind.is_dir())
    });
    contents.foreign = foreign
        .take(MAX_FOREIGN)
        .map(|entry| (entry.path().display().to_string(), format!("records are kept in {FILE} alone")))
        .collect();
    Ok(contents)
}

/// Adds a line, or says why not within some seconds.
pub(super) async fn append(folder: &Path, line: &str) -> anyhow::Result<()> {
    let (own, line) = (folder.to_owned(), line.to_owned());
    let added = file::aside(folder, LOCKED + PATIENCE, move || append_now(&own, &line)).await;
    added.with_context(|| format!("cannot write {}", folder.join(FILE).display()))?
}

/// Opens the file for writing; what somebody put in its place to have another file written to is refused.
fn open(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(FILE);
    let options = &mut File::options();
    let opened = file::open_no_link(&path, options.read(true).append(true).create(true))?;
    let (place, own) = (std::fs::metadata(folder)?, opened.metadata()?);
    let us = geteuid().as_raw();
    let others_write = place.mode() & 0o002 != 0 && place.mode() & 0o1000 == 0;
    ensure!(
        place.uid() == 0 || place.uid() == us || !others_write,
        "its folder belongs to another user and everybody may write into it"
    );
    ensure!(own.nlink() <= 1, "it has another name too (a hard link), so it may be another file");
    ensure!(
        us != 0 || own.uid() == 0 || own.uid() == place.uid(),
        "it belongs to another user than its folder does, and root writes to neither for others"
    );
    Ok(opened)
}

fn append_now(folder: &Path, line: &str) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let what = || format!("cannot write {}", path.display());
    let mut file = open(folder).with_context(what)?;
    // Two writers take turns, so that lines never mix.
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => bail!("{}: another writer holds it for {LOCKED:?}", what()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(what),
        }
    }
    // A line that someone's full disk tore off must not swallow this one.
    let mut last = [b'\n'];
    if file.metadata().with_context(what)?.len() > 0 {
        file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).with_context(what)?;
    }
    let line = if last == [b'\n'] { line.to_owned() } else { format!("\n{line}") };
    file.write_all(line.as_bytes()).with_context(what)?;
    file.sync_all().with_context(what)?;
    // The entry of a new file is part of its folder.
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(what)
}
