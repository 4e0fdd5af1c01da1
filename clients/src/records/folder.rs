//! Records in a directory, as lines of one file. A line is added under a lock and synced to the disk.

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

pub(super) const FILE: &str = "records.jsonl";
/// How long to wait for the lock. A writer holds it for some milliseconds, and one that hangs must not block all
/// others.
const LOCKED: Duration = Duration::from_secs(10);
/// The limit of foreign files that messages name, in case the directory is not meant for records.
const MAX_FOREIGN: usize = 100;

/// Reads the records, on a thread of its own because the directory may be on a dead mount. Also lists foreign files.
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
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            contents.texts.push((path.display().to_string(), Ok(text)));
        }
        // A missing file means that nothing was recorded yet. A missing directory means that a volume is not mounted.
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unreadable(Reason::NotFound, "the folder does not exist: create or mount it".to_owned()));
        }
        Err(error) => return Err(file::failure(&path, &error)),
    }
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(Reason::Permission, error.to_string()))?;
    // Directories such as lost+found and hidden files of network file systems are ignored.
    let foreign = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name != FILE && !name.to_string_lossy().starts_with('.') && entry.file_type().is_ok_and(|kind| !kind.is_dir())
    });
    contents.foreign = foreign
        .take(MAX_FOREIGN)
        .map(|entry| (entry.path().display().to_string(), format!("the file of records must be named {FILE}")))
        .collect();
    Ok(contents)
}

/// Appends a line. Fails within some seconds when the file cannot be locked or its mount does not answer.
pub(super) async fn append(folder: &Path, line: &str) -> anyhow::Result<()> {
    let (own, line) = (folder.to_owned(), line.to_owned());
    let added = file::aside(folder, LOCKED + PATIENCE, move || append_now(&own, &line)).await;
    added.with_context(|| format!("cannot write {}", folder.join(FILE).display()))?
}

/// Opens the file for appending. Links and directories that other users may write to are refused, because another user
/// could redirect the writing to another file.
fn open(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(FILE);
    let options = &mut File::options();
    let opened = file::open_no_link(&path, options.read(true).append(true).create(true))?;
    let (place, own) = (std::fs::metadata(folder)?, opened.metadata()?);
    let us = geteuid().as_raw();
    let others_write = place.mode() & 0o002 != 0 && place.mode() & 0o1000 == 0;
    ensure!(
        place.uid() == 0 || place.uid() == us || !others_write,
        "its folder belongs to another user, and every user can write to it"
    );
    ensure!(own.nlink() <= 1, "it is a hard link, so it may be another file");
    ensure!(
        us != 0 || own.uid() == 0 || own.uid() == place.uid(),
        "it has another owner than its folder, and root does not write to files of other users"
    );
    Ok(opened)
}

fn append_now(folder: &Path, line: &str) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let what = || format!("cannot write {}", path.display());
    let mut file = open(folder).with_context(what)?;
    // The lock keeps the lines of two writers apart.
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => bail!("{}: another writer has locked it for {LOCKED:?}", what()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(what),
        }
    }
    // When an earlier writer's disk was full, the last line may lack its end. Then this record starts on a new line.
    let mut last = [b'\n'];
    if file.metadata().with_context(what)?.len() > 0 {
        file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).with_context(what)?;
    }
    let line = if last == [b'\n'] { line.to_owned() } else { format!("\n{line}") };
    file.write_all(line.as_bytes()).with_context(what)?;
    file.sync_all().with_context(what)?;
    // Sync the directory too: it holds the entry of a new file.
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(what)
}
