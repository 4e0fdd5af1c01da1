//! The texts of statements are not read: they can have a hundred megabytes, and hold data of the application.

use super::{database, jobs, run};
use checklist::Verdict;
use stack::postgres::Postgres;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// What the server logs when it cannot read the file of the texts.
const TRACE: &str = "could not read file \"pg_stat_tmp/pgss_query_texts.stat\"";

async fn on(major: u16) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::of_version(major, &[]).await?;
    postgres.execute("CREATE EXTENSION pg_stat_statements").await?;
    let client = postgres.client().await?;
    for _ in 0..37 {
        client.batch_execute("SELECT count(*) AS sought FROM users").await?;
    }
    let sought = "SELECT queryid::text FROM pg_stat_statements WHERE query LIKE '%AS sought%' AND calls = 37";
    let id: String = client.query_one(sought, &[]).await?.get(0);
    // The server reads the file again for each query that wants texts.
    set_permissions(postgres.data().join("pg_stat_tmp/pgss_query_texts.stat"), Permissions::from_mode(0o000))?;
    for job in jobs(&database(postgres.port, &folder, "")?) {
        let seen = run(&job).await;
        if job.state().check.signal.id == "slow_queries" {
            seen.is(Verdict::Passed);
            let calls = seen.value(&["checklist_postgres_statement_calls_total{", &id]);
            assert_eq!(calls, Some(37.0), "{major}: {}", seen.page);
        }
    }
    assert!(!postgres.log().contains(TRACE), "{major}: {}", postgres.log());
    // The same statistics with texts leave a trace.
    client.batch_execute("SELECT count(query) FROM pg_stat_statements").await?;
    assert!(postgres.log().contains(TRACE), "{major}: {}", postgres.log());
    Ok(())
}

stack::test_on_majors! {
    on, has_postgresql, "no PostgreSQL 13 to 18 (make parts)",
    fn on_13_the_texts_of_statements_are_not_read() on 13;
    fn on_18_the_texts_of_statements_are_not_read() on 18;
}
