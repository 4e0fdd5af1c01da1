//! Owners of tables and users who may create functions cannot run code with the rights of the exporter's role.

use super::{check, database, query};
use checklist::{Reason, Verdict};
use stack::postgres::Postgres;
use tempfile::TempDir;

/// The owner of the application's tables, who is no superuser, creates everything below. The function fails with a
/// known message when the role `checklist` runs it.
const PREPARE: &str = "
CREATE ROLE owner LOGIN;
GRANT ALL ON SCHEMA public TO owner;
GRANT CREATE ON DATABASE orchestrator TO owner;
ALTER TABLE users OWNER TO owner; ALTER TABLE workflows OWNER TO owner; ALTER TABLE roles OWNER TO owner;
ALTER TABLE audit_events OWNER TO owner; ALTER TABLE api_keys OWNER TO owner;
SET ROLE owner;
CREATE FUNCTION public.evil(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
  IF current_user = 'checklist' THEN RAISE EXCEPTION 'code ran as %', current_user; END IF; RETURN n; END $$;
";

async fn on(major: u16) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::of_version(major, &[]).await?;
    postgres.execute(PREPARE).await?;
    let yaml = database(postgres.port, &folder, "thresholds: {bloat.min_table_size: 1KiB}")?;
    // A function with the name of an extension's function.
    let planted = "SET ROLE owner; CREATE FUNCTION public.pgstattuple_approx(r oid, OUT approx_free_space bigint, OUT dead_tuple_len bigint, OUT table_len bigint) LANGUAGE sql AS 'SELECT public.evil(1)::bigint, 1::bigint, 1::bigint'; CREATE FUNCTION public.pg_stat_statements(b boolean) RETURNS TABLE (dbid oid, queryid bigint, calls bigint, total_exec_time float8) LANGUAGE sql AS 'SELECT 1::oid, public.evil(1)::bigint, 1::bigint, 1::float8'";
    postgres.execute(planted).await?;
    for name in ["bloat", "slow_queries"] {
        let seen = check(&yaml, name).await;
        assert_eq!(seen.reason, None, "{major} {name}: {}", seen.words);
        assert!(!seen.words.contains("code ran"), "{major} {name}: {}", seen.words);
    }
    // The extension's own function, beside a function whose argument type fits better.
    postgres.execute("CREATE SCHEMA ext; CREATE EXTENSION pgstattuple SCHEMA ext; GRANT USAGE ON SCHEMA ext TO checklist; GRANT CREATE ON SCHEMA ext TO owner; SET ROLE owner; CREATE FUNCTION ext.pgstattuple_approx(r oid, OUT approx_free_space bigint, OUT dead_tuple_len bigint, OUT table_len bigint) LANGUAGE sql AS 'SELECT public.evil(1)::bigint, 1::bigint, 1::bigint'").await?;
    let seen = check(&yaml, "bloat").await;
    assert!(seen.reason.is_none() && !seen.words.contains("code ran"), "{major}: {}", seen.words);
    let refused = |seen: super::Seen, what: &str| {
        assert!(!seen.words.contains("code ran"), "{major}: {}", seen.words);
        seen.cannot_tell(Reason::Config, what);
    };
    // A view replaces a table.
    postgres.execute("SET ROLE owner; ALTER TABLE roles RENAME TO old_roles; CREATE VIEW roles AS SELECT public.evil(1)::bigint AS id, name FROM old_roles; GRANT SELECT ON roles TO checklist").await?;
    refused(check(&yaml, "roles").await, "view");
    let trusting = yaml.replace("thresholds:", "trustTableOwners: true, thresholds:");
    assert!(check(&trusting, "roles").await.words.contains("code ran as checklist"), "{major}: the attack is real");
    // A column type with its own cast.
    postgres.execute("SET ROLE owner; CREATE TYPE public.word AS ENUM ('completed', 'failed', 'running'); ALTER TABLE workflows ALTER status TYPE public.word USING status::public.word; CREATE FUNCTION public.word_text(w public.word) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT public.evil(1)::text'; CREATE CAST (public.word AS text) WITH FUNCTION public.word_text(public.word)").await?;
    refused(check(&yaml, "workflows").await, "has a type with a cast of its own");
    // An index whose expression the planner evaluates.
    postgres.execute("SET ROLE owner; CREATE INDEX ON users ((public.evil(1)))").await?;
    refused(check(&yaml, "users").await, "calls public.evil(integer)");
    assert!(check(&trusting, "users").await.words.contains("code ran as checklist"), "{major}: the attack is real");
    // A row security policy that calls a function.
    postgres.execute("SET ROLE owner; ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON api_keys USING (public.evil(1) > 0)").await?;
    let seen = check(&yaml, "api_keys").await;
    assert!(!seen.words.contains("code ran"), "{major}: {}", seen.words);
    seen.cannot_tell(Reason::Permission, "row security");
    Ok(())
}

