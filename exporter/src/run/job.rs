//! A job: one check with its probe and its state. At most one run is active at a time, each run has a deadline, and a
//! panic of the probe counts as a failed run.

use crate::probe::{Failure, Probe};
use crate::run::lease::Lease;
use crate::run::state::State;
use crate::run::time::unix_now;
use checklist::{Reason, Samples};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

/// How long the result of a requested run is shared: requests within this time do not start another run.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// One check with its probe and its state.
pub struct Job {
    pub probe: Arc<dyn Probe>,
    /// Everything that the job depends on, as text. A reload keeps the job if it is unchanged.
    pub definition: String,
    /// The lease whose holder makes the check; `None` if every process makes it.
    lease: Option<Arc<Lease>>,
    /// Copied on write, so that a reader keeps its snapshot while the next run is recorded.
    state: Mutex<Arc<State>>,
    /// Held during a run.
    running: tokio::sync::Mutex<()>,
    /// The last run that a request has started. The channel gets the time of the run's end.
    shared: Mutex<Option<watch::Receiver<Option<Instant>>>>,
    /// Wakes the scheduler for a run before the check is due.
    pub again: Notify,
}

impl Job {
    pub fn new(probe: Arc<dyn Probe>, definition: String, state: State) -> Self {
        Self {
            probe,
            definition,
            lease: None,
            state: Mutex::new(Arc::new(state)),
            running: tokio::sync::Mutex::new(()),
            shared: Mutex::default(),
            again: Notify::new(),
        }
    }

    /// Restricts the job to the holder of a lease.
    #[must_use]
    pub fn under(mut self, lease: Option<Arc<Lease>>) -> Self {
        self.lease = lease;
        self
    }

    /// Whether this process makes the check at present: there is no lease, or it holds the lease.
    pub fn is_ours(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_held())
    }

    /// Returns a snapshot of the state.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state. The state is copied first if a reader still has a snapshot of it.
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(Arc::make_mut(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    /// Clears the state, because another process makes the check from now on.
    pub fn forget(&self) {
        self.update(State::forget);
    }

    /// The lease whose holder makes the check; `None` if every process makes it.
    pub fn lease(&self) -> Option<&Arc<Lease>> {
        self.lease.as_ref()
    }

    /// Runs the check once, within its deadline. Waits for a run that is active. If the job has a lease, every step of
    /// the run requires that this process holds it.
    pub async fn run(&self) {
        match &self.lease {
            Some(lease) => lease.while_held(self.make()).await.unwrap_or_default(),
            None => self.make().await,
        }
    }

    /// Runs the check for a request. All requests share a run that is active or has ended within the last second. The
    /// run goes on to its end even if every requester goes away, so that requests cannot multiply the load on a target.
    pub async fn run_shared(self: &Arc<Self>, checks: &Handle) {
        let mut run = {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(run) = shared.as_ref().filter(|run| is_shared(run)) {
                run.clone()
            } else {
                let (ended, run) = watch::channel(None);
                let job = Arc::clone(self);
                checks.spawn(async move {
                    job.run().await;
                    ended.send_replace(Some(Instant::now()));
                });
                shared.insert(run).clone()
            }
        };
        // An error means that the task of the run was dropped when the program ended.
        let _ = run.wait_for(Option::is_some).await;
    }

    async fn make(&self) {
        let _one = self.running.lock().await;
        let (timeout, series) = {
            let state = self.state();
            (state.check.timeout, state.check.series)
        };
        let begun = Instant::now();
        let result = attempt(self.probe.as_ref(), timeout, series).await;
        if let Err(failure) = &result {
            let state = self.state();
            let (check, target) = (state.check.signal.id, state.check.target.as_str());
            tracing::warn!(check, target, reason = %failure.reason, "check {check} on {target} failed: {}", failure.message);
        }
        self.update(|state| state.record(result, unix_now(), begun.elapsed()));
    }
}

/// Whether a run is active or ended a moment ago.
fn is_shared(run: &watch::Receiver<Option<Instant>>) -> bool {
    match *run.borrow() {
        Some(ended) => ended.elapsed() < SHARED_FOR,
        None => run.has_changed().is_ok(),
    }
}

/// Runs the probe once. A panic and an elapsed deadline become failures.
async fn attempt(probe: &dyn Probe, timeout: Duration, series: usize) -> Result<Samples, Failure> {
    let run = AssertUnwindSafe(probe.probe(Samples::within(series))).catch_unwind();
    match tokio::time::timeout(timeout, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(Failure::new(Reason::Panic, "the probe panicked; this is a bug, please report it")),
        Err(_elapsed) => Err(Failure::new(Reason::Timeout, format!("no result within {timeout:?}"))),
    }
}
