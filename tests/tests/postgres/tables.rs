//! Tables that the server's catalog has no size of, and statistics that are gone.

use super::{check, database};
use checklist::Verdict;
use stack::postgres::Postgres;
use tempfile::TempDir;

const LARGE: &str =
    "thresholds: {maintenance.min_table_size: 8MiB, bloat.min_table_size: 8MiB, seq_scans.min_table_size: 8MiB}";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_large_table_that_nobody_ever_vacuumed_or_analyzed_is_seen_and_named() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [13, 15, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        let bulk = "CREATE TABLE bulk (a int, pad text) WITH (autovacuum_enabled = off); INSERT INTO bulk SELECT g, repeat('x', 900) FROM generate_series(1, 20000) g; DELETE FROM bulk WHERE a % 2 = 0";
        postgres.execute(bulk).await?;
        let yaml = database(postgres.port, &folder, LARGE)?;
        // The server's statistics come after the transaction.
        let mut seen = check(&yaml, "maintenance").await;
        while seen.value(&["checklist_postgres_table_dead_rows{", "bulk"]).is_none_or(|dead| dead < 9_000.0) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            seen = check(&yaml, "maintenance").await;
        }
        seen.is(Verdict::Warning);
        assert!(seen.words.contains("public.bulk"), "{major}: {}", seen.words);
        assert_eq!(seen.value(&["checklist_postgres_never_vacuumed_tables{"]), Some(1.0), "{major}: {}", seen.page);
        assert_eq!(seen.value(&["checklist_postgres_never_analyzed_tables{"]), Some(1.0), "{major}: {}", seen.page);
        let size = check(&yaml, "seq_scans").await.value(&["checklist_postgres_table_bytes{", "bulk"]);
        assert!(size.is_some_and(|size| size > 18e6), "{major}: {size:?}");
        // Somebody rewrites it: its size is not asked for, and the check does not wait.
        let lock = postgres.client().await?;
        lock.batch_execute("BEGIN; LOCK TABLE bulk").await?;
        let seen = check(&yaml, "maintenance").await;
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains("size of public.bulk could not be asked for"), "{major}: {}", seen.words);
        lock.batch_execute("ROLLBACK").await?;
        postgres.execute("VACUUM ANALYZE bulk").await?;
        let mut seen = check(&yaml, "maintenance").await;
        while seen.verdict != Verdict::Passed {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            seen = check(&yaml, "maintenance").await;
        }
        // Nothing of nothing is no share.
        postgres.execute("SELECT pg_stat_reset()").await?;
        let mut seen = check(&yaml, "maintenance").await;
        while seen.verdict == Verdict::Passed {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            seen = check(&yaml, "maintenance").await;
        }
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains("no statistics of public.bulk"), "{major}: {}", seen.words);
        assert!(!seen.words.contains("NaN") && seen.words.contains("counting since"), "{major}: {}", seen.words);
        // The room within is free after the vacuum, and no dead row tells of it.
        postgres.execute("ALTER ROLE checklist SUPERUSER").await?;
        let seen = check(&yaml, "bloat").await;
        let bloat = seen.value(&["checklist_postgres_table_bloat_bytes{", "bulk"]);
        assert!(bloat.is_some_and(|bytes| (6e6..12e6).contains(&bytes)), "{major}: {bloat:?} {}", seen.words);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_parents_and_other_sessions_tables_are_judged_as_what_they_are() -> anyhow::Result<()> {
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
    let mut seen = check(&yaml, "maintenance").await;
    while !seen.words.contains("part_7") {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        seen = check(&yaml, "maintenance").await;
    }
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
