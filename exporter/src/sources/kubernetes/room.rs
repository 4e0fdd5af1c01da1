//! Memory limits for one cluster, whatever its API server sends: the number of large responses that are read at a time,
//! and the sum of all cached objects. A hostile API server thus fails its own checks and takes no memory from others.

use crate::probe::Failure;
use checklist::Reason;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Number of responses larger than [`SMALL`] that are read at a time.
const LARGE_AT_A_TIME: usize = 2;
/// Number of requests at a time that wait for their response, or for the start of a watch.
const ASKING_AT_A_TIME: usize = 4;
/// Size in bytes up to which a response needs no permit. A usual watch event, with one object, is smaller.
pub(super) const SMALL: usize = 64 * 1024;
/// Maximum size of all cached objects in bytes. More than a hundred thousand pods fit. During a relist the old and the
/// new list count both.
const MAX_CACHED: usize = 28 * 1024 * 1024;

/// The memory limits of one cluster.
#[derive(Debug)]
pub(super) struct Room {
    /// Permits for large responses.
    pub(super) large: Arc<Semaphore>,
    /// Permits for requests that wait for their response, for each of which the client may hold half a megabyte.
    pub(super) asking: Semaphore,
    /// Size of all cached objects in bytes.
    cached: AtomicUsize,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            large: Arc::new(Semaphore::new(LARGE_AT_A_TIME)),
            asking: Semaphore::new(ASKING_AT_A_TIME),
            cached: AtomicUsize::new(0),
        })
    }
}

/// The share of one collection in the cached bytes. Dropping it releases the share.
#[derive(Debug)]
pub(super) struct CachedBytes {
    room: Arc<Room>,
    bytes: usize,
}

impl CachedBytes {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { room, bytes: 0 }
    }

    /// Sets the size of the collection.
    ///
    /// # Errors
    /// Fails when the sum of all collections exceeds [`MAX_CACHED`].
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let cached = &self.room.cached;
        let sum = if bytes > before {
            cached.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before)
        } else {
            cached.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        };
        if sum <= MAX_CACHED {
            return Ok(());
        }
        Err(Failure::new(
            Reason::Limit,
            format!("the objects of the cluster need more than {MAX_CACHED} bytes of memory"),
        ))
    }
}

impl Drop for CachedBytes {
    fn drop(&mut self) {
        self.room.cached.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_share_and_release_the_memory_budget_of_their_cluster() {
        let room = Room::new();
        let (mut one, mut other) = (CachedBytes::new(Arc::clone(&room)), CachedBytes::new(Arc::clone(&room)));
        assert!(one.set(MAX_CACHED).is_ok());
        assert!(other.set(1).is_err_and(|failure| failure.reason == Reason::Limit));
        assert!(one.set(MAX_CACHED / 2).is_ok() && other.set(MAX_CACHED / 2).is_ok());
        drop((one, other));
        assert_eq!(room.cached.load(Ordering::Relaxed), 0);
    }
}
