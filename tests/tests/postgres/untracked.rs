//! Servers that collect no statistics, or only some: missing statistics do not pass.

use super::{check, database, until};
use checklist::{Reason, Verdict};
use stack::postgres::{PASSWORD, Postgres};
use tempfile::TempDir;
use tokio_postgres::NoTls;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn sessions_without_activity_tracking_have_no_verdict() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [13, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        postgres.execute("CREATE EXTENSION pg_stat_statements").await?;
        let role =
            format!("CREATE ROLE quiet LOGIN PASSWORD '{PASSWORD}'; ALTER ROLE quiet SET track_activities = off");
        postgres.execute(&role).await?;
        let yaml = database(postgres.port, &folder, "")?;
        for name in ["connections", "slow_queries"] {
            check(&yaml, name).await.is(Verdict::Passed);
        }
        let address =
            format!("host=127.0.0.1 port={} user=quiet password={PASSWORD} dbname=orchestrator", postgres.port);
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT 1").await?;
        for name in ["connections", "slow_queries"] {
            let seen = check(&yaml, name).await;
            seen.is(Verdict::CannotTell);
            assert!(seen.words.contains("track_activities is off for quiet"), "{major} {name}: {}", seen.words);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn without_track_counts_no_check_of_table_statistics_passes() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [13, 18] {
        let postgres = Postgres::of_version(major, &["track_counts=off"]).await?;
        let yaml = database(postgres.port, &folder, "")?;
        for name in ["maintenance", "seq_scans", "indexes"] {
            let seen = check(&yaml, name).await;
            seen.is(Verdict::CannotTell);
            assert!(seen.words.contains("track_counts is off"), "{major} {name}: {}", seen.words);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn missing_statement_statistics_are_a_finding_that_can_be_disabled() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let messages = "Statement statistics are not available";
    for settings in [&["pg_stat_statements.track=none"][..], &["compute_query_id=off"]] {
        let postgres = Postgres::of_version(18, settings).await?;
        postgres.execute("CREATE EXTENSION pg_stat_statements").await?;
        let seen = check(&database(postgres.port, &folder, "")?, "slow_queries").await;
        seen.is(Verdict::Warning);
        assert!(seen.words.contains(messages), "{settings:?}: {}", seen.words);
    }
    let postgres = Postgres::of_version(15, &[]).await?;
    let yaml = database(postgres.port, &folder, "")?;
    let seen = check(&yaml, "slow_queries").await;
    assert!(seen.verdict == Verdict::Warning && seen.words.contains(messages), "{}", seen.words);
    let off = format!("{yaml}alerting: {{alerts: {{ChecklistStatementsNotTracked: {{enabled: false}}}}}}\n");
    let seen = check(&off, "slow_queries").await;
    seen.is(Verdict::Passed);
    assert_eq!(seen.value(&["checklist_postgres_statements_tracked{"]), Some(0.0), "the figure stays: {}", seen.page);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_pg_stat_statements_that_discards_statements_is_reported_as_incomplete() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    // Up to its version 1.8, the extension does not count what it discards.
    let counted = "discarded statements";
    let full = "of at most 100 statements and does not count those that it discards";
    for (major, version, words) in [(13, "1.8", full), (14, "1.9", counted), (16, "1.8", full), (18, "1.12", counted)] {
        let postgres = Postgres::of_version(major, &["pg_stat_statements.max=100"]).await?;
        postgres.execute(&format!("CREATE EXTENSION pg_stat_statements VERSION '{version}'")).await?;
        let yaml = database(postgres.port, &folder, "")?;
        check(&yaml, "slow_queries").await.is(Verdict::Passed);
        let client = postgres.client().await?;
        // Queries that differ only in constants are one statement; another number of columns is another one.
        for columns in 1..=250 {
            client.batch_execute(&format!("SELECT {}", vec!["1"; columns].join(", "))).await?;
        }
        let seen = check(&yaml, "slow_queries").await;
        seen.is(Verdict::CannotTell);
        let advice = "raise pg_stat_statements.max";
        assert!(seen.words.contains(words) && seen.words.contains(advice), "{major}: {}", seen.words);
        assert_eq!(seen.reason, None, "what was seen is judged: {}", seen.words);
        assert!(seen.value(&["checklist_postgres_statement_calls_total{"]).is_some(), "{}", seen.page);
        assert!(seen.value(&["checklist_check_unseen{", "statement", &Reason::Limit.to_string()]).is_some());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_prepared_transaction_that_nobody_ends_is_seen_without_its_session() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [13, 18] {
        let postgres = Postgres::of_version(major, &["max_prepared_transactions=5"]).await?;
        let yaml = database(postgres.port, &folder, "")? + "thresholds: {connections.idle_in_transaction: 1s}\n";
        check(&yaml, "connections").await.is(Verdict::Passed);
        let session = postgres.client().await?;
        session.batch_execute("BEGIN; UPDATE users SET email = email WHERE id = 1; PREPARE TRANSACTION 'lost'").await?;
        drop(session);
        let seen = until(&yaml, "connections", |seen| seen.verdict == Verdict::Warning).await?;
        assert!(seen.words.contains("state=prepared"), "{}", seen.words);
    }
    Ok(())
}

/// Only a part of the statements has series: those that take most of the time, and the slowest.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_slow_statement_is_seen_beside_fifty_that_took_more_time() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let client = postgres.client().await?;
    let sleep = async |times: usize, columns: usize, seconds: f64| -> anyhow::Result<()> {
        for _ in 0..times {
            let columns = vec!["1"; columns].join(", ");
            client.batch_execute(&format!("SELECT {columns}, pg_sleep({seconds})")).await?;
        }
        Ok(())
    };
    for columns in 1..=55 {
        sleep(1, columns, 0.025).await?;
    }
    sleep(2, 100, 0.01).await?;
    let new = "SELECT queryid::text FROM pg_stat_statements WHERE calls = 2 AND query LIKE '%pg_sleep%'";
    let new: String = client.query_one(new, &[]).await?.get(0);
    let thresholds = "thresholds: {slow_queries.min_calls: 2, slow_queries.mean: 5ms}";
    let yaml = database(postgres.port, &folder, thresholds)?;
    let seen = check(&yaml, "slow_queries").await;
    seen.is(Verdict::Passed);
    assert_eq!(seen.value(&["checklist_postgres_statement_calls_total{", &new]), Some(2.0), "{}", seen.page);
    for columns in 1..=55 {
        sleep(1, columns, 0.006).await?;
    }
    check(&yaml, "slow_queries").await.has_gap("more statements have a mean above the limit, beyond the 50 slowest");
    Ok(())
}
