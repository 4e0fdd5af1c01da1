//! Benchmark: how long the costly checks pause when the holder of the lease goes away.

use nix::sys::signal::Signal;
use stack::cluster::Passage;
use stack::replicas::{LEASE, Replicas, now};

/// Prints the times of several failovers for each way in which the holder can go away.
pub(crate) async fn run() -> anyhow::Result<()> {
    const RUNS: usize = 2;
    for way in ["SIGTERM", "SIGKILL", "API outage for the holder"] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            times.push(failover(way).await?);
        }
        let show = |pick: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = times.iter().map(pick).collect();
            all.sort_by(f64::total_cmp);
            let all: Vec<String> = all.iter().map(|time| format!("{time:.1}")).collect();
            all.join(" ")
        };
        crate::report!("{way:<26} lease taken after {} s; costly check made after {} s", show(|t| t.0), show(|t| t.1));
    }
    Ok(())
}

/// Returns the seconds until another process holds the lease, and until the database sees its first costly check.
async fn failover(way: &str) -> anyhow::Result<(f64, f64)> {
    let replicas = Replicas::start().await?;
    let first = replicas.holder().await?;
    replicas.acts_after(first, 0.0).await?;
    let before = replicas.lease_holder(LEASE).await?;
    let begun = now();
    match way {
        "SIGTERM" => replicas.both[first].signal(Signal::SIGTERM)?,
        "SIGKILL" => replicas.both[first].signal(Signal::SIGKILL)?,
        _ => replicas.both[first].door.set(Passage::Silent),
    }
    replicas.wait_for_holder(LEASE, |holder| holder.is_some() && holder != before.as_deref()).await?;
    let taken = now() - begun;
    Ok((taken, replicas.acts_after(1 - first, begun).await? - begun))
}