stack::test_on_majors! {
    on, has_postgresql, "no PostgreSQL 13 to 18 (make parts)",
    fn on_14_no_code_of_table_owners_runs() on 14;
    fn on_15_no_code_of_table_owners_runs() on 15;
    fn on_18_no_code_of_table_owners_runs() on 18;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_query_leaves_no_effect_on_the_connection() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    let limit = "above: {warning: 10}";
    let with_query = |sql: &str| query(&yaml, sql, limit);
    let jobs = super::jobs(&with_query(
        "SELECT count(*) AS value FROM (SELECT set_config('default_transaction_read_only', 'off', false), set_config('statement_timeout', '0', false), set_config('search_path', 'public', false), pg_advisory_lock(7)) AS s",
    ));
    let own = jobs.iter().find(|job| job.state().check.signal.id == "own").unwrap_or_else(|| panic!("no own check"));
    super::run(own).await.is(Verdict::Passed);
    // The connection is used again, without any change.
    let rows = postgres.client().await?;
    let locks: i64 = rows.query_one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", &[]).await?.get(0);
    assert_eq!(locks, 0);
    super::run(own).await.is(Verdict::Passed);
    for (sql, reason) in [
        ("SELECT 1 AS value WHERE set_config('transaction_read_only', 'off', false) = 'off'", Reason::Protocol),
        ("SELECT setval('public.users_id_seq', 1) AS value", Reason::Permission),
        ("SELECT count(*) AS value FROM users", Reason::NotFound),
    ] {
        let seen = check(&with_query(sql), "own").await;
        assert_eq!(seen.reason, Some(reason), "{sql}: {}", seen.words);
    }
    let seen = check(&with_query("SELECT count(*) AS value FROM users"), "own").await;
    assert!(seen.words.contains("schemas:"), "{}", seen.words);
    // Nobody's code would run, whatever the server says when it refuses.
    postgres.execute("CREATE MATERIALIZED VIEW late AS SELECT 1 AS n WITH NO DATA; GRANT SELECT ON late TO checklist; CREATE VIEW seen AS SELECT 1 AS n; GRANT SELECT ON seen TO checklist").await?;
    let seen = check(&with_query("SELECT n AS value FROM public.late"), "own").await;
    seen.cannot_tell(Reason::Protocol, "SQLSTATE 55000");
    assert!(!seen.words.contains("trustTableOwners"), "{}", seen.words);
    check(&with_query("SELECT n AS value FROM public.seen"), "own")
        .await
        .cannot_tell(Reason::Config, "trustTableOwners");
    postgres.execute("GRANT SELECT ON users TO checklist").await?;
    let seen =
        check(&query(&yaml, "SELECT count(*) AS value FROM users", "schemas: [public], above: {warning: 1000}"), "own")
            .await;
    seen.is(Verdict::Passed);
    Ok(())
}
