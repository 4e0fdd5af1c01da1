//! Makes the snapshots ahead of the scrapes.

use super::collector::States;
use super::snapshot::Latest;
use crate::run::schedule::Schedule;
use crate::run::time::unix_now;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Levels become stale without an event, so that a new snapshot is due at least this often.
const AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// Runs that end together are written together.
const SETTLE: Duration = Duration::from_millis(100);
/// A snapshot takes at most this part of the time, however many series there are.
const SHARE: u32 = 20;

/// The present states of a schedule.
pub fn states(schedule: &Schedule) -> States {
    States { states: schedule.states(), now: unix_now(), process: schedule.status() }
}

/// Replaces the snapshot whenever something has changed. Never ends.
pub async fn publish(schedule: Arc<Schedule>, latest: Arc<Latest>) {
    let mut changes = schedule.changes();
    loop {
        let begun = Instant::now();
        latest.replace(states(&schedule));
        tokio::time::sleep(begun.elapsed() * SHARE).await;
        // Either is a reason for a new one; the sender lives as long as the schedule.
        let _ = tokio::time::timeout(AT_LEAST_EVERY, changes.changed()).await;
        tokio::time::sleep(SETTLE).await;
    }
}
