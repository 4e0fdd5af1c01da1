//! Leader election as a pure state machine without I/O: whether this process may write the lease, and until when it may
//! act as the holder.
//!
//! The rules are those of client-go's leader election (`k8s.io/client-go/tools/leaderelection`), applied strictly:
//! - The holder acts until [`DEADLINE`] after it *began* its last successful write.
//! - A lease of another process is taken only after it was seen unchanged for its whole duration, and at least for
//!   [`DURATION`], measured on this process's own monotonic clock. Wall clocks do not matter.
//! - Every write carries the resource version that was read, so that of several writers only one succeeds.
//! - A lease that does not exist may have been deleted while somebody holds it. It is created only after it was absent
//!   for [`DURATION`], or at once by its holder. The same holds for a lease that no process has written yet: a manifest
//!   may have created it, or replaced the one that a process holds.
//!
//! So at least [`DURATION`] - [`DEADLINE`] = 5 seconds pass between the last act of one holder and the first of the
//! next.

use std::time::Duration;

/// How long a lease is valid after it was written. client-go has the same default.
pub const DURATION: Duration = Duration::from_secs(15);
/// How long the holder may act after it began to write the lease.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The longest pause between two reads after which an absent lease still counts as absent the whole time. An absence
/// has no version, so a lease may have existed in between. What cannot be noticed is a lease that is deleted twice
/// within [`DURATION`], each time between two reads.
const GAP: Duration = Duration::from_secs(5);

/// The content of a lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The resource version, which changes with every write.
    pub version: String,
    /// Identity of the holder; `None` after a release.
    pub holder: Option<String>,
    /// How long the lease is valid after it was written; zero if no process has written it.
    pub lasts: Duration,
}

/// The next action of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Create,
    /// Write this process's identity into the lease.
    Take,
    /// Write the lease again: this process holds it.
    Renew,
    /// Do nothing: another process holds the lease, or may hold it.
    Wait,
}

/// The knowledge of one process about the lease. All times are readings of the process's own monotonic clock.
#[derive(Debug)]
pub struct Election {
    identity: String,
    /// The version that was read last (`None`: the lease did not exist), and when that version was first seen.
    seen: Option<(Option<String>, Duration)>,
    /// When the last response of the API server arrived.
    looked: Duration,
    until: Option<Duration>,
    rival_lives: bool,
}

impl Election {
    /// Creates the state of a process that has not read the lease. Identities must be unique.
    pub fn new(identity: String) -> Self {
        Self { identity, seen: None, looked: Duration::ZERO, until: None, rival_lives: false }
    }

    /// The name that this process writes into the lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Until when the process may act as the holder; `None` if it may not.
    pub const fn until(&self) -> Option<Duration> {
        self.until
    }

    pub fn acts(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Whether another process was seen writing the lease.
    pub const fn rival_lives(&self) -> bool {
        self.rival_lives
    }

    /// Decides what to do about a lease. `record` is `None` if the lease does not exist. `sent` and `received` are the
    /// times at which the read began and ended.
    pub fn decide(&mut self, record: Option<&Record>, sent: Duration, received: Duration) -> Move {
        let version = record.map(|record| record.version.clone());
        let holder = record.and_then(|record| record.holder.as_deref());
        let known = self.seen.take();
        let before = known.as_ref().map(|(version, _)| version.clone());
        let since = match known {
            Some((known, since)) if known == version && (known.is_some() || sent.saturating_sub(self.looked) < GAP) => {
                since
            }
            _ => received,
        };
        self.looked = received;
        self.seen = Some((version.clone(), since));
        let unchanged = |lasts: Duration| sent.saturating_sub(since) >= lasts.max(DURATION);
        match (record, holder) {
            (None, _) if self.acts(received) || unchanged(DURATION) => Move::Create,
            (None, _) => Move::Wait,
            (Some(record), None) if record.lasts.is_zero() => {
                if self.acts(received) || unchanged(DURATION) {
                    Move::Take
                } else {
                    Move::Wait
                }
            }
            (Some(_), Some(name)) if name == self.identity => Move::Renew,
            (Some(_), None) => {
                self.until = None;
                Move::Take
            }
            (Some(record), Some(_)) => {
                self.until = None;
                self.rival_lives |= before.is_some_and(|before| before != version);
                if unchanged(record.lasts) { Move::Take } else { Move::Wait }
            }
        }
    }

    /// Notes that a write which began at `begun` has succeeded.
    pub fn written(&mut self, begun: Duration) {
        self.until = Some(begun + DEADLINE);
        self.rival_lives = false;
    }

    /// Ends this process's term as the holder, whatever the lease says.
    pub const fn stop(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests;
