//! Prometheus' state machine of an alert for one label set.

/// Milliseconds since 1970.
pub type UnixMillis = i64;

/// `for` and `keep_firing_for` of a rule in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// `for`
    pub pending: i64,
    /// `keep_firing_for`
    pub keep_firing: i64,
}

/// A time in which one label set fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// The evaluation at which it began to fire.
    pub begin: UnixMillis,
    /// The evaluation at which it stopped firing; the last one when it still fires.
    pub end: UnixMillis,
    /// Whether it still fires at the end.
    pub open: bool,
}

/// The state of one label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Inactive.
    #[default]
    Inactive,
    /// Pending since then.
    Pending(UnixMillis),
    /// Firing.
    Firing {
        /// Since when.
        since: UnixMillis,
        /// The first evaluation of the present row of false ones.
        kept_since: Option<UnixMillis>,
    },
}

/// The machine; feed it every evaluation in order, or every true one and [`Machine::quiet`] between them.
#[derive(Debug, Clone)]
pub struct Machine {
    waits: Waits,
    state: State,
    episodes: Vec<Episode>,
}

impl Machine {
    /// Inactive.
    pub const fn new(waits: Waits) -> Self {
        Self { waits, state: State::Inactive, episodes: Vec::new() }
    }

    /// The state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// One evaluation: whether the expression gave this label set.
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

    /// Evaluations that were all false, until the state no longer changes.
    pub fn quiet(&mut self, evaluations: impl IntoIterator<Item = UnixMillis>) {
        for at in evaluations {
            if self.state == State::Inactive {
                return;
            }
            self.evaluate(at, false);
        }
    }

    /// All episodes until the last evaluation.
    pub fn finish(mut self, last: UnixMillis) -> Vec<Episode> {
        if let State::Firing { since, .. } = self.state {
            self.episodes.push(Episode { begin: since, end: last, open: true });
        }
        self.episodes
    }

    const fn pending(&self, since: UnixMillis, at: UnixMillis) -> State {
        if at - since >= self.waits.pending {
            State::Firing { since: at, kept_since: None }
        } else {
            State::Pending(since)
        }
    }
}
