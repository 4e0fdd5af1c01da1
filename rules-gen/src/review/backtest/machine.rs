//! The state machine by which Prometheus evaluates an alerting rule, for one label set.

/// Milliseconds since 1970 (UTC).
pub type UnixMillis = i64;

/// `for` and `keep_firing_for` of an alerting rule, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// The value of `for`.
    pub pending: i64,
    /// The value of `keep_firing_for`.
    pub keep_firing: i64,
}

/// A time in which one label set fired without interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// The evaluation at which the label set began to fire.
    pub begin: UnixMillis,
    /// The evaluation at which the label set stopped firing. If it still fires, the last evaluation.
    pub end: UnixMillis,
    /// Whether the label set still fires at the last evaluation.
    pub open: bool,
}

/// The state of the alert of one label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Inactive,
    /// The expression has been true since this time, for less than `for`.
    Pending(UnixMillis),
    /// The alert fires.
    Firing {
        /// The evaluation at which it began to fire.
        since: UnixMillis,
        /// The first of the latest evaluations that were all false. The alert still fires because of `keep_firing_for`.
        /// `None` while the expression is true.
        kept_since: Option<UnixMillis>,
    },
}

/// The state machine of one label set. Pass every evaluation to [`Machine::evaluate`] in order; a row of false
/// evaluations may go to [`Machine::quiet`] instead.
#[derive(Debug, Clone)]
pub struct Machine {
    waits: Waits,
    state: State,
    episodes: Vec<Episode>,
}

impl Machine {
    /// Returns a machine in the state `Inactive`.
    pub const fn new(waits: Waits) -> Self {
        Self { waits, state: State::Inactive, episodes: Vec::new() }
    }

    pub const fn state(&self) -> State {
        self.state
    }

    /// Makes one evaluation. `holds` is whether the expression returned this label set.
    pub fn evaluate(&mut self, at: UnixMillis, holds: bool) {
        self.state = match (self.state, holds) {
            (State::Inactive, true) => self.pending(at, at),
            (State::Pending(since), true) => self.pending(since, at),
            (State::Inactive | State::Pending(_), false) => State::Inactive,
            (State::Firing { since, .. }, true) => State::Firing { since, kept_since: None },
            (State::Firing { since, kept_since }, false) => {
                let kept_since = kept_since.unwrap_or(at);
                if at - kept_since < self.waits.keep_firing {
                    State::Firing { since, kept_since: Some(kept_since) }
                } else {
                    self.episodes.push(Episode { begin: since, end: at, open: false });
                    State::Inactive
                }
            }
        };
    }

    /// Makes evaluations that are all false. It stops as soon as the state is `Inactive`, because more of them change
    /// nothing.
    pub fn quiet(&mut self, evaluations: impl IntoIterator<Item = UnixMillis>) {
        for at in evaluations {
            if self.state == State::Inactive {
                return;
            }
            self.evaluate(at, false);
        }
    }

    /// Returns all episodes. `last` is the time of the last evaluation, at which an episode that still fires ends.
    pub fn finish(mut self, last: UnixMillis) -> Vec<Episode> {
        if let State::Firing { since, .. } = self.state {
            self.episodes.push(Episode { begin: since, end: last, open: true });
        }
        self.episodes
    }

    /// The state while the expression has been true since `since`: firing as soon as `for` has passed.
    const fn pending(&self, since: UnixMillis, at: UnixMillis) -> State {
        if at - since >= self.waits.pending {
            State::Firing { since: at, kept_since: None }
        } else {
            State::Pending(since)
        }
    }
}
