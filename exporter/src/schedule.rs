//! Runs every check at its interval, one task each, and publishes what they saw.

use crate::probe::{Failure, Probe};
use crate::snapshot::{Latest, Loaded, Snapshot};
use crate::state::State;
use arc_swap::ArcSwap;
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
    state: Mutex<State>,
    running: tokio::sync::Mutex<()>,
}

impl Job {
    /// A job that has not run.
    pub fn new(probe: Arc<dyn Probe>, definition: String, state: State) -> Self {
        Self { probe, definition, state: Mutex::new(state), running: tokio::sync::Mutex::new(()) }
    }

    /// The memory of the check.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic while recording leaves whole values behind: none is half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the check once, within its deadline. Never two runs of one check at a time.
    pub async fn run(&self) {
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
        loop {
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

    async fn repeat(&self, job: &Job) {
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
        let jobs = self.jobs();
        let states: Vec<_> = jobs.iter().map(|job| job.state()).collect();
        let borrowed: Vec<&State> = states.iter().map(|state| &**state).collect();
        let loaded = self.loaded().clone();
        self.latest.store(Arc::new(Snapshot::of(&borrowed, unix_now(), &loaded)));
    }
}

/// The first run: soon, and not all at once.
fn spread(check: &str, target: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (check, target).hash(&mut hasher);
    let part = (hasher.finish() % 1000) as f64 / 1000.0;
    interval.min(Duration::from_secs(5)).mul_f64(part)
}

/// Unix time in seconds.
pub fn unix_now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
