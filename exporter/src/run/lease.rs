//! Leader election by a Kubernetes Lease: only its holder makes the costly checks.
//!
//! The holder reads the clock before each step of its work. A process that was suspended and continued therefore takes
//! no further step once its lease has expired, whatever the step was waiting for.

pub mod clock;
pub mod election;
pub mod proof;
mod store;

use crate::probe::Failure;
use crate::run::status::LeaseStatus;
use crate::run::time::unix_now;
use checklist::config::Kubernetes;
use clock::Clock;
use election::{Election, Move};
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use store::Store;
use tokio::sync::{RwLock, watch};

/// Time between two reads of the lease, without the random part.
const RETRY: Duration = Duration::from_secs(2);
/// Deadline of one read together with its write. Two attempts fit into [`election::DEADLINE`].
const ATTEMPT: Duration = Duration::from_secs(4);
/// Deadline of a release. Kubernetes kills a pod 30 seconds after SIGTERM by default.
const RELEASE: Duration = Duration::from_secs(5);
/// Pause before a release, so that the cancellations of queries and requests reach the targets.
const SETTLE: Duration = Duration::from_millis(250);

/// The part of one process in one lease.
pub struct Lease {
    store: Store,
    identity: String,
    clock: Clock,
    /// The time on `clock` until which this process may act as the holder; `None` if it is not the holder.
    until: watch::Sender<Option<Duration>>,
    /// The mutex keeps attempts apart: one read of the lease at a time.
    election: tokio::sync::Mutex<Election>,
    resigned: AtomicBool,
    /// Whether this process has ever tried to write the lease. If not, there is nothing to release.
    written: AtomicBool,
    /// Whether the last attempt failed, so that an outage is logged only once.
    failing: AtomicBool,
    /// Held for reading while work runs under the lease. A release takes it for writing and so waits for the work to
    /// end.
    acting: RwLock<()>,
    status: Mutex<LeaseStatus>,
}

impl Lease {
    /// Creates the lease with a random identity, without contacting the API server.
    pub fn new(target: Kubernetes, namespace: &str, name: &str) -> Self {
        Self::with(target, namespace, name, identity(), Clock::system())
    }

    fn with(target: Kubernetes, namespace: &str, name: &str, identity: String, clock: Clock) -> Self {
        Self {
            store: Store::new(target, namespace.to_owned(), name.to_owned()),
            election: tokio::sync::Mutex::new(Election::new(identity.clone())),
            identity,
            clock,
            until: watch::Sender::new(None),
            resigned: AtomicBool::new(false),
            written: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            acting: RwLock::new(()),
            status: Mutex::default(),
        }
    }

    /// Returns `NAMESPACE/NAME` for messages.
    pub fn place(&self) -> String {
        self.store.place()
    }

    pub fn is_held(&self) -> bool {
        self.until.borrow().is_some_and(|until| self.clock.now() < until)
    }

    /// Returns the values of the metrics about the lease.
    pub fn status(&self) -> LeaseStatus {
        LeaseStatus { held: self.is_held(), ..self.locked().clone() }
    }

    /// Waits until this process holds the lease.
    pub async fn held(&self) {
        let mut until = self.until.subscribe();
        while !self.is_held() {
            // An error cannot happen: the sender belongs to `self`.
            let _ = until.changed().await;
        }
    }

