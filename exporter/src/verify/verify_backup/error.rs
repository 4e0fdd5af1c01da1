//! The two kinds of failure of a proof: the backup is bad, or the proof could not be made.

use std::fmt;

/// Why a backup could not be proved good.
#[derive(Debug)]
pub enum NotProved {
    /// The backup is bad.
    BadBackup(anyhow::Error),
    /// Something that the proof needs is missing or failed, so nothing is known about the backup.
    CannotTell(anyhow::Error),
}

/// An error is not the backup's fault unless [`BackupFault::bad_backup`] marks it so.
impl<E: Into<anyhow::Error>> From<E> for NotProved {
    fn from(error: E) -> Self {
        Self::CannotTell(error.into())
    }
}

impl fmt::Display for NotProved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadBackup(error) => write!(f, "{error:#}"),
            Self::CannotTell(error) => write!(f, "the backup could not be verified: {error:#}"),
        }
    }
}

/// Marks errors as the backup's fault.
pub(super) trait BackupFault<T> {
    /// Converts an error to [`NotProved::BadBackup`].
    fn bad_backup(self) -> Result<T, NotProved>;
}

impl<T, E: Into<anyhow::Error>> BackupFault<T> for Result<T, E> {
    fn bad_backup(self) -> Result<T, NotProved> {
        self.map_err(|error| NotProved::BadBackup(error.into()))
    }
}
