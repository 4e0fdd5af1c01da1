//! Checks of a streaming standby.

use super::{Seen, as_role, check, database, jobs, query, run, until};
use checklist::{Reason, Verdict};
use stack::postgres::{PASSWORD, Postgres};
use stack::waiting::eventually;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_checked_by_its_own_statistics_and_refers_to_the_primary() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let primary = Postgres::start().await?;
    // A standby refuses serializable transactions, and deferrable ones wait for others.
    primary.execute("ALTER ROLE checklist SET default_transaction_isolation = 'serializable'; ALTER ROLE checklist SET default_transaction_deferrable = on").await?;
    let standby = primary.standby().await?;
    let writer = primary.client().await?;
    writer.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE users SET email = email WHERE id = 1").await?;
    check(&database(primary.port, &folder, "")?, "users").await.is(Verdict::Passed);
    writer.batch_execute("ROLLBACK").await?;
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
    // Code of a table's owner has nothing to do with this refusal.
    let seen = check(&query(&yaml, "SELECT pg_current_wal_lsn() - '0/0' AS value", "above: {warning: 1}"), "own").await;
    seen.cannot_tell(Reason::Protocol, "SQLSTATE 55000");
    assert!(!seen.words.contains("trustTableOwners"), "{}", seen.words);
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

/// On a standby that does not follow, the rows are those of an earlier time.
#[tokio::test(flavor = "multi_thread")]
async fn old_rows_of_a_standby_that_does_not_follow_its_primary_are_not_judged() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let primary = Postgres::start().await?;
    let role =
        format!("CREATE ROLE rows LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO rows");
    // Without autovacuum the standby replays no commit, so that the newest one is not a recent one.
    for sql in [&role, "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()"] {
        primary.execute(sql).await?;
    }
    let standby = primary.standby().await?;
    let replica = standby.client().await?;
    let yaml = database(standby.port, &folder, "")?;
    let rows = ["auth_failures", "permission_denied", "workflows", "audit_log"];
    let follows = |seen: &Seen| seen.verdict == Verdict::Passed;
    // The primary is idle. A role without statistics sees that, too.
    until(&yaml, "auth_failures", follows).await?;
    check(&as_role(standby.port, &folder, "rows", "")?, "auth_failures").await.is(Verdict::Passed);
    let primary_of: String = replica.query_one("SELECT current_setting('primary_conninfo')", &[]).await?.get(0);
    replica.batch_execute("ALTER SYSTEM SET primary_conninfo = ''").await?;
    replica.batch_execute("SELECT pg_reload_conf()").await?;
    until(&yaml, "auth_failures", |seen| seen.words.contains("there is no WAL receiver")).await?;
    for name in rows {
        check(&yaml, name).await.has_gap("there is no WAL receiver; its newest commit is unknown");
    }
    replica.batch_execute(&format!("ALTER SYSTEM SET primary_conninfo = '{}'", primary_of.replace('\'', "''"))).await?;
    replica.batch_execute("SELECT pg_reload_conf()").await?;
    until(&yaml, "auth_failures", follows).await?;
    replica.batch_execute("SELECT pg_wal_replay_pause()").await?;
    primary.execute("INSERT INTO audit_events (timestamp, event_type) SELECT now(), 'authentication_failed' FROM generate_series(1, 600)").await?;
    until(&yaml, "auth_failures", |seen| seen.words.contains("the replay is paused")).await?;
    for name in rows {
        check(&yaml, name).await.has_gap("this standby does not follow its primary");
    }
    replica.batch_execute("SELECT pg_wal_replay_resume()").await?;
    let seen = until(&yaml, "auth_failures", |seen| seen.verdict == Verdict::Critical).await?;
    assert!(!seen.words.contains("does not follow"), "{}", seen.words);
    Ok(())
}
