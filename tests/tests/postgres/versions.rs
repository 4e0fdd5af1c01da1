//! Every check on every supported version of PostgreSQL.

use super::{database, jobs, run};
use checklist::Verdict;
use stack::postgres::Postgres;
use tempfile::TempDir;

async fn on(major: u16) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::of_version(major, &[]).await?;
    for extensions in [false, true] {
        if extensions {
            // The extensions are in a separate schema, as in hardened databases.
            let create = "CREATE SCHEMA ext; CREATE EXTENSION pg_stat_statements SCHEMA ext; CREATE EXTENSION pgstattuple SCHEMA ext; GRANT USAGE ON SCHEMA ext TO checklist";
            postgres.execute(create).await?;
        }
        let more = "thresholds: {bloat.min_table_size: 1KiB, maintenance.min_table_size: 1KiB}";
        for job in jobs(&database(postgres.port, &folder, more)?) {
            let check = job.state().check.signal.id;
            let seen = run(&job).await;
            assert_eq!(seen.reason, None, "{major} {check}: {}", seen.words);
            // Without pgstattuple the free space of tables whose columns the role may not read is unknown.
            let unknown = check == "bloat" && !extensions;
            assert_eq!(seen.words.contains("the free space of "), unknown, "{major} {check}: {}", seen.words);
            assert!(unknown || seen.verdict != Verdict::CannotTell, "{major} {check}: {}", seen.words);
            if check == "slow_queries" {
                let tracked = seen.value(&["checklist_postgres_statements_tracked{"]);
                assert_eq!(tracked, Some(f64::from(u8::from(extensions))), "{major}: {}", seen.page);
                let calls = seen.value(&["checklist_postgres_statement_calls_total{"]);
                assert_eq!(calls.is_some(), extensions, "{major}: {}", seen.page);
            }
            if check == "bloat" {
                let bloat = seen.value(&["checklist_postgres_table_bloat_bytes{", "audit_events"]);
                assert!(bloat.is_some_and(f64::is_finite), "{major}: {}", seen.page);
            }
        }
    }
    Ok(())
}

stack::test_on_majors! {
    on, has_postgresql, "no PostgreSQL 13 to 18 (make parts)",
    fn on_13_every_check_runs_with_and_without_extensions() on 13;
    fn on_14_every_check_runs_with_and_without_extensions() on 14;
    fn on_15_every_check_runs_with_and_without_extensions() on 15;
    fn on_16_every_check_runs_with_and_without_extensions() on 16;
    fn on_17_every_check_runs_with_and_without_extensions() on 17;
    fn on_18_every_check_runs_with_and_without_extensions() on 18;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn pg_stat_statements_before_1_8_is_supported() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    // As after pg_upgrade: a new server with an old version of the extension.
    let postgres = Postgres::of_version(16, &[]).await?;
    postgres.execute("CREATE EXTENSION pg_stat_statements VERSION '1.7'").await?;
    let seen = super::check(&database(postgres.port, &folder, "")?, "slow_queries").await;
    seen.is(Verdict::Passed);
    assert!(seen.value(&["checklist_postgres_statement_seconds_total{"]).is_some(), "{}", seen.page);
    Ok(())
}
