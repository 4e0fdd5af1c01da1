//! A missing right is reported, and no check passes without having seen its objects.

use super::{as_role, check, database};
use checklist::{Reason, Verdict};
use stack::postgres::{PASSWORD, Postgres};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn without_effective_rights_to_statistics_sessions_have_no_verdict() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [15, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        let roles = format!(
            "CREATE ROLE weak LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE deaf LOGIN NOINHERIT PASSWORD '{PASSWORD}'; CREATE ROLE good LOGIN PASSWORD '{PASSWORD}'; GRANT pg_read_all_stats TO deaf; GRANT pg_monitor TO good"
        );
        postgres.execute(&roles).await?;
        for name in ["connections", "slow_queries", "database_size", "indexes"] {
            let seen = check(&as_role(postgres.port, &folder, "weak", "application: false")?, name).await;
            seen.cannot_tell(Reason::Permission, "GRANT pg_read_all_stats TO \"weak\"");
            let seen = check(&as_role(postgres.port, &folder, "deaf", "application: false")?, name).await;
            let advice = if major >= 16 { "WITH INHERIT TRUE" } else { "ALTER ROLE \"deaf\" INHERIT" };
            seen.cannot_tell(Reason::Permission, advice);
        }
        let seen = check(&as_role(postgres.port, &folder, "good", "application: false")?, "connections").await;
        seen.is(Verdict::Passed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_hidden_by_row_security_are_not_counted_as_zero() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let hide = "ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON users USING (false)";
    postgres.execute(hide).await?;
    let yaml = database(postgres.port, &folder, "")?;
    check(&yaml, "users").await.cannot_tell(Reason::Permission, "row security hides rows of public.users");
    check(&yaml, "roles").await.is(Verdict::Passed);
    postgres.execute("ALTER ROLE checklist BYPASSRLS").await?;
    assert_eq!(check(&yaml, "users").await.reason, None);
    Ok(())
}
