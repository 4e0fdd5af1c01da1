//! What a check is to the scheduler: something that looks once and returns samples or says why not.

use checklist::{Reason, Samples};
use futures::future::BoxFuture;
use std::fmt;

/// One check of one target. Dropping the returned future must release everything it holds:
/// sockets, server-side queries, permits.
pub trait Probe: Send + Sync + 'static {
    /// Looks once. A definitive negative ("no backup there") is samples; only "I could not
    /// look" is a [`Failure`].
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>>;
}

/// A check that could not be made: a reason from the closed set, and a sentence for people
/// that names what was done and to what, never a secret.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The counter to raise.
    pub reason: Reason,
    /// What failed, where, and what to do if that is known.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Puts what was being done in front: "listing <s3://b/daily/>: access denied".
    #[must_use]
    pub fn while_doing(mut self, action: impl fmt::Display) -> Self {
        self.message = format!("{action}: {}", self.message);
        self
    }
}

/// An error and everything that caused it, on one line.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.reason)
    }
}

impl std::error::Error for Failure {}
