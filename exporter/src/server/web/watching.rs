//! Decides when changed files of the web configuration take effect: not before two reads saw the same content, because
//! they may still be being written, and not before they have stayed unchanged for a while if they protect less.

use std::time::{Duration, Instant};

/// A digest of every file of the web configuration.
pub type Digest = [u8; 32];

/// How long files that protect less must stay unchanged before they take effect.
pub const STAYS: Duration = Duration::from_mins(5);

/// The observed state of the files.
#[derive(Debug)]
pub struct Watching {
    /// Digest of the files in force.
    held: Digest,
    /// Digest of other files at the last look, and since when they are so.
    seen: Option<(Digest, Instant)>,
    /// Digest of refused files, and whether they are judged again once they have stayed unchanged.
    refused: Option<(Digest, bool)>,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The files are those in force.
    Same,
    /// Wait for the next look.
    Wait,
    /// Check the files.
    Check {
        /// Whether they have been unchanged for at least [`STAYS`].
        stayed: bool,
    },
}

impl Watching {
    /// Starts with the files in force.
    pub const fn new(held: Digest) -> Self {
        Self { held, seen: None, refused: None }
    }

    /// Notes the digest of a look.
    pub fn look(&mut self, digest: Digest, now: Instant) -> Step {
        if digest == self.held {
            (self.seen, self.refused) = (None, None);
            return Step::Same;
        }
        let since = match self.seen {
            Some((seen, since)) if seen == digest => since,
            _ => {
                self.seen = Some((digest, now));
                return Step::Wait;
            }
        };
        let stayed = now.saturating_duration_since(since) >= STAYS;
        match self.refused {
            Some((refused, may_count)) if refused == digest && !(may_count && stayed) => Step::Wait,
            _ => Step::Check { stayed },
        }
    }

    /// Notes that these files are in force now.
    pub fn set_in_force(&mut self, digest: Digest) {
        *self = Self::new(digest);
    }

    /// Notes that these files are refused, for ever or until they have stayed unchanged.
    pub fn refuse(&mut self, digest: Digest, may_count: bool) {
        self.refused = Some((digest, may_count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Digest = [0; 32];
    const HALF: Digest = [1; 32];
    const WHOLE: Digest = [2; 32];

    #[test]
    fn a_file_is_applied_after_two_identical_reads() {
        let (mut watching, now) = (Watching::new(OLD), Instant::now());
        assert_eq!(watching.look(OLD, now), Step::Same);
        assert_eq!(watching.look(HALF, now), Step::Wait);
        assert_eq!(watching.look(WHOLE, now), Step::Wait, "it is still being written");
        assert_eq!(watching.look(WHOLE, now), Step::Check { stayed: false });
        watching.set_in_force(WHOLE);
        assert_eq!(watching.look(WHOLE, now), Step::Same);
    }

    #[test]
    fn a_refused_file_is_evaluated_again_only_if_it_may_be_applied_after_a_while() {
        let (mut watching, now) = (Watching::new(OLD), Instant::now());
        for (may_count, after) in [(false, Step::Wait), (true, Step::Check { stayed: true })] {
            watching.look(HALF, now);
            assert_eq!(watching.look(HALF, now), Step::Check { stayed: false });
            watching.refuse(HALF, may_count);
            assert_eq!(watching.look(HALF, now + STAYS / 2), Step::Wait, "it is reported once");
            assert_eq!(watching.look(HALF, now + STAYS), after);
            // After other files in between, the time begins anew.
            assert_eq!(watching.look(WHOLE, now + STAYS), Step::Wait);
            watching.look(HALF, now + STAYS);
            assert_eq!(watching.look(OLD, now + STAYS), Step::Same);
        }
    }
}