    /// Runs the work as long as this process holds the lease. Returns `None` if it does not hold the lease, or loses it
    /// before the work is done. The clock is read before every step, and the work is dropped as soon as the lease
    /// expires.
    pub async fn while_held<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let _acting = self.acting.try_read().ok()?;
        let mut until = self.until.subscribe();
        let mut work = pin!(work);
        loop {
            let left = until.borrow_and_update().and_then(|until| until.checked_sub(self.clock.now()));
            let left = left.filter(|left| !left.is_zero())?;
            tokio::select! {
                biased;
                _ = until.changed() => {}
                // At least 10 ms, so that no busy loop arises if tokio's timer and `clock` disagree.
                () = tokio::time::sleep(left.max(Duration::from_millis(10))) => {}
                done = poll_fn(|context| {
                    if self.is_held() { work.as_mut().poll(context).map(Some) } else { Poll::Ready(None) }
                }) => return done,
            }
        }
    }

    /// Takes part in the election until dropped: reads the lease, takes it when it is free, and renews it.
    pub async fn campaign(&self) {
        loop {
            // `attempt` has counted and logged a failure.
            let _ = self.attempt().await;
            // A random delay in milliseconds, so that several processes do not collide again and again.
            let apart = RandomState::new().hash_one(0) % 200;
            tokio::time::sleep(RETRY + Duration::from_millis(apart)).await;
        }
    }

    /// Reads the lease once, and writes it if it is free or held by this process.
    pub(crate) async fn attempt(&self) -> Result<(), Failure> {
        let result = match tokio::time::timeout(ATTEMPT, self.look()).await {
            Ok(result) => result,
            Err(_) => Err(Failure::new(
                checklist::Reason::Timeout,
                format!("lease {}: no response within {ATTEMPT:?}", self.place()),
            )),
        };
        let failed_before = self.failing.swap(result.is_err(), Ordering::SeqCst);
        match &result {
            Err(failure) => {
                self.locked().failures += 1;
                let (reason, message) = (failure.reason, &failure.message);
                if failed_before {
                    tracing::debug!(%reason, "leader election still fails: {message}");
                } else {
                    tracing::warn!(%reason, "leader election fails: {message}");
                }
            }
            Ok(()) if failed_before => tracing::info!("leader election with the lease {} works again", self.place()),
            Ok(()) => {}
        }
        let held = self.is_held();
        let before = std::mem::replace(&mut self.locked().held, held);
        match (before, held) {
            (false, true) => {
                self.locked().acquisitions += 1;
                tracing::info!(
                    identity = self.identity,
                    "acquired the lease {}: runs the expensive checks",
                    self.place()
                );
            }
            (true, false) => tracing::warn!("lost the lease {}", self.place()),
            _ => {}
        }
        result
    }

    async fn look(&self) -> Result<(), Failure> {
        let mut election = self.election.lock().await;
        if self.resigned.load(Ordering::SeqCst) {
            return Ok(());
        }
        let sent = self.clock.now();
        let object = self.store.read().await?;
        let record = object.as_ref().map(store::record);
        let next = election.decide(record.as_ref(), sent, self.clock.now());
        self.publish(&election);
        self.locked().holder = record.and_then(|record| record.holder);
        if next == Move::Wait {
            return Ok(());
        }
        self.written.store(true, Ordering::SeqCst);
        let begun = self.clock.now();
        if self.store.write(&self.store.held_by(object, Some(&self.identity))).await? {
            election.written(begun);
            self.publish(&election);
            let mut known = self.locked();
            (known.renewed, known.holder) = (Some(unix_now()), Some(self.identity.clone()));
        }
        Ok(())
    }

    fn publish(&self, election: &Election) {
        if !self.resigned.load(Ordering::SeqCst) {
            self.until.send_replace(election.until());
        }
    }

    /// Leaves the election for good, and releases the lease if it is held, so that another process can take it at once.
    pub async fn resign(&self) {
        self.resigned.store(true, Ordering::SeqCst);
        self.until.send_replace(None);
        match tokio::time::timeout(RELEASE, self.release()).await {
            Ok(Ok(true)) => tracing::info!("released the lease {}", self.place()),
            Ok(Ok(false)) => {}
            Ok(Err(failure)) => {
                tracing::warn!(reason = %failure.reason, "cannot release the lease, which will expire: {}", failure.message);
            }
            Err(_) => tracing::warn!("cannot release the lease {} within {RELEASE:?}; it will expire", self.place()),
        }
    }

    async fn release(&self) -> Result<bool, Failure> {
        // Waits for an attempt that is active, so that it writes nothing after the release.
        let mut election = self.election.lock().await;
        let acted = election.until().is_some();
        election.stop();
        self.until.send_replace(None);
        let _quiet = self.acting.write().await;
        if !self.written.load(Ordering::SeqCst) {
            return Ok(false);
        }
        if acted {
            tokio::time::sleep(SETTLE).await;
        }
        loop {
            let object = self.store.read().await?;
            let ours =
                object.as_ref().is_some_and(|object| store::record(object).holder.as_ref() == Some(&self.identity));
            if !ours {
                return Ok(false);
            }
            if self.store.write(&self.store.held_by(object, None)).await? {
                return Ok(true);
            }
        }
    }

    /// Returns the holder, if another process was seen writing the lease.
    async fn rival(&self) -> Option<String> {
        let lives = self.election.lock().await.rival_lives();
        self.locked().holder.clone().filter(|_| lives)
    }

    fn locked(&self) -> MutexGuard<'_, LeaseStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the name of the pod and a random number. A new process in the same pod gets another identity.
