//! Tables without a known size, without statistics, or too many to judge.

use super::{Seen, check, database, until};
use checklist::Verdict;
use stack::postgres::Postgres;
use stack::waiting::eventually;
use tempfile::TempDir;

const LARGE: &str =
    "thresholds: {maintenance.min_table_size: 8MiB, bloat.min_table_size: 8MiB, seq_scans.min_table_size: 8MiB}";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_large_table_that_was_never_vacuumed_or_analyzed_is_reported_by_name() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [13, 15, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        let bulk = "CREATE TABLE bulk (a int, pad text) WITH (autovacuum_enabled = off); INSERT INTO bulk SELECT g, repeat('x', 900) FROM generate_series(1, 20000) g; DELETE FROM bulk WHERE a % 2 = 0";
        postgres.execute(bulk).await?;
        let yaml = database(postgres.port, &folder, LARGE)?;
        // The server updates its statistics after the transaction.
        let dead = |seen: &Seen| seen.value(&["checklist_postgres_table_dead_rows{", "bulk"]);
        let seen = until(&yaml, "maintenance", |seen| dead(seen).is_some_and(|dead| dead >= 9_000.0)).await?;
        seen.is(Verdict::Warning);
        assert!(seen.words.contains("public.bulk"), "{major}: {}", seen.words);
        assert_eq!(seen.value(&["checklist_postgres_never_vacuumed_tables{"]), Some(1.0), "{major}: {}", seen.page);
        assert_eq!(seen.value(&["checklist_postgres_never_analyzed_tables{"]), Some(1.0), "{major}: {}", seen.page);
        let size = check(&yaml, "seq_scans").await.value(&["checklist_postgres_table_bytes{", "bulk"]);
        assert!(size.is_some_and(|size| size > 18e6), "{major}: {size:?}");
        // While the table is locked, its size is not queried, and the check does not wait.
        let lock = postgres.client().await?;
        lock.batch_execute("BEGIN; LOCK TABLE bulk").await?;
        let seen = check(&yaml, "maintenance").await;
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains("size of public.bulk could not be read"), "{major}: {}", seen.words);
        lock.batch_execute("ROLLBACK").await?;
        postgres.execute("VACUUM ANALYZE bulk").await?;
        until(&yaml, "maintenance", |seen| seen.verdict == Verdict::Passed).await?;
        // The role may not read the columns, so their widths are unknown.
        let unknown = "the free space of public.bulk is unknown: ";
        check(&yaml, "bloat").await.has_gap(&format!("{unknown}run CREATE EXTENSION pgstattuple"));
        postgres.execute("CREATE EXTENSION pgstattuple; REVOKE pg_stat_scan_tables FROM checklist").await?;
        check(&yaml, "bloat").await.has_gap(&format!("{unknown}GRANT pg_stat_scan_tables"));
        postgres.execute("DROP EXTENSION pgstattuple; GRANT pg_stat_scan_tables TO checklist").await?;
        // Without statistics there is no share of dead rows.
        postgres.execute("SELECT pg_stat_reset()").await?;
        let seen = until(&yaml, "maintenance", |seen| seen.verdict != Verdict::Passed).await?;
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains("no statistics of public.bulk"), "{major}: {}", seen.words);
        assert!(!seen.words.contains("NaN") && seen.words.contains("counted since"), "{major}: {}", seen.words);
        // After the vacuum the space is free, and there are no dead rows that show it.
        postgres.execute("ALTER ROLE checklist SUPERUSER").await?;
        let seen = check(&yaml, "bloat").await;
        let bloat = seen.value(&["checklist_postgres_table_bloat_bytes{", "bulk"]);
        assert!(bloat.is_some_and(|bytes| (6e6..12e6).contains(&bytes)), "{major}: {bloat:?} {}", seen.words);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_their_parents_and_temporary_tables_are_handled_correctly() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let parted = "CREATE TABLE parted (d int, pad text) PARTITION BY RANGE (d); DO $$ BEGIN FOR n IN 1..150 LOOP EXECUTE format('CREATE TABLE part_%s PARTITION OF parted FOR VALUES FROM (%s) TO (%s) WITH (autovacuum_enabled = off)', n, n, n + 1); END LOOP; END $$; INSERT INTO parted SELECT 1 + g % 150, repeat('x', 90) FROM generate_series(1, 30000) g; ANALYZE parted; DELETE FROM parted WHERE d = 7 AND random() < 0.9";
    postgres.execute(parted).await?;
    let other = postgres.client().await?;
    other.batch_execute("CREATE TEMP TABLE scratch AS SELECT repeat('x', 900) FROM generate_series(1, 5000)").await?;
    let yaml = database(
        postgres.port,
        &folder,
        "thresholds: {maintenance.min_table_size: 8KiB, seq_scans.min_table_size: 8KiB}",
    )?;
    let seen = until(&yaml, "maintenance", |seen| seen.words.contains("part_7")).await?;
    seen.is(Verdict::Warning);
    assert!(!seen.page.contains("scratch") && !seen.page.contains("table=\"parted\""), "{}", seen.page);
    let tables = seen.value(&["checklist_check_seen{", "object=\"table\""]);
    assert!(tables.is_some_and(|tables| tables >= 150.0), "{tables:?}");
    let seen = check(&yaml, "seq_scans").await;
    seen.is(Verdict::CannotTell);
    assert!(seen.words.contains("beyond the hundred largest"), "{}", seen.words);
    assert!(!seen.page.contains("scratch") && seen.page.lines().all(|line| !line.ends_with(" -8192")), "{}", seen.page);
    Ok(())
}

