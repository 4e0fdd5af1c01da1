//! A queue for slow work, such as password hashing and token reviews. It bounds how much runs at a time, how many
//! requests wait, and how many of them come from one address, so that one client cannot take all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The queue.
#[derive(Debug)]
pub struct Queue {
    /// Permits for the work that runs at a time.
    at_a_time: Arc<Semaphore>,
    /// Maximum number of running and waiting requests.
    most: usize,
    /// Maximum number of them from one address.
    of_one: usize,
    /// Number of running and waiting requests by address.
    inside: Mutex<HashMap<IpAddr, usize>>,
}

/// The right to run. It ends when this value is dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

#[derive(Debug)]
struct Place {
    queue: Arc<Queue>,
    from: IpAddr,
}

impl Queue {
    /// Creates a queue in which `at_a_time` requests run at a time, and at most `most` run or wait, of which `of_one`
    /// are from one address.
    pub fn new(at_a_time: usize, most: usize, of_one: usize) -> Arc<Self> {
        Arc::new(Self { at_a_time: Arc::new(Semaphore::new(at_a_time)), most, of_one, inside: Mutex::default() })
    }

    /// Waits for a turn. Returns `None` at once if too many requests wait already.
    pub async fn turn(self: &Arc<Self>, from: IpAddr) -> Option<Turn> {
        let place = self.place(from)?;
        let permit = Arc::clone(&self.at_a_time).acquire_owned().await.ok()?;
        Some(Turn { _permit: permit, _place: place })
    }

    fn place(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let mut inside = self.inside();
        let of_this = inside.get(&from).copied().unwrap_or_default();
        if of_this >= self.of_one || inside.values().sum::<usize>() >= self.most {
            return None;
        }
        inside.insert(from, of_this + 1);
        Some(Place { queue: Arc::clone(self), from })
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.queue.inside();
        if let Some(count) = inside.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_address_cannot_fill_the_login_queue() {
        let queue = Queue::new(1, 4, 2);
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let first = queue.turn(one).await;
        assert!(first.is_some());
        let mut second = Box::pin(queue.turn(one));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert!(queue.turn(one).await.is_none(), "two are inside");
        let mut others = Box::pin(queue.turn(other));
        assert!(others.as_mut().now_or_never().is_none(), "another address has a place");
        drop(first);
        assert!(second.await.is_some());
        drop(others);
        assert!(queue.turn(other).await.is_some(), "who went away left its place");
        assert!(queue.inside().is_empty());
    }
}
