//! Every check on a target of which one part can be seen and another cannot. It does not pass: the verdict, the samples
//! and the text say what was not seen, and a fault in the part that was seen is still found. Clusters of which a part is
//! refused are in `cluster/half_blind.rs`, on a real API server.

mod buckets;
mod cluster;
mod database;
mod files;
mod monitoring;
mod peers;

use checklist::SIGNALS;
use stack::tried::{Tried, run};

/// Checks that cannot find a fault beside what they did not see, and why.
const ALL_OR_NOTHING: &[(&str, &str)] = &[
    ("api_keys", "one statement on one table has the judged value"),
    ("audit_log", "one statement on one table"),
    ("auth_failures", "only Prometheus judges its values, over time"),
    ("dashboards", "a metric that a partial response lacks is not missing for certain"),
    ("database_size", "only Prometheus judges its values, over time"),
    ("roles", "one statement has the judged value"),
    ("seq_scans", "only Prometheus judges its values, over time"),
    ("users", "one statement on one table"),
];
/// The check that warns about what it could not read, and so has always a finding.
const WARNS_OF_GAPS: &str = "tasks";

#[tokio::test(flavor = "multi_thread")]
async fn no_check_passes_on_a_half_blind_target_and_faults_in_the_seen_half_are_found() -> anyhow::Result<()> {
    let mut tried = Tried::default();
    buckets::try_all(&mut tried).await?;
    cluster::try_all(&mut tried).await?;
    database::try_all(&mut tried).await?;
    files::try_all(&mut tried).await?;
    monitoring::try_all(&mut tried).await?;
    peers::try_all(&mut tried).await?;
    assert!(tried.wrong.is_empty(), "\n{}", tried.wrong.join("\n"));
    // A new signal must be part of this test, or of the one in `cluster/half_blind.rs` if it is about clusters.
    let here = SIGNALS.iter().filter(|signal| signal.kind.is_probed() && signal.kind.key() != "kubernetes");
    let probed = || here.clone().map(|signal| signal.id).chain(["own"]);
    let untried: Vec<&str> = probed().filter(|id| *id != WARNS_OF_GAPS && !tried.good.contains(*id)).collect();
    assert!(untried.is_empty(), "no half-blind target with a good half has the checks {untried:?}");
    let is_whole = |id: &str| ALL_OR_NOTHING.iter().any(|(whole, _)| *whole == id);
    let untried: Vec<&str> = probed().filter(|id| !is_whole(id) && !tried.bad.contains(*id)).collect();
    assert!(untried.is_empty(), "no half-blind target with a fault has the checks {untried:?}");
    Ok(())
}
