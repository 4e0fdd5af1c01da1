//! The generated rights, granted by different users, and what each of two roles can read.

use super::{as_role, check};
use checklist::Config;
use checklist::Verdict;
use stack::postgres::{APPLICATION_PASSWORD, PASSWORD, Postgres};
use tempfile::TempDir;

fn two_roles(port: u16, folder: &TempDir) -> anyhow::Result<String> {
    let file = folder.path().join("application-password");
    std::fs::write(&file, APPLICATION_PASSWORD)?;
    as_role(port, folder, "stats", &format!("applicationUser: rows, applicationPasswordFile: {}", file.display()))
}

fn script(yaml: &str) -> anyhow::Result<String> {
    let config = Config::parse("checklist.yaml", yaml)?;
    Ok(rules_gen::outputs::access::sql(&config, &config.postgres[0], "checklist.yaml"))
}

async fn on(major: u16) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::of_version(major, &[]).await?;
    let yaml = two_roles(postgres.port, &folder)?;
    let script = script(&yaml)?;
    // In a hardened database, a user who may not create the roles gets an error before anything is changed.
    postgres.execute(&format!("REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE EXTENSION pg_stat_statements; CREATE ROLE owner LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE maker LOGIN CREATEROLE PASSWORD '{PASSWORD}'")).await?;
    let refused = postgres.script("owner", "orchestrator", &script).err().map(|error| error.to_string());
    assert!(
        refused.as_ref().is_some_and(|output| output.contains("owner cannot make these roles")),
        "{major}: {refused:?}"
    );
    let refused = postgres.script("maker", "orchestrator", &script).err().map(|error| error.to_string());
    assert!(refused.is_some(), "{major}: grants on tables of others are not given, and that is not a success");
    let left: i64 = postgres
        .client()
        .await?
        .query_one("SELECT count(*) FROM pg_roles WHERE rolname IN ('stats', 'rows')", &[])
        .await?
        .get(0);
    assert_eq!(left, 0, "{major}: all or nothing");
    // The script runs twice, because it must be repeatable.
    for _ in 0..2 {
        postgres.script("postgres", "orchestrator", &script)?;
    }
    postgres
        .execute(&format!("ALTER ROLE stats PASSWORD '{PASSWORD}'; ALTER ROLE rows PASSWORD '{APPLICATION_PASSWORD}'"))
        .await?;
    for name in ["connections", "slow_queries", "maintenance", "users", "audit_log", "roles", "workflows"] {
        let seen = check(&yaml, name).await;
        assert!(seen.reason.is_none() && seen.verdict != Verdict::CannotTell, "{major} {name}: {}", seen.words);
    }
    // Neither role has the rights of the other one.
    let client = postgres.client().await?;
    let can = async |question: &str| {
        anyhow::Ok(client.query_one(&format!("SELECT {question}"), &[]).await?.get::<_, bool>(0))
    };
    assert!(!can("has_column_privilege('stats', 'users', 'created_at', 'SELECT')").await?);
    assert!(!can("pg_has_role('rows', 'pg_read_all_stats', 'MEMBER')").await?);
    // A role that can read statistics is refused as the application's role.
    postgres.execute("GRANT pg_monitor TO rows").await?;
    let refused = postgres.script("postgres", "orchestrator", &script).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|output| output.contains("reads no statistics")));
    Ok(())
}

stack::test_on_majors! {
    on, has_postgresql, "no PostgreSQL 13 to 18 (make parts)",
    fn on_15_a_superuser_creates_both_roles_and_other_users_create_none_partially() on 15;
    fn on_18_a_superuser_creates_both_roles_and_other_users_create_none_partially() on 18;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_database_owner_with_createrole_creates_both_roles() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for major in [14, 16, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        let owner = format!(
            "CREATE ROLE maker LOGIN CREATEROLE PASSWORD '{PASSWORD}'; ALTER DATABASE orchestrator OWNER TO maker; ALTER SCHEMA public OWNER TO maker; DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE format('ALTER TABLE %I OWNER TO maker', t); END LOOP; END $$"
        );
        postgres.execute(&owner).await?;
        let yaml = two_roles(postgres.port, &folder)?;
        let script = script(&yaml)?;
        if major >= 16 {
            let refused = postgres.script("maker", "orchestrator", &script).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|output| output.contains("WITH ADMIN OPTION")), "{major}");
            postgres.execute("GRANT pg_read_all_stats, pg_stat_scan_tables TO maker WITH ADMIN OPTION").await?;
        }
        postgres.script("maker", "orchestrator", &script)?;
        postgres
            .execute(&format!(
                "ALTER ROLE stats PASSWORD '{PASSWORD}'; ALTER ROLE rows PASSWORD '{APPLICATION_PASSWORD}'"
            ))
            .await?;
        for name in ["connections", "users"] {
            let seen = check(&yaml, name).await;
            assert!(seen.reason.is_none(), "{major} {name}: {}", seen.words);
        }
    }
    Ok(())
}
