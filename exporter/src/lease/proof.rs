//! Proofs, the costliest work of all, run once at a time: each takes a lease of its own while it runs.

use super::{Lease, RETRY};
use anyhow::{Context, bail};
use checklist::Config;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than it takes to see that the holder of a lease is gone.
const PATIENCE: Duration = Duration::from_secs(25);

/// Somebody else is at it.
#[derive(Debug)]
pub struct Elsewhere(String);

impl std::fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Elsewhere {}

/// Runs the work of a command while this process holds the command's lease; without `highAvailability:` at once. When
/// `ended` gives a reason, the work is dropped and the lease released.
///
/// # Errors
/// [`Elsewhere`] when another process holds it; also when the lease cannot be had, or was lost on the way.
pub async fn alone<T>(
    config: &Config,
    command: &str,
    ended: impl Future<Output = &'static str>,
    work: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let Some((section, cluster, namespace)) = config.election() else {
        return tokio::select! {
            done = work => Ok(done),
            why = ended => bail!("ended by {why}"),
        };
    };
    let lease = Arc::new(Lease::new(cluster.clone(), namespace, &section.proof_lease(command)));
    let own = Arc::clone(&lease);
    let held = async move {
        acquire(&own).await?;
        let renewing = async {
            own.campaign().await;
            None
        };
        let done = tokio::select! {
            done = own.while_held(work) => done,
            never = renewing => never,
        };
        done.with_context(|| format!("lost the lease {} on the way, so {command} was stopped", own.place()))
    };
    let result = tokio::select! {
        result = held => result,
        why = ended => Err(anyhow::anyhow!("ended by {why}")),
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
            bail!(Elsewhere(format!("{holder} holds the lease {place} and is at it; nothing was done")));
        }
        if begun.elapsed() > PATIENCE {
            looked?;
            bail!("the lease {place} could not be had within {PATIENCE:?}");
        }
        tokio::time::sleep(RETRY).await;
    }
    Ok(())
}
