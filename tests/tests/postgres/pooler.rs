//! Checks through `PgBouncer` in its three pool modes.

use super::{check, database, jobs, query, run};
use checklist::{Reason, Verdict};
use stack::postgres::Postgres;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_pgbouncer), ignore = "no PgBouncer")]
async fn session_and_transaction_pooling_are_as_safe_as_a_direct_connection() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    for (mode, settings) in
        [("session", ""), ("transaction", ""), ("transaction", "ignore_startup_parameters = options")]
    {
        let pooler = postgres.pooler(mode, settings).await?;
        let yaml = database(pooler.port, &folder, "")?;
        for _ in 0..2 {
            for job in jobs(&yaml) {
                let check = job.state().check.signal.id;
                let seen = run(&job).await;
                assert_eq!(seen.reason, None, "{mode} {check}: {}", seen.words);
            }
        }
        let held = "SELECT (current_setting('transaction_read_only') = 'on' AND current_setting('lock_timeout') = '1s' AND current_setting('statement_timeout') = '8s' AND current_setting('search_path') = 'pg_catalog, pg_temp')::int AS value";
        check(&query(&yaml, held, "below: {warning: 1}"), "own").await.is(Verdict::Passed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_pgbouncer), ignore = "no PgBouncer")]
async fn statement_pooling_is_refused_with_instructions() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let pooler = postgres.pooler("statement", "").await?;
    let seen = check(&database(pooler.port, &folder, "")?, "connections").await;
    seen.is(Verdict::CannotTell);
    assert!(seen.words.contains("pool_mode session or transaction"), "{}", seen.words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_pgbouncer), ignore = "no PgBouncer")]
async fn a_login_refused_by_the_pooler_is_an_authentication_failure() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let pooler = postgres.pooler("transaction", "").await?;
    let yaml = database(pooler.port, &folder, "")?;
    std::fs::write(folder.path().join("password"), "wrong")?;
    let seen = check(&yaml, "connections").await;
    assert_eq!(seen.reason, Some(Reason::Auth), "{}", seen.words);
    let nobody = yaml.replace("user: checklist", "user: nobody");
    assert_eq!(check(&nobody, "connections").await.reason, Some(Reason::Auth));
    Ok(())
}
