//! So many connections at a time. When all are taken, the oldest that asks for nothing makes room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// The open connections, the oldest first.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    open: Mutex<VecDeque<(Arc<Busy>, AbortHandle)>>,
}

/// Requests that a connection is answering.
#[derive(Debug, Default)]
pub struct Busy(AtomicUsize);

impl Busy {
    /// One more until it is dropped.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.0.fetch_add(1, Ordering::SeqCst);
        Answering(Arc::clone(self))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Answering(Arc<Busy>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slots {
    /// Room for so many.
    pub const fn new(most: usize) -> Self {
        Self { most, open: Mutex::new(VecDeque::new()) }
    }

    /// Makes room for one more; false when every connection is being answered.
    pub fn make_room(&self) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, task)| !task.is_finished());
        if open.len() < self.most {
            return true;
        }
        let idle = open.iter().position(|(busy, _)| busy.0.load(Ordering::SeqCst) == 0);
        let Some((_, task)) = idle.and_then(|at| open.remove(at)) else { return false };
        task.abort();
        true
    }

    /// Closes every connection that asks for nothing: what is half said by the end is never said.
    pub fn close_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|(busy, _)| busy.0.load(Ordering::SeqCst) == 0).for_each(|(_, task)| task.abort());
    }

    /// Counts a connection.
    pub fn take(&self, busy: Arc<Busy>, task: AbortHandle) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push_back((busy, task));
    }
}
