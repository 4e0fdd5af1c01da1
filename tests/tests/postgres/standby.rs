//! Checks of a streaming standby.

use super::{check, database, jobs, run};
use checklist::Verdict;
use stack::postgres::Postgres;
use stack::waiting::eventually;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_checked_by_its_own_statistics_and_refers_to_the_primary() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    let more = "thresholds: {bloat.min_table_size: 64KiB, maintenance.min_table_size: 1KiB}";
    let yaml = database(standby.port, &folder, more)?;
    for job in jobs(&yaml) {
        let check = job.state().check.signal.id;
        let seen = run(&job).await;
        assert_eq!(seen.reason, None, "{check}: {}", seen.words);
        if check != "bloat" {
            assert_ne!(seen.verdict, Verdict::CannotTell, "{check}: {}", seen.words);
        }
    }
    let seen = check(&yaml, "maintenance").await;
    seen.is(Verdict::Passed);
    assert!(seen.words.contains("are those of the primary"), "{}", seen.words);
    assert_eq!(seen.value(&["checklist_postgres_table_dead_rows{"]), None, "a standby counts no dead rows");
    assert!(seen.value(&["checklist_postgres_transaction_id_age{", "orchestrator"]).is_some());
    // There is no measurement of bloat on a standby, and the message does not say "0%".
    let seen = check(&yaml, "bloat").await;
    seen.is(Verdict::CannotTell);
    assert!(seen.words.contains("CREATE EXTENSION pgstattuple"), "{}", seen.words);
    primary.execute("CREATE EXTENSION pgstattuple").await?;
    let lsn: String = primary.client().await?.query_one("SELECT pg_current_wal_lsn()::text", &[]).await?.get(0);
    let replica = standby.client().await?;
    let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{lsn}'::pg_lsn");
    eventually(&replayed, || async { Ok(replica.query_one(&replayed, &[]).await?.get::<_, bool>(0)) }).await?;
    check(&yaml, "bloat").await.is(Verdict::Passed);
    Ok(())
}
