//! The limit of open connections. When it is reached, the oldest connection without a request is closed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// The open connections, the oldest first.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    open: Mutex<VecDeque<(Arc<OpenRequests>, AbortHandle)>>,
}

/// The number of requests that a connection is answering.
#[derive(Debug, Default)]
pub struct OpenRequests(AtomicUsize);

impl OpenRequests {
    /// One more until it is dropped.
    pub fn begin(self: &Arc<Self>) -> OpenRequest {
        self.0.fetch_add(1, Ordering::SeqCst);
        OpenRequest(Arc::clone(self))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct OpenRequest(Arc<OpenRequests>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connections {
    /// At most `limit` at a time.
    pub const fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::new(VecDeque::new()) }
    }

    /// Makes room for one more, closing an idle one if need be. False when every connection has an open request.
    pub fn make_room(&self) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, task)| !task.is_finished());
        if open.len() < self.limit {
            return true;
        }
        let idle = open.iter().position(|(requests, _)| requests.0.load(Ordering::SeqCst) == 0);
        let Some((_, task)) = idle.and_then(|at| open.remove(at)) else { return false };
        task.abort();
        true
    }

    /// Closes every connection without an open request. A request whose head has not arrived whole is not waited for.
    pub fn close_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|(requests, _)| requests.0.load(Ordering::SeqCst) == 0).for_each(|(_, task)| task.abort());
    }

    /// Registers an accepted connection.
    pub fn register(&self, requests: Arc<OpenRequests>, task: AbortHandle) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push_back((requests, task));
    }
}
