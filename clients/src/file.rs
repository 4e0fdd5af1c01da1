//! Reads files that others write. The reader is a thread of its own with a deadline, because opening a pipe or a file
//! on a dead mount blocks the thread.

use crate::failure::Failure;
use checklist::Reason;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// The default deadline. A local disk answers in milliseconds, a busy network file system in a second.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The maximum number of threads that work on one path. When so many hang, more threads would hang the same way.
const AT_ONCE: usize = 8;
/// The interval at which a waiting caller checks for a free thread.
const TURN: Duration = Duration::from_millis(2);

/// The number of working threads by path.
static WAITING: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

/// The content of a file.
#[derive(Debug)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub modified: SystemTime,
}

/// Reads a file of at most `most` bytes, on a thread of its own.
///
/// # Errors
/// The file is missing, is not a regular file, is too large, or does not answer in time.
pub async fn read(path: &Path, most: u64) -> Result<Content, Error> {
    let own = path.to_owned();
    aside(path, PATIENCE, move || read_now(&own, most)).await?
}

/// Does blocking work on a path on a thread of its own. A thread that hangs is left behind. Once several threads hang
/// at a path, no more are started for it.
///
/// # Errors
/// [`ErrorKind::TimedOut`] when the work is not done in time.
pub async fn aside<T: Send + 'static>(
    path: &Path,
    within: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let hangs =
        || Error::new(ErrorKind::TimedOut, format!("reading it takes longer than {within:?}; does its mount hang?"));
    let until = tokio::time::Instant::now() + within;
    let place = loop {
        match Place::take(path) {
            Some(place) => break place,
            None if tokio::time::Instant::now() >= until => return Err(hangs()),
            None => tokio::time::sleep(TURN).await,
        }
    };
    let (done, wait) = oneshot::channel();
    std::thread::Builder::new().name("file".to_owned()).spawn(move || {
        let result = work();
        drop(place);
        // The caller may have stopped waiting.
        let _ = done.send(result);
    })?;
    match tokio::time::timeout_at(until, wait).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(Error::other("the thread that reads it panicked")),
        Err(_) => Err(hangs()),
    }
}

/// Reads a file of at most `most` bytes, on this thread. A pipe, a device or a directory is refused at once.
///
/// # Errors
/// The file is missing, is not a regular file, is too large, or cannot be read.
pub fn read_now(path: &Path, most: u64) -> Result<Content, Error> {
    let file = open(path, File::options().read(true))?;
    let metadata = file.metadata()?;
    let modified = metadata.modified()?;
    let too_large = || Error::new(ErrorKind::FileTooLarge, format!("the file is larger than {most} bytes"));
    if metadata.len() > most {
        return Err(too_large());
    }
    // Reserve the whole size at once: a buffer that grows leaves copies of a secret in freed memory.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(Content { bytes, modified })
}

/// Opens a file with `options`, without waiting for the other end of a pipe. Only regular files are accepted.
///
/// # Errors
/// The file cannot be opened, or is not a regular file.
pub fn open(path: &Path, options: &mut std::fs::OpenOptions) -> Result<File, Error> {
    only_files(options.custom_flags(O_NONBLOCK).open(path)?)
}

/// Like [`open`], but refuses a symbolic link: whoever may write into the directory could point it at another file.
///
/// # Errors
/// The file cannot be opened, is a link, or is not a regular file.
pub fn open_no_link(path: &Path, options: &mut std::fs::OpenOptions) -> Result<File, Error> {
    let opened = options.custom_flags(O_NONBLOCK | O_NOFOLLOW).open(path);
    only_files(opened.map_err(|error| {
        let link = std::fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink());
        if link { Error::new(ErrorKind::InvalidInput, "it is a symbolic link, which is not followed") } else { error }
    })?)
}

fn only_files(file: File) -> Result<File, Error> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Turns an error of reading a file into a failure with its reason.
pub fn failure(path: &Path, error: &Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::NotFound => Reason::NotFound,
        ErrorKind::PermissionDenied => Reason::Permission,
        ErrorKind::TimedOut => Reason::Timeout,
        ErrorKind::FileTooLarge => Reason::Limit,
        _ => Reason::Config,
    };
    Failure::new(reason, format!("cannot read {}: {error}", path.display()))
}

/// The permission of a thread to work on a path. Dropping it frees the place.
struct Place(PathBuf);

impl Place {
    /// Takes a place for a path. `None` when too many threads work on it.
    fn take(path: &Path) -> Option<Self> {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(path.to_owned()).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Self(path.to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn named_pipes_and_folders_are_refused_and_files_are_read_up_to_a_size_limit() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
        std::fs::write(&file, "four")?;
        for not in [&pipe, folder.path()] {
            let error = read(not, 10).await.err().map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::InvalidInput), "{}", not.display());
        }
        assert_eq!(read(&file, 4).await?.bytes, b"four");
        assert_eq!(read(&file, 3).await.err().map(|error| error.kind()), Some(ErrorKind::FileTooLarge));
        Ok(())
    }

    #[tokio::test]
    async fn a_hanging_file_read_times_out_and_is_not_repeated_soon() -> anyhow::Result<()> {
        let path = Path::new("/a mount that is dead");
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Arc::new(Mutex::new(held));
        for _ in 0..AT_ONCE {
            let held = std::sync::Arc::clone(&held);
            let wait = move || held.lock().is_ok_and(|held| held.recv().is_ok());
            let hung = aside(path, Duration::from_millis(5), wait).await;
            assert_eq!(hung.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
        }
        let started = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let own = std::sync::Arc::clone(&started);
        let more = aside(path, Duration::from_millis(5), move || own.store(true, std::sync::atomic::Ordering::SeqCst));
        assert_eq!(more.await.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
        assert!(!started.load(std::sync::atomic::Ordering::SeqCst), "another thread hangs too");
        assert_eq!(aside(Path::new("/another"), PATIENCE, || 7).await?, 7);
        drop(release);
        Ok(())
    }
}