fn identity() -> String {
    // `RandomState` takes random keys from the operating system; two hashes give 128 bits.
    let random = [0, 1].map(|n: u8| format!("{:016x}", RandomState::new().hash_one((n, std::process::id()))));
    format!("{}_{}", crate::run::process::pod_name(), random.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    fn lease() -> (Lease, Arc<AtomicU64>) {
        let config = checklist::Config::parse("c", "kubernetes: [{name: k, namespaces: [n]}]\n");
        let target = config.unwrap_or_else(|mistakes| panic!("{mistakes}")).watched.kubernetes.swap_remove(0);
        let now = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&now);
        let clock = Clock::of(move || Duration::from_millis(shared.load(Ordering::SeqCst)));
        (Lease::with(target, "n", "l", "us".to_owned(), clock), now)
    }

    /// A future that counts its steps and is always ready to go on.
    async fn work(steps: &AtomicU64) {
        loop {
            steps.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_under_a_lease_is_cancelled_at_the_deadline_and_does_not_start_after_it() {
        let (lease, now) = lease();
        assert_eq!(lease.while_held(async {}).await, None, "nobody holds it");
        lease.until.send_replace(Some(Duration::from_secs(10)));
        assert_eq!(lease.while_held(async { 7 }).await, Some(7));
        now.store(10_000, Ordering::SeqCst);
        let begun = AtomicU64::new(0);
        assert_eq!(lease.while_held(work(&begun)).await, None);
        assert_eq!(begun.load(Ordering::SeqCst), 0, "it began");
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_process_stops_its_work_when_resumed_after_the_deadline() {
        let (lease, now) = lease();
        lease.until.send_replace(Some(Duration::from_secs(10)));
        let steps = AtomicU64::new(0);
        // Simulates a suspended process: the clock moves on, but no timer has fired.
        let stopped = async {
            for _ in 0..3 {
                steps.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
            now.store(60_000, Ordering::SeqCst);
            work(&steps).await;
        };
        assert_eq!(lease.while_held(stopped).await, None);
        assert_eq!(steps.load(Ordering::SeqCst), 4, "the step in which it was stopped is the last");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_renewal_continues_the_work_and_a_loss_cancels_it() {
        let (lease, now) = lease();
        let lease = Arc::new(lease);
        lease.until.send_replace(Some(Duration::from_secs(10)));
        let own = Arc::clone(&lease);
        let waiting = tokio::spawn(async move { own.while_held(std::future::pending::<()>()).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        now.store(9_000, Ordering::SeqCst);
        lease.until.send_replace(Some(Duration::from_secs(19)));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!waiting.is_finished());
        lease.until.send_replace(None);
        assert_eq!(waiting.await.ok(), Some(None));
        // No work begins while `resign` holds the lock.
        lease.until.send_replace(Some(Duration::from_secs(100)));
        let _quiet = lease.acting.write().await;
        assert_eq!(lease.while_held(async {}).await, None);
    }

    #[test]
    fn no_two_processes_have_the_same_identity() {
        let all: std::collections::BTreeSet<String> = (0..100).map(|_| identity()).collect();
        assert_eq!(all.len(), 100);
    }
}
