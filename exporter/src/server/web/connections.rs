//! Limits the number of open connections. At the limit the oldest connection without a request is closed; connections
//! with a valid login are closed last.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Interval of checking whether a connection is closed.
const TURN: Duration = Duration::from_millis(1);

/// Whether there is room for another connection.
enum Room {
    There,
    /// Once this task has ended.
    After(AbortHandle),
    None,
}

/// The open connections, oldest first.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    open: Mutex<VecDeque<(Arc<OpenRequests>, AbortHandle)>>,
}

/// The number of requests that a connection is serving, and whether one of them had a valid login.
#[derive(Debug, Default)]
pub struct OpenRequests {
    count: AtomicUsize,
    known: AtomicBool,
}

impl OpenRequests {
    /// Counts a request until the returned value is dropped.
    pub fn begin(self: &Arc<Self>) -> OpenRequest {
        self.count.fetch_add(1, Ordering::SeqCst);
        OpenRequest(Arc::clone(self))
    }

    /// Notes that a request had a valid login.
    pub fn set_known(&self) {
        self.known.store(true, Ordering::SeqCst);
    }
}

/// The guard of a request that is being served.
#[derive(Debug)]
pub struct OpenRequest(Arc<OpenRequests>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connections {
    /// Allows at most `limit` connections.
    pub const fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::new(VecDeque::new()) }
    }

    /// Makes room for another connection. If necessary, closes an idle one and waits until it is closed. Returns false
    /// if every connection is serving a request.
    pub async fn make_room(&self) -> bool {
        let closing = match self.close_one() {
            Room::There => return true,
            Room::None => return false,
            Room::After(closing) => closing,
        };
        while !closing.is_finished() {
            tokio::time::sleep(TURN).await;
        }
        true
    }

    fn close_one(&self) -> Room {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, task)| !task.is_finished());
        if open.len() < self.limit {
            return Room::There;
        }
        let idle = |known: bool| {
            open.iter().position(|(requests, _)| {
                requests.count.load(Ordering::SeqCst) == 0 && requests.known.load(Ordering::SeqCst) == known
            })
        };
        let Some((_, task)) = idle(false).or_else(|| idle(true)).and_then(|at| open.remove(at)) else {
            return Room::None;
        };
        task.abort();
        Room::After(task)
    }

    /// Closes every connection that serves no request. A request whose head has not fully arrived is dropped.
    pub fn close_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.iter().filter(|(requests, _)| requests.count.load(Ordering::SeqCst) == 0);
        idle.for_each(|(_, task)| task.abort());
    }

    /// Registers an accepted connection.
    pub fn register(&self, requests: Arc<OpenRequests>, task: AbortHandle) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push_back((requests, task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn authenticated_connections_are_closed_last() {
        let connections = Connections::new(3);
        let requests: Vec<Arc<OpenRequests>> = (0..3).map(|_| Arc::default()).collect();
        let tasks: Vec<_> = (0..3).map(|_| tokio::spawn(std::future::pending::<()>())).collect();
        for (requests, task) in requests.iter().zip(&tasks) {
            assert!(connections.make_room().await);
            connections.register(Arc::clone(requests), task.abort_handle());
        }
        requests[0].set_known();
        let active = requests[1].begin();
        assert!(connections.make_room().await);
        assert_eq!(tasks.iter().map(tokio::task::JoinHandle::is_finished).collect::<Vec<_>>(), [false, false, true]);
        connections.register(Arc::default(), tokio::spawn(std::future::pending::<()>()).abort_handle());
        assert!(connections.make_room().await, "the new one is idle");
        drop(active);
    }
}
