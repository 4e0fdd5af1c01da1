//! Runs every check at its interval, each in a task of its own.

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

/// All checks of the process.
pub struct Schedule {
    jobs: ArcSwap<Vec<Arc<Job>>>,
    lease: ArcSwapOption<Lease>,
    status: Mutex<ProcessStatus>,
    /// There are other jobs, or another lease.
    replaced: Notify,
    /// Something that is exposed has changed.
    changed: watch::Sender<()>,
}

impl Schedule {
    /// Takes the jobs; nothing runs yet.
    pub fn new(jobs: Vec<Arc<Job>>, status: ProcessStatus) -> Arc<Self> {
        Arc::new(Self {
            jobs: ArcSwap::from_pointee(jobs),
            lease: ArcSwapOption::empty(),
            status: Mutex::new(status),
            replaced: Notify::new(),
            changed: watch::Sender::new(()),
        })
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
        self.replaced.notify_one();
        self.refresh();
    }

    /// The state of the process, to be changed.
    pub fn status_mut(&self) -> MutexGuard<'_, ProcessStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the jobs: those that stay go on undisturbed, the others end.
    pub fn replace(&self, jobs: Vec<Arc<Job>>) {
        self.jobs.store(Arc::new(jobs));
        self.replaced.notify_one();
        self.refresh();
    }

    /// Tells those who wait for [`Schedule::changes`].
    pub fn refresh(&self) {
        self.changed.send_replace(());
    }

    /// Wakes whenever something that is exposed has changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
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
            self.replaced.notified().await;
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
        let Some(lease) = job.lease() else { return self.rounds(job).await };
        loop {
            lease.held().await;
            lease.while_held(self.rounds(job)).await;
            job.forget();
            self.refresh();
        }
    }

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
            self.tell_others(job, was_cut_off);
            self.refresh();
            // Missed runs collapse into one.
            while due <= tokio::time::Instant::now() {
                due += interval;
            }
        }
    }

    /// When a check loses its target, or finds it again, the target's other checks look at once: the page is true within
    /// seconds, and what they know is fresh when it is over. Only the first one tells them.
    fn tell_others(&self, job: &Job, was_cut_off: bool) {
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

    /// The states of the checks that this process makes.
    pub fn states(&self) -> Vec<Arc<State>> {
        self.jobs().iter().filter(|job| job.is_ours()).map(|job| job.state()).collect()
    }

    /// The state of the process.
    pub fn status(&self) -> ProcessStatus {
        ProcessStatus { lease: self.lease().map(|lease| lease.status()), ..self.status_mut().clone() }
    }
}

/// The first run: soon, and not all at once.
fn spread(check: &str, target: &str, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (check, target).hash(&mut hasher);
    let part = (hasher.finish() % 1000) as f64 / 1000.0;
    interval.min(Duration::from_secs(5)).mul_f64(part)
}
