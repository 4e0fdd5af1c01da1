//! Runs every check at its interval, one task each, and publishes what they saw.

use crate::probe::{Failure, Probe};
use crate::run::lease::Lease;
use crate::run::state::State;
use crate::run::time::unix_now;
use crate::server::snapshot::{Latest, Loaded, Snapshot};
use arc_swap::{ArcSwap, ArcSwapOption};
use checklist::{Reason, Samples};
use futures::FutureExt;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

/// One check with its probe and its memory.
pub struct Job {
    /// What looks.
    pub probe: Arc<dyn Probe>,
    /// Everything that it was made from, so that a reload knows whether it has changed.
    pub definition: String,
    /// Whoever holds this makes the check; nothing when every process does.
    lease: Option<Arc<Lease>>,
    state: Mutex<State>,
    running: tokio::sync::Mutex<()>,
}

impl Job {
    /// A job that has not run.
    pub fn new(probe: Arc<dyn Probe>, definition: String, state: State) -> Self {
        Self { probe, definition, lease: None, state: Mutex::new(state), running: tokio::sync::Mutex::new(()) }
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

    /// The memory of the check.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic while recording leaves whole values behind: none is half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the check once, within its deadline. Never two runs of one check at a time, and no step of one while another
    /// process holds its lease.
    pub async fn run(&self) {
        match &self.lease {
            Some(lease) => lease.while_held(self.make()).await.unwrap_or_default(),
            None => self.make().await,
        }
    }

    async fn make(&self) {
        let _one = self.running.lock().await;
        let timeout = self.state().check.timeout;
        let begun = Instant::now();
        let result = attempt(self.probe.as_ref(), timeout).await;
        let mut state = self.state();
        if let Err(failure) = &result {
            let (check, target) = (state.check.signal.id, state.check.target.as_str());
            tracing::warn!(check, target, reason = %failure.reason, "cannot make check {check} on {target}: {}", failure.message);
        }
        state.record(result, unix_now(), begun.elapsed());
    }
}

async fn attempt(probe: &dyn Probe, timeout: Duration) -> Result<Samples, Failure> {
    let run = AssertUnwindSafe(probe.probe()).catch_unwind();
    match tokio::time::timeout(timeout, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(Failure::new(Reason::Panic, "the probe itself broke; this is a bug, please report it")),
        Err(_elapsed) => Err(Failure::new(Reason::Timeout, format!("no result within {timeout:?}"))),
    }
}

/// All checks of the process.
pub struct Schedule {
    jobs: ArcSwap<Vec<Arc<Job>>>,
    lease: ArcSwapOption<Lease>,
    loaded: Mutex<Loaded>,
    /// The exposition.
    pub latest: Latest,
    changed: Notify,
}

impl Schedule {
    /// Takes the jobs; nothing runs yet, and the exposition already has every contract series.
    pub fn new(jobs: Vec<Arc<Job>>, loaded: Loaded) -> Arc<Self> {
        let schedule = Self {
            jobs: ArcSwap::from_pointee(jobs),
            lease: ArcSwapOption::empty(),
            loaded: Mutex::new(loaded),
            latest: Latest::default(),
            changed: Notify::new(),
        };
        schedule.publish();
        Arc::new(schedule)
    }

    /// The present jobs, in the order of signals and targets.
    pub fn jobs(&self) -> Arc<Vec<Arc<Job>>> {
        self.jobs.load_full()
    }

    /// The present jobs that this process makes, and not the holder of a lease elsewhere.
    pub fn ours(&self) -> Vec<Arc<Job>> {
        self.jobs().iter().filter(|job| job.is_ours()).cloned().collect()
    }

    /// The lease that this process takes part in.
    pub fn lease(&self) -> Option<Arc<Lease>> {
        self.lease.load_full()
    }

    /// Takes part in another lease, or in none. Whatever was done under the one before ends, and it is released.
    pub fn elect(&self, lease: Option<Arc<Lease>>) {
        self.lease.store(lease);
        self.refresh();
    }

