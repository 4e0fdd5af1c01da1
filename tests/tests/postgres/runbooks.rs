//! The queries of the runbooks run unchanged, on a primary and on a standby.

use super::database;
use checklist::Config;
use stack::postgres::Postgres;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_a_runbook_runs_on_a_primary_and_on_a_standby() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    let config = Config::parse("checklist.yaml", &database(primary.port, &folder, "")?)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let (on_primary, on_standby) = (primary.client().await?, standby.client().await?);
    let mut count = 0;
    for page in outputs.iter().filter(|output| output.path.starts_with("runbooks")) {
        let check = page.content.split_once("\n## Check\n").map_or("", |(_, rest)| rest);
        let check = check.split("\n## ").next().unwrap_or_default();
        let queries: Vec<&str> =
            check.split('`').skip(1).step_by(2).filter(|command| command.starts_with("SELECT ")).collect();
        if !queries.is_empty() && page.content.contains("psql") {
            let first = check.split('`').nth(1).unwrap_or_default();
            anyhow::ensure!(
                first.starts_with("psql '") && first.contains("127.0.0.1"),
                "{}: {first}",
                page.path.display()
            );
        }
        for query in queries {
            // Placeholders that a person fills, and what needs an extension or a later version.
            let open = ["= ID", "'TABLE'", "NAME", "pg_stat_statements", "..."];
            if open.iter().any(|word| query.contains(word)) {
                continue;
            }
            for (server, client) in [("primary", &on_primary), ("standby", &on_standby)] {
                let ran = client.simple_query(query).await;
                anyhow::ensure!(ran.is_ok(), "{} on the {server}: {query}: {ran:?}", page.path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 25, "{count}");
    Ok(())
}
