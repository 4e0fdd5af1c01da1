//! Records in one file of a folder: added under a lock, on the disk when that returns.

use super::contents::{Contents, MAX_BYTES};
use crate::failure::Failure;
use anyhow::{Context, bail};
use checklist::Reason;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file.
pub(super) const FILE: &str = "records.jsonl";
/// A writer holds the lock for some milliseconds; one that hangs must not hang all others.
const PATIENCE: Duration = Duration::from_secs(10);
/// Other files that are told; a folder of thousands is not for records.
const MAX_FOREIGN: usize = 100;

/// Everything that was recorded, and files that are not ours.
pub(super) fn read(folder: &Path) -> Result<Contents, Failure> {
    let path = folder.join(FILE);
    let unreadable = |reason, why: String| Failure::new(reason, format!("cannot read {}: {why}", path.display()));
    let mut contents = Contents::default();
    // Whoever opens a pipe waits for its other end.
    if std::fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        return Err(unreadable(Reason::Config, "it is no file".to_owned()));
    }
    match File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
            read.map_err(|error| unreadable(Reason::Config, error.to_string()))?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(unreadable(Reason::Limit, format!("it is larger than {MAX_BYTES} bytes")));
            }
            contents.texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
        // Nothing was ever recorded; but a folder that is not there is a volume that is not mounted.
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unreadable(Reason::NotFound, "its folder is not there: create it, or mount it".to_owned()));
        }
        Err(error) => return Err(unreadable(Reason::Permission, error.to_string())),
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

/// Adds a line.
pub(super) async fn append(folder: &Path, line: &str) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let what = || format!("cannot write {}", path.display());
    let mut file = File::options().read(true).append(true).create(true).open(&path).with_context(what)?;
    // Two writers take turns, so that lines never mix.
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => bail!("{}: another writer holds it for {PATIENCE:?}", what()),
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
