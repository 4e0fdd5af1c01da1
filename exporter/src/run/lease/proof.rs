//! Mutual exclusion of proofs (`verify-backup`, `verify-alerts`): each runs under a lease of its own, so that two
//! processes never run the same proof at once.

use super::{Lease, RETRY};
use anyhow::bail;
use checklist::Config;
use checklist::config::Proof;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to try to get the lease. It is longer than [`super::election::DURATION`], so that the lease of a dead
/// holder can be taken.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(25);

/// Another process holds the lease of this proof.
#[derive(Debug)]
pub struct HeldByAnother(String);

impl std::fmt::Display for HeldByAnother {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HeldByAnother {}

/// Runs a proof while this process holds the proof's lease. Without a section `highAvailability:` it runs at once.
/// `work` gets a future that resolves to a reason when the proof must stop: `ended` has resolved, or the lease is lost.
/// The work is not dropped but has to stop by itself, because it may have files to remove and a result to record.
///
/// # Errors
/// [`HeldByAnother`] if another process holds the lease; another error if the lease could not be acquired.
pub async fn alone<'a, F: Future>(
    config: &Config,
    proof: Proof<'_>,
    ended: impl Future<Output = &'static str> + Send + 'a,
    work: impl FnOnce(BoxFuture<'a, &'static str>) -> F,
) -> anyhow::Result<F::Output> {
    let Some((section, cluster, namespace)) = config.election() else {
        return Ok(work(ended.boxed()).await);
    };
    let lease = Arc::new(Lease::new(cluster.clone(), namespace, &section.proof_lease(proof)));
    let mut ended = ended.boxed();
    let acquired = tokio::select! {
        acquired = acquire(&lease) => acquired,
        why = &mut ended => Err(anyhow::anyhow!("ended by {why}")),
    };
    let result = match acquired {
        Ok(()) => {
            let own = Arc::clone(&lease);
            let stop = async move {
                tokio::select! {
                    biased;
                    _ = own.while_held(std::future::pending::<()>()) => "the loss of its lease",
                    why = ended => why,
                }
            };
            tokio::select! {
                done = work(stop.boxed()) => Ok(done),
                () = lease.campaign() => Err(anyhow::anyhow!("the lease {} is not renewed", lease.place())),
            }
        }
        Err(error) => Err(error),
    };
    lease.resign().await;
    result
}

async fn acquire(lease: &Lease) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !lease.is_held() {
        let looked = lease.attempt().await;
        if lease.is_held() {
            break;
        }
        let place = lease.place();
        if let Some(holder) = lease.rival().await {
            bail!(HeldByAnother(format!("{holder} holds the lease {place} and is running it; nothing was done")));
        }
        if begun.elapsed() > ACQUIRE_WITHIN {
            looked?;
            bail!("cannot acquire the lease {place} within {ACQUIRE_WITHIN:?}");
        }
        tokio::time::sleep(RETRY).await;
    }
    Ok(())
}
