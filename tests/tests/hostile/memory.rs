//! The memory budget: every kind of target on every hostile server at once, within the memory limit of the shipped
//! pods.

use stack::hostile::behaviour::{Behaviour, Peer};
use stack::hostile::matrix::Matrix;
use stack::hostile::watched::Watched;
use stack::waiting::eventually;
use stack::web::users;
use std::time::Duration;

/// In KiB. The shipped limit is 128Mi.
const BUDGET: u64 = 128 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_target_with_every_hostile_server_stays_within_the_memory_budget() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let matrix = Matrix::start(folder.path(), Vec::new(), "10s").await?;
    std::fs::write(folder.path().join("web.yaml"), users()?)?;
    let watched = Watched::start(folder.path()).await?;
    // Waits until each check has run twice, without a deadline of its own for busy machines.
    let mut checks = Vec::new();
    let made_twice = |page: &str| {
        let of_check = |line: &str| {
            let (labels, runs) = line.strip_prefix("checklist_probe_runs_total{")?.rsplit_once("} ")?;
            Some((labels.to_owned(), runs.parse::<f64>().unwrap_or_default()))
        };
        checks = page.lines().filter_map(of_check).collect::<Vec<_>>();
        !checks.is_empty() && checks.iter().all(|(_, runs)| *runs >= 2.0)
    };
    let scrapes = watched.scrape_until(made_twice, Duration::from_mins(3)).await;
    let usage = watched.usage()?;
    let waiting: Vec<_> = checks.iter().filter(|(_, runs)| *runs < 2.0).collect();
    assert!(checks.len() >= matrix.targets && waiting.is_empty(), "not made twice: {waiting:?} of {}", checks.len());
    assert_eq!(scrapes.answered, scrapes.made, "scrapes were not answered: {scrapes:?}");
    assert!(scrapes.made > 10, "{scrapes:?}");
    assert!(scrapes.anonymous > 0 && scrapes.anonymous <= BUDGET, "{scrapes:?} {usage:?}, {} targets", matrix.targets);
    // The peers end. The exporter keeps no connection to them, not even an idle one; only attempts come and go.
    drop(matrix);
    eventually("no connection is left", || async { Ok(watched.connections()? == 0) }).await?;
    Ok(())
}

/// The other targets may be well, but several clusters behave badly at the same time, each in its own way: each may
/// take no more than leaves room for the others.
#[tokio::test(flavor = "multi_thread")]
async fn several_hostile_clusters_at_once_stay_within_the_memory_budget() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let mut peers = Vec::new();
    for behaviour in [Behaviour::Drip, Behaviour::Endless, Behaviour::Informational] {
        for number in 0..3 {
            peers.push((format!("{}-{number}", behaviour.name()), Peer::start(behaviour).await?));
        }
    }
    let matrix = Matrix::of_clusters(folder.path(), peers, "10s")?;
    std::fs::write(folder.path().join("web.yaml"), users()?)?;
    let watched = Watched::start(folder.path()).await?;
    let runs = |page: &str| {
        let of_check = |line: &str| line.strip_prefix("checklist_probe_runs_total{")?.rsplit_once("} ")?.1.parse().ok();
        page.lines().filter_map(of_check).collect::<Vec<f64>>()
    };
    let mut made: Vec<f64> = Vec::new();
    let made_twice = |page: &str| {
        made = runs(page);
        made.len() >= matrix.targets && made.iter().all(|runs| *runs >= 2.0)
    };
    let scrapes = watched.scrape_until(made_twice, Duration::from_mins(3)).await;
    assert!(made.len() >= matrix.targets && made.iter().all(|runs| *runs >= 2.0), "not made twice: {made:?}");
    assert_eq!(scrapes.answered, scrapes.made, "scrapes were not answered: {scrapes:?}");
    assert!(scrapes.anonymous > 0 && scrapes.anonymous <= BUDGET, "{scrapes:?} {:?}", watched.usage()?);
    Ok(())
}
