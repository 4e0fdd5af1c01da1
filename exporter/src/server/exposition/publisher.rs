//! The publisher: makes the snapshots of the exposition ahead of the scrapes.

use super::collector::States;
use super::snapshot::Latest;
use crate::run::schedule::Schedule;
use crate::run::time::unix_now;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time between two snapshots. Gauges become stale without an event, so a new snapshot is due even if no check
/// has run.
const AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// Delay after a change, so that runs which end at the same time make one snapshot.
const SETTLE: Duration = Duration::from_millis(100);
/// After a snapshot that took a time t, the publisher sleeps for `SHARE` × t, so that it uses at most about 1/20 of one
/// core, however many series there are.
const SHARE: u32 = 20;

/// Takes a snapshot of the present states of a schedule.
pub fn states(schedule: &Schedule) -> States {
    States { states: schedule.states(), now: unix_now(), process: schedule.status() }
}

/// Replaces the snapshot whenever something has changed. Never returns.
pub async fn publish(schedule: Arc<Schedule>, latest: Arc<Latest>) {
    let mut changes = schedule.changes();
    loop {
        let begun = Instant::now();
        latest.replace(states(&schedule));
        tokio::time::sleep(begun.elapsed() * SHARE).await;
        // A change and the elapsed time are both a reason for a new snapshot. The channel cannot be closed, because its
        // sender lives as long as the schedule.
        let _ = tokio::time::timeout(AT_LEAST_EVERY, changes.changed()).await;
        tokio::time::sleep(SETTLE).await;
    }
}
