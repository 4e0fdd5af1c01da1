//! The memory that one cluster may take, whatever its API server sends: large answers are read a few at a time, and what
//! is kept of objects has a sum. So one hostile server fails its own checks and leaves the others their memory.

use crate::probe::Failure;
use checklist::Reason;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Answers that are larger than [`SMALL`] and are being read at a time.
const LARGE_AT_A_TIME: usize = 2;
/// Questions at a time whose answer has not come, or in a watch has not begun.
const ASKING_AT_A_TIME: usize = 4;
/// An event of a watch with one object, as they usually are.
pub(super) const SMALL: usize = 64 * 1024;
/// Bytes of objects: more than a hundred thousand pods fit. While a list is made anew, the old one counts too.
const MAX_KEPT: usize = 28 * 1024 * 1024;

/// The room of one cluster.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) large: Arc<Semaphore>,
    /// Places for questions whose answer has not come: the client may hold half a megabyte for each.
    pub(super) asking: Semaphore,
    kept: AtomicUsize,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            large: Arc::new(Semaphore::new(LARGE_AT_A_TIME)),
            asking: Semaphore::new(ASKING_AT_A_TIME),
            kept: AtomicUsize::new(0),
        })
    }
}

/// What one collection takes of the room; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    room: Arc<Room>,
    bytes: usize,
}

impl Kept {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { room, bytes: 0 }
    }

    /// Takes as many bytes now, more or less than before.
    ///
    /// # Errors
    /// When they do not fit.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let kept = &self.room.kept;
        let sum = if bytes > before {
            kept.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before)
        } else {
            kept.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        };
        if sum <= MAX_KEPT {
            return Ok(());
        }
        Err(Failure::new(Reason::Limit, format!("the cluster's objects take more than {MAX_KEPT} bytes")))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.room.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_share_the_room_of_their_cluster_and_give_it_back() {
        let room = Room::new();
        let (mut one, mut other) = (Kept::new(Arc::clone(&room)), Kept::new(Arc::clone(&room)));
        assert!(one.set(MAX_KEPT).is_ok());
        assert!(other.set(1).is_err_and(|failure| failure.reason == Reason::Limit));
        assert!(one.set(MAX_KEPT / 2).is_ok() && other.set(MAX_KEPT / 2).is_ok());
        drop((one, other));
        assert_eq!(room.kept.load(Ordering::Relaxed), 0);
    }
}
