//! What one process may conclude from a lease, without any I/O: whether to write it, and until when to act.
//!
//! The rules are those of client-go's leader election, held strictly:
//! - The holder acts until [`DEADLINE`] after it *began* its last successful write.
//! - Another's lease is taken only when it was seen unchanged for its whole duration, and never less than [`DURATION`],
//!   on the process's own monotonic clock. What anybody's wall clock says does not matter.
//! - Every write is bound to the version that was read, so of several writers one succeeds.
//! - A lease that does not exist may have been deleted under its holder: it is created only after it was absent for
//!   [`DURATION`], or by the holder itself. One that nobody ever wrote is the same: a manifest made it, or replaced it
//!   under its holder.
//!
//! So between the last moment at which one acts and the first at which the next one does, there are five seconds.

use std::time::Duration;

/// How long a lease is valid after it was written.
pub const DURATION: Duration = Duration::from_secs(15);
/// How long its holder acts after it began to write it.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// An absence has no version: after a pause of this length between two reads nobody can say that it lasted. What remains
/// is a lease that is deleted twice within [`DURATION`], each time between two reads.
const GAP: Duration = Duration::from_secs(5);

/// A lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Changes with every write.
    pub version: String,
    /// Who holds it; nobody after a release.
    pub holder: Option<String>,
    /// How long it is valid after it was written; nothing when nobody wrote it.
    pub lasts: Duration,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Create the lease.
    Create,
    /// Write our name into it.
    Take,
    /// It is ours: write it again.
    Renew,
    /// It is another's, or may be.
    Wait,
}

/// What one process knows. All times are of one monotonic clock of its own.
#[derive(Debug)]
pub struct Election {
    identity: String,
    /// The version that was read last (none: the lease does not exist) and the time at which it was first known.
    seen: Option<(Option<String>, Duration)>,
    /// When the last answer came.
    looked: Duration,
    until: Option<Duration>,
    rival_lives: bool,
}

impl Election {
    /// A process that has not looked. No two processes have the same identity.
    pub fn new(identity: String) -> Self {
        Self { identity, seen: None, looked: Duration::ZERO, until: None, rival_lives: false }
    }

    /// The name that is written into the lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Until when the process may act.
    pub const fn until(&self) -> Option<Duration> {
        self.until
    }

    /// Whether the process may act at `now`.
    pub fn acts(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Whether another was seen writing the lease.
    pub const fn rival_lives(&self) -> bool {
        self.rival_lives
    }

    /// Decides about a lease that was `asked` for and `answered` at these times; none: it does not exist.
    pub fn decide(&mut self, record: Option<&Record>, asked: Duration, answered: Duration) -> Move {
        let version = record.map(|record| record.version.clone());
        let holder = record.and_then(|record| record.holder.as_deref());
        let known = self.seen.take();
        let before = known.as_ref().map(|(version, _)| version.clone());
        let since = match known {
            Some((known, since))
                if known == version && (known.is_some() || asked.saturating_sub(self.looked) < GAP) =>
            {
                since
            }
            _ => answered,
        };
        self.looked = answered;
        self.seen = Some((version.clone(), since));
        let unchanged = |lasts: Duration| asked.saturating_sub(since) >= lasts.max(DURATION);
        match (record, holder) {
            (None, _) if self.acts(answered) || unchanged(DURATION) => Move::Create,
            (None, _) => Move::Wait,
            (Some(record), None) if record.lasts.is_zero() => {
                if self.acts(answered) || unchanged(DURATION) {
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

    /// A write that was begun then has succeeded.
    pub fn written(&mut self, begun: Duration) {
        self.until = Some(begun + DEADLINE);
        self.rival_lives = false;
    }

    /// The process gives up, whatever the lease says.
    pub const fn stop(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests;
