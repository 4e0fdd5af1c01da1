//! The trait of a check: it looks at its target once and returns samples, or why it could not look.

use checklist::Samples;
use futures::future::BoxFuture;

pub use clients::Failure;

/// One check of one target. Dropping the returned future must release everything it holds:
/// sockets, server-side queries, permits.
pub trait Probe: Send + Sync + 'static {
    /// Looks once and fills in what it saw; `samples` are empty and know how many series the check may have. A definitive
    /// negative ("no backup there") is samples; only "I could not look" is a [`Failure`].
    fn probe(&self, samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>>;
}
