//! Functions that wait for a condition. The result of a test does not depend on a fixed pause: on a slow machine it
//! takes longer and has the same result.

use anyhow::ensure;
use std::time::{Duration, Instant};

/// How long to wait before giving up. It is far more than anything takes on a slow machine: rules look back up to five
/// minutes, and what they saw must leave that window.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// Waits until a condition holds. The error contains `what`.
pub async fn eventually<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    mut holds: impl FnMut() -> F,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        ensure!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Waits until `look` returns a value. The error contains `what`.
pub async fn found<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        ensure!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until `attempt` succeeds. The error is that of the last attempt.
pub async fn passes<T, F: Future<Output = anyhow::Result<T>>>(mut attempt: impl FnMut() -> F) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
