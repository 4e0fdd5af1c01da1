//! One check with its probe and its memory: one run at a time, within a deadline, and a panic is a failed run.

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

/// A run that ended so recently is not made again for whoever asks.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// One check with its probe and its memory.
pub struct Job {
    /// The probe.
    pub probe: Arc<dyn Probe>,
    /// Everything that it was made from: a reload compares it.
    pub definition: String,
    /// Whoever holds this makes the check; nothing when every process does.
    lease: Option<Arc<Lease>>,
    /// Replaced whole, so that a reader keeps what it has while the next run is recorded.
    state: Mutex<Arc<State>>,
    running: tokio::sync::Mutex<()>,
    /// The last run that somebody asked for, and when it ended.
    asked: Mutex<Option<watch::Receiver<Option<Instant>>>>,
    /// Asks for a run before it is due.
    pub again: Notify,
}

impl Job {
    /// A job that has not run.
    pub fn new(probe: Arc<dyn Probe>, definition: String, state: State) -> Self {
        Self {
            probe,
            definition,
            lease: None,
            state: Mutex::new(Arc::new(state)),
            running: tokio::sync::Mutex::new(()),
            asked: Mutex::default(),
            again: Notify::new(),
        }
    }

    /// The same, made by the holder of a lease alone.
    #[must_use]
    pub fn under(mut self, lease: Option<Arc<Lease>>) -> Self {
        self.lease = lease;
        self
    }

    /// Whether this process makes the check at present.
    pub fn is_ours(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_held())
    }

    /// The memory of the check as it is now.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the memory. A state that somebody still reads is copied first.
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(Arc::make_mut(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    /// Forgets every run: from now on another process makes the check.
    pub fn forget(&self) {
        self.update(State::forget);
    }

    /// Whoever holds this makes the check; nothing when every process does.
    pub fn lease(&self) -> Option<&Arc<Lease>> {
        self.lease.as_ref()
    }

    /// Makes the check once, within its deadline. Never two runs of one check at a time, and no step of one while another
    /// process holds its lease.
    pub async fn run(&self) {
        match &self.lease {
            Some(lease) => lease.while_held(self.make()).await.unwrap_or_default(),
            None => self.make().await,
        }
    }

    /// Makes the check for somebody who asks. All who ask share the run that is being made, or that ended a second ago, and
    /// it goes on to its end when they go away: what a target does for it is done once.
    pub async fn run_shared(self: &Arc<Self>, checks: &Handle) {
        let mut run = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(run) = asked.as_ref().filter(|run| is_shared(run)) {
                run.clone()
            } else {
                let (ended, run) = watch::channel(None);
                let job = Arc::clone(self);
                checks.spawn(async move {
                    job.run().await;
                    ended.send_replace(Some(Instant::now()));
                });
                asked.insert(run).clone()
            }
        };
        // An error means that the run was taken down with the program.
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
            tracing::warn!(check, target, reason = %failure.reason, "cannot make check {check} on {target}: {}", failure.message);
        }
        self.update(|state| state.record(result, unix_now(), begun.elapsed()));
    }
}

/// Whether a run goes on, or ended a moment ago.
fn is_shared(run: &watch::Receiver<Option<Instant>>) -> bool {
    match *run.borrow() {
        Some(ended) => ended.elapsed() < SHARED_FOR,
        None => run.has_changed().is_ok(),
    }
}

async fn attempt(probe: &dyn Probe, timeout: Duration, series: usize) -> Result<Samples, Failure> {
    let run = AssertUnwindSafe(probe.probe(Samples::within(series))).catch_unwind();
    match tokio::time::timeout(timeout, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(Failure::new(Reason::Panic, "the probe itself broke; this is a bug, please report it")),
        Err(_elapsed) => Err(Failure::new(Reason::Timeout, format!("no result within {timeout:?}"))),
    }
}
