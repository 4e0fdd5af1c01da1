//! Runs every check at its interval, one task each, and publishes what they saw.

use crate::probe::{Failure, Probe};
use crate::snapshot::{Latest, Snapshot};
use crate::state::State;
use checklist::{Reason, Samples};
use futures::FutureExt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// One check with its probe and its memory.
pub struct Job {
    /// What looks.
    pub probe: Arc<dyn Probe>,
    state: Mutex<State>,
    running: tokio::sync::Mutex<()>,
}

impl Job {
    /// A job that has not run.
    pub fn new(probe: Arc<dyn Probe>, state: State) -> Self {
        Self { probe, state: Mutex::new(state), running: tokio::sync::Mutex::new(()) }
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
    /// The jobs, in the order of signals and targets.
    pub jobs: Vec<Job>,
    /// The exposition.
    pub latest: Latest,
    changed: Notify,
    loaded_at: f64,
}

impl Schedule {
    /// Takes the jobs; nothing runs yet, and the exposition already has every contract series.
    pub fn new(jobs: Vec<Job>) -> Arc<Self> {
        let schedule = Self { jobs, latest: Latest::default(), changed: Notify::new(), loaded_at: unix_now() };
        schedule.publish();
        Arc::new(schedule)
    }

    /// Runs until dropped.
    pub async fn run(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        for at in 0..self.jobs.len() {
            let schedule = Arc::clone(&self);
            tasks.spawn(async move { schedule.repeat(at).await });
        }
        loop {
            // Levels grow stale without anything happening, so look at least every five seconds.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.changed.notified()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let begun = Instant::now();
            self.publish();
            // Rendering takes at most a twentieth of the time, however large the body grows.
            tokio::time::sleep(begun.elapsed() * 19).await;
        }
    }

    async fn repeat(&self, at: usize) {
        let job = &self.jobs[at];
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
        let states: Vec<_> = self.jobs.iter().map(Job::state).collect();
        let borrowed: Vec<&State> = states.iter().map(|state| &**state).collect();
        self.latest.store(Arc::new(Snapshot::of(&borrowed, unix_now(), self.loaded_at)));
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

/// Makes a check for `check`: a watch that has not heard its first list yet is given some seconds.
pub async fn settle(job: &Job) {
    let begun = Instant::now();
    loop {
        job.run().await;
        let warming = job.state().failure.as_ref().is_some_and(|failure| failure.reason == Reason::Timeout);
        if !warming || begun.elapsed() > Duration::from_secs(5) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The checks as a table for people.
pub fn table(jobs: &[Job]) -> String {
    let now = unix_now();
    let mut text = format!("{:<14} {:<16} {:<12} {}\n", "CHECK", "TARGET", "VERDICT", "WHY");
    for job in jobs {
        let state = job.state();
        let (verdict, why) = match (state.verdict(now), &state.failure) {
            (Some(true), _) => ("passed", String::new()),
            (Some(false), _) => ("NOT PASSED", state.findings.join("; ")),
            (None, Some(failure)) => ("CANNOT TELL", failure.to_string()),
            (None, None) => ("CANNOT TELL", "it has not run".to_owned()),
        };
        let line = format!("{:<14} {:<16} {verdict:<12} {why}", state.check.signal.id, state.check.target);
        text += line.trim_end();
        text.push('\n');
    }
    text
}