/// Only some of very many large tables are judged.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn large_tables_beyond_those_whose_bloat_is_judged_are_counted() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::of_version(17, &[]).await?;
    postgres.execute("DO $$ BEGIN FOR n IN 1..45 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT g AS a, repeat(''x'', 200) AS pad FROM generate_series(1, 200) g', n); END LOOP; END $$; ANALYZE").await?;
    let yaml = database(postgres.port, &folder, "thresholds: {bloat.min_table_size: 16KiB, bloat.share: 99%}")?;
    let seen = check(&yaml, "bloat").await;
    seen.is(Verdict::CannotTell);
    assert!(seen.words.contains("large tables beyond the 40 largest: raise bloat.min_table_size"), "{}", seen.words);
    assert!(seen.words.contains("40 tables"), "{}", seen.words);
    postgres.execute("CREATE EXTENSION pgstattuple; GRANT pg_stat_scan_tables TO checklist").await?;
    let seen = check(&yaml, "bloat").await;
    assert!(seen.words.contains("beyond the 10 largest"), "{}", seen.words);
    // Locked tables have a size, but their bloat cannot be measured.
    let lock = postgres.client().await?;
    lock.batch_execute("BEGIN; LOCK TABLE t1, t2, t3, t4, t5").await?;
    let seen = check(&yaml, "bloat").await;
    assert!(
        seen.words.contains("the bloat of public.t") && seen.words.contains("could not be asked for"),
        "{}",
        seen.words
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_tables_roles_and_applications_are_not_checked() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let all = "CREATE SCHEMA archive; CREATE TABLE archive.old (a int); CREATE TABLE events_2019 (a int); CREATE TABLE events_now (a int); CREATE ROLE reporting LOGIN; GRANT pg_monitor TO reporting";
    postgres.execute(all).await?;
    let exclude = "exclude: {tables: ['archive.*', 'events_????'], roles: [reporting], applications: ['bi-*']}";
    let seen = check(&database(postgres.port, &folder, exclude)?, "seq_scans").await;
    let bytes = |table: &str| seen.value(&["checklist_postgres_table_bytes{", &format!("table=\"{table}\"")]);
    assert_eq!((bytes("old"), bytes("events_2019")), (None, None), "{}", seen.page);
    assert_eq!(bytes("events_now"), Some(0.0), "an underscore of a pattern is not a joker: {}", seen.page);
    // A session with an excluded application name, and one with another name.
    let sleeper = |name: &'static str| {
        let client = postgres.client();
        async move {
            let client = client.await?;
            client.batch_execute(&format!("SET application_name = '{name}'")).await?;
            anyhow::Ok(client)
        }
    };
    let (left_out, judged) = (sleeper("bi-tool").await?, sleeper("shop").await?);
    let yaml = database(postgres.port, &folder, exclude)?;
    let longest = async || check(&yaml, "slow_queries").await.value(&["checklist_postgres_longest_query_start"]);
    let sleeping = tokio::spawn(async move { left_out.batch_execute("SELECT pg_sleep(600)").await });
    let active = async |name: &str| -> anyhow::Result<bool> {
        let sql = format!("SELECT 1 FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'active'");
        Ok(!postgres.client().await?.query(&sql, &[]).await?.is_empty())
    };
    eventually("it sleeps", || active("bi-tool")).await?;
    assert_eq!(longest().await, None);
    let other = tokio::spawn(async move { judged.batch_execute("SELECT pg_sleep(600)").await });
    eventually("it sleeps", || active("shop")).await?;
    assert!(longest().await.is_some());
    sleeping.abort();
    other.abort();
    // The second session of pg_repack is idle in a transaction for as long as the first one works.
    let oldest = async || {
        let seen = check(&yaml, "connections").await;
        seen.value(&["checklist_postgres_oldest_transaction_start_timestamp_seconds{", "idle in transaction"])
    };
    let repack = sleeper("pg_repack").await?;
    repack.batch_execute("BEGIN; LOCK TABLE events_now IN ACCESS SHARE MODE").await?;
    assert_eq!(oldest().await, None);
    let forgotten = sleeper("shop").await?;
    forgotten.batch_execute("BEGIN; LOCK TABLE events_now IN ACCESS SHARE MODE").await?;
    let became_idle = oldest().await;
    assert!(became_idle.is_some());
    // It worked again, and is idle since then.
    forgotten.batch_execute("SELECT pg_sleep(1)").await?;
    assert!(oldest().await >= became_idle.map(|at| at + 1.0), "{became_idle:?}");
    Ok(())
}

/// What an interrupted REINDEX TABLE CONCURRENTLY leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_of_a_toast_table_is_counted_with_its_table() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let invalid = ["checklist_postgres_invalid_indexes{"];
    let yaml = database(postgres.port, &folder, "")?;
    let seen = check(&yaml, "indexes").await;
    seen.is(Verdict::Passed);
    let unused = seen.value(&["checklist_postgres_unused_index_bytes{"]);
    postgres.execute("SET allow_system_table_mods = on; UPDATE pg_index SET indisvalid = false WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'audit_events')").await?;
    let seen = check(&yaml, "indexes").await;
    seen.is(Verdict::Warning);
    assert_eq!(seen.value(&invalid), Some(1.0), "{}", seen.page);
    assert_eq!(seen.value(&["checklist_postgres_unused_index_bytes{"]), unused, "{}", seen.page);
    let seen = check(&database(postgres.port, &folder, "exclude: {tables: [audit_events]}")?, "indexes").await;
    assert_eq!(seen.value(&invalid), Some(0.0), "{}", seen.page);
    Ok(())
}
