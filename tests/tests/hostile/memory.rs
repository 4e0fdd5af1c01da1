//! The memory budget: every kind of target on every bad peer at once, in a program that is not optimized.

use stack::hostile::matrix::Matrix;
use stack::hostile::watched::Watched;
use stack::web::users;
use std::time::Duration;

/// In KiB. All of it at once has taken from 128 to 144 MiB; the shipped limit (128Mi) is for fewer bad targets at a time.
const BUDGET: u64 = 176 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_target_on_every_bad_peer_stays_within_the_budget_of_memory() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let matrix = Matrix::start(folder.path(), Vec::new(), "10s").await?;
    std::fs::write(folder.path().join("web.yaml"), users()?)?;
    let watched = Watched::start(folder.path()).await?;
    // Until each check was made twice, or for as long as that takes on a busy machine.
    let made_twice = |page: &str| {
        let runs = page.lines().filter_map(|line| line.strip_prefix("checklist_probe_runs_total{")?.rsplit(' ').next());
        let mut runs = runs.map(|runs| runs.parse::<f64>().unwrap_or_default()).peekable();
        runs.peek().is_some() && runs.all(|runs| runs >= 2.0)
    };
    let scrapes = watched.scrape_until(made_twice, Duration::from_secs(100)).await;
    let usage = watched.usage()?;
    assert_eq!(scrapes.answered, scrapes.made, "scrapes were not answered: {scrapes:?}");
    assert!(scrapes.made > 10, "{scrapes:?}");
    assert!(scrapes.anonymous > 0 && scrapes.anonymous <= BUDGET, "{scrapes:?} {usage:?}, {} targets", matrix.targets);
    Ok(())
}
