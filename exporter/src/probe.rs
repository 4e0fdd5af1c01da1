//! The trait of a probe: code that examines one target once and returns samples, or the reason why it could not.

use checklist::{Object, Samples};
use futures::future::BoxFuture;

pub use clients::Failure;

/// One check of one target. The scheduler drops the returned future at the deadline; dropping it must release
/// everything it holds: sockets, queries on a server, semaphore permits.
pub trait Probe: Send + Sync + 'static {
    /// Runs the check once and fills in what it found. The given `samples` are empty and carry the limit on the number
    /// of series of the check. A definite negative result ("there is no backup") is returned as samples; a [`Failure`]
    /// means that the target could not be examined.
    fn probe(&self, samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>>;
}

/// Adds the failure of one part of a target to the evidence, so that it does not hide what the run sees of the other
/// parts.
///
/// # Errors
/// Returns a failure to reach the target, because the other parts would fail too.
pub fn miss(samples: &mut Samples, object: Object, failure: Failure) -> Result<(), Failure> {
    if failure.reason.is_of_the_way() {
        return Err(failure);
    }
    samples.missed(object, failure.reason, failure.message);
    Ok(())
}
