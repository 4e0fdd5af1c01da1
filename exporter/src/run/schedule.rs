//! The scheduler: runs every check at its interval, each in a task of its own.

use crate::run::job::Job;
use crate::run::lease::Lease;
use crate::run::state::State;
use crate::run::status::ProcessStatus;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

/// All jobs of the process and the tasks that run them.
pub struct Schedule {
    jobs: ArcSwap<Vec<Arc<Job>>>,
    lease: ArcSwapOption<Lease>,
    status: Mutex<ProcessStatus>,
    /// Notified when the jobs or the lease were replaced.
    replaced: Notify,
    /// Signalled when an exposed value may have changed.
    changed: watch::Sender<()>,
}

impl Schedule {
    /// Creates the schedule; nothing runs before [`Schedule::run`].
    pub fn new(jobs: Vec<Arc<Job>>, status: ProcessStatus) -> Arc<Self> {
        Arc::new(Self {
            jobs: ArcSwap::from_pointee(jobs),
            lease: ArcSwapOption::empty(),
            status: Mutex::new(status),
            replaced: Notify::new(),
            changed: watch::Sender::new(()),
        })
    }

    /// All present jobs, in the order of signals and targets.
    pub fn jobs(&self) -> Arc<Vec<Arc<Job>>> {
        self.jobs.load_full()
    }

    /// The present jobs that this process makes, without those that another holder of the lease makes.
    pub fn ours(&self) -> Vec<Arc<Job>> {
        self.jobs().iter().filter(|job| job.is_ours()).cloned().collect()
    }

    /// The lease that this process takes part in, if any.
    pub fn lease(&self) -> Option<Arc<Lease>> {
        self.lease.load_full()
    }

    /// Replaces the lease. Work under the old lease ends, and the old lease is released.
    pub fn elect(&self, lease: Option<Arc<Lease>>) {
        self.lease.store(lease);
        self.replaced.notify_one();
        self.refresh();
    }

    /// Locks the status of the process for a change.
    pub fn status_mut(&self) -> MutexGuard<'_, ProcessStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the jobs. Jobs that stay keep running undisturbed, the tasks of the others are aborted.
    pub fn replace(&self, jobs: Vec<Arc<Job>>) {
        self.jobs.store(Arc::new(jobs));
        self.replaced.notify_one();
        self.refresh();
    }

    /// Wakes the receivers of [`Schedule::changes`].
    pub fn refresh(&self) {
        self.changed.send_replace(());
    }

    /// Returns a receiver that wakes when an exposed value may have changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Runs the checks. Never returns; dropping the future ends all tasks.
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
            self.replaced.notified().await;
        }
    }

    /// Starts a task for the present lease if the lease was replaced, and resigns from the old one.
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

    /// Runs a job for ever: always, or while this process holds the job's lease.
    async fn repeat(&self, job: &Job) {
        let Some(lease) = job.lease() else { return self.rounds(job).await };
        loop {
            lease.held().await;
            lease.while_held(self.rounds(job)).await;
            job.forget();
            self.refresh();
        }
    }

    /// Runs a job at its interval, and out of turn when it is notified.
    async fn rounds(&self, job: &Job) {
        let (interval, spread) = {
            let state = job.state();
            (state.check.interval, spread(state.check.signal.id, &state.check.target, state.check.interval))
        };
        let mut due = tokio::time::Instant::now() + spread;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = job.again.notified() => {}
            }
            let was_cut_off = job.state().is_cut_off();
            job.run().await;
            self.rerun_others(job, was_cut_off);
            self.refresh();
            // Missed runs collapse into one run.
            while due <= tokio::time::Instant::now() {
                due += interval;
            }
        }
    }

    /// When a check loses its target or reaches it again, triggers a run of the target's other checks, so that their
    /// results follow within seconds. Only the first check that notices the loss does so.
    fn rerun_others(&self, job: &Job, was_cut_off: bool) {
        let (target, is_cut_off) = {
            let state = job.state();
            (crate::run::reach::target(state.check.signal, &state.check.target), state.is_cut_off())
        };
        if target.is_none() || is_cut_off == was_cut_off {
            return;
        }
        let others: Vec<(Arc<Job>, bool)> = self
            .ours()
            .into_iter()
            .filter(|other| !std::ptr::eq(Arc::as_ptr(other), job))
            .filter_map(|other| {
                let cut_off = {
                    let state = other.state();
                    let same = crate::run::reach::target(state.check.signal, &state.check.target) == target;
                    same.then(|| state.is_cut_off())
                }?;
                Some((other, cut_off))
            })
            .collect();
        let known = is_cut_off && others.iter().any(|(_, cut_off)| *cut_off);
        for (other, _) in others.iter().filter(|(_, cut_off)| !known && *cut_off != is_cut_off) {
            other.again.notify_one();
        }
    }

    pub fn states(&self) -> Vec<Arc<State>> {
        self.jobs().iter().filter(|job| job.is_ours()).map(|job| job.state()).collect()
    }

    /// Returns the status of the process, with the present state of the lease.
    pub fn status(&self) -> ProcessStatus {
        ProcessStatus { lease: self.lease().map(|lease| lease.status()), ..self.status_mut().clone() }
    }
}

/// Returns the delay before the first run: at most five seconds, and different for each check, so that not all checks
/// start at once.
fn spread(check: &str, target: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (check, target).hash(&mut hasher);
    let part = (hasher.finish() % 1000) as f64 / 1000.0;
    interval.min(Duration::from_secs(5)).mul_f64(part)
}