    /// What is known of checklist.yaml.
    pub fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the jobs: those that stay go on undisturbed, the others end.
    pub fn replace(&self, jobs: Vec<Arc<Job>>) {
        self.jobs.store(Arc::new(jobs));
        self.refresh();
    }

    /// Asks for a new exposition soon.
    pub fn refresh(&self) {
        self.changed.notify_one();
    }

    /// Runs until dropped.
    pub async fn run(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        let mut running: Vec<(Arc<Job>, AbortHandle)> = Vec::new();
        let mut campaign: Option<(Arc<Lease>, AbortHandle)> = None;
        loop {
            self.follow(&mut campaign, &mut tasks);
            let jobs = self.jobs();
            let stays = |job: &Arc<Job>| jobs.iter().any(|present| Arc::ptr_eq(present, job));
            running.retain(|(job, task)| {
                stays(job) || {
                    task.abort();
                    false
                }
            });
            let known: HashSet<usize> = running.iter().map(|(job, _)| Arc::as_ptr(job).addr()).collect();
            for job in jobs.iter().filter(|job| !known.contains(&Arc::as_ptr(job).addr())) {
                let (schedule, own) = (Arc::clone(&self), Arc::clone(job));
                running.push((Arc::clone(job), tasks.spawn(async move { schedule.repeat(&own).await })));
            }
            while tasks.try_join_next().is_some() {}
            // Levels grow stale without anything happening, so look at least every five seconds.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.changed.notified()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let begun = Instant::now();
            self.publish();
            // Rendering takes at most a twentieth of the time, however many series there are.
            tokio::time::sleep(begun.elapsed() * 20).await;
        }
    }

    /// Takes part in the present lease, and no longer in the one before.
    fn follow(&self, campaign: &mut Option<(Arc<Lease>, AbortHandle)>, tasks: &mut JoinSet<()>) {
        let lease = self.lease();
        if campaign.as_ref().map(|(lease, _)| Arc::as_ptr(lease)) == lease.as_ref().map(Arc::as_ptr) {
            return;
        }
        if let Some((before, task)) = campaign.take() {
            task.abort();
            tasks.spawn(async move { before.resign().await });
        }
        *campaign = lease.map(|lease| {
            let own = Arc::clone(&lease);
            (lease, tasks.spawn(async move { own.campaign().await }))
        });
    }

    async fn repeat(&self, job: &Job) {
        let Some(lease) = &job.lease else { return self.rounds(job).await };
        loop {
            lease.held().await;
            lease.while_held(self.rounds(job)).await;
            job.state().forget();
            self.refresh();
        }
    }

    async fn rounds(&self, job: &Job) {
        let (interval, spread) = {
            let check = &job.state().check;
            (check.interval, spread(check.signal.id, &check.target, check.interval))
        };
        let mut due = tokio::time::Instant::now() + spread;
        loop {
            tokio::time::sleep_until(due).await;
            job.run().await;
            self.changed.notify_one();
            // Missed runs collapse into one.
            while due <= tokio::time::Instant::now() {
                due += interval;
            }
        }
    }

    /// Renders the present states and swaps the exposition.
    pub fn publish(&self) {
        let jobs = self.ours();
        let states: Vec<_> = jobs.iter().map(|job| job.state()).collect();
        let borrowed: Vec<&State> = states.iter().map(|state| &**state).collect();
        self.latest.store(Arc::new(Snapshot::of(&borrowed, unix_now(), &self.own())));
    }

    /// What is exposed about the process itself.
    pub fn own(&self) -> Loaded {
        Loaded { lease: self.lease().map(|lease| lease.status()), ..self.loaded().clone() }
    }
}

/// The first run: soon, and not all at once.
fn spread(check: &str, target: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (check, target).hash(&mut hasher);
    let part = (hasher.finish() % 1000) as f64 / 1000.0;
    interval.min(Duration::from_secs(5)).mul_f64(part)
}
