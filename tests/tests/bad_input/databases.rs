//! A PostgreSQL that refuses queries, locks tables, lacks relations, or has unexpected content.

use super::{job, outcome, postgres_yaml, reason};
use checklist::{Reason, Verdict};
use exporter::run::time::unix_now;
use stack::checks;
use stack::postgres::{PASSWORD, Postgres};
use stack::waiting::eventually;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_locks_and_missing_relations_of_postgres_have_their_reasons() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let good = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    let closed = postgres_yaml(stack::process::free_port()?, PASSWORD, &folder)?;
    assert_eq!(reason(&closed, "connections").await, Some(Reason::Connect));
    assert_eq!(reason(&postgres_yaml(postgres.port, "wrong", &folder)?, "connections").await, Some(Reason::Auth));
    let no_file = good.replace("password-", "nowhere-");
    assert_eq!(reason(&no_file, "connections").await, Some(Reason::Config));
    assert_eq!(reason(&good.replace("tls: disable", "tls: require"), "connections").await, None);
    let verified = format!("tls: verify-full, caFile: {}", postgres.ca_file.display());
    assert_eq!(reason(&good.replace("tls: disable", &verified), "connections").await, None);
    assert_eq!(reason(&good.replace("tls: disable", "tls: verify-full"), "connections").await, Some(Reason::Tls));
    let certificate = format!(
        "certificates:\n  - {{name: db, address: '127.0.0.1:{}', startTls: postgres, caFile: {}}}\n",
        postgres.port,
        postgres.ca_file.display()
    );
    let (failed, text) = outcome(&job(&certificate, "certificates")).await;
    assert_eq!(failed, None);
    assert!(text.contains("checklist_certificate_verified{check=\"certificates\",target=\"db\"} 1"), "{text}");

    let all = checks::jobs(&good)?;
    let run = |check: &'static str| {
        let job = all.iter().find(|job| job.state().check.signal.id == check);
        async move { outcome(job.unwrap_or_else(|| panic!("no {check}"))).await }
    };
    let lock = postgres.client().await?;
    lock.batch_execute("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE").await?;
    for _ in 0..3 {
        assert_eq!(run("auth_failures").await.0, Some(Reason::Lock));
        assert_eq!(run("connections").await.0, None);
        assert_eq!(run("seq_scans").await.0, None);
    }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'checklist-exporter'";
    let open: i64 = lock.query_one(count, &[]).await?.get(0);
    assert_eq!(open, 1, "one connection for all checks of a database");
    lock.batch_execute("ROLLBACK").await?;
    assert_eq!(run("auth_failures").await.0, None);
    // A new probe each, which has no result of a quarter of an hour ago.
    postgres.execute("REVOKE SELECT (event_type, timestamp) ON audit_events FROM checklist").await?;
    assert_eq!(reason(&good, "auth_failures").await, Some(Reason::Permission));
    postgres.execute("DROP TABLE audit_events").await?;
    let (failed, text) = outcome(&job(&good, "auth_failures")).await;
    assert_eq!(failed, Some(Reason::NotFound));
    assert!(text.contains("checklist_probe_success{check=\"auth_failures\",target=\"db\"} 0"), "{text}");
    // A broken connection is replaced by a new one.
    postgres
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'checklist-exporter'")
        .await?;
    eventually("the connection is opened anew", || async { Ok(run("connections").await.0.is_none()) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_the_schema_public_never_replace_system_objects() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let count = "CREATE AGGREGATE public.count(*) (sfunc = pg_catalog.int8inc, stype = bigint, initcond = '1000000')";
    postgres.execute(count).await?;
    let _client = postgres.client().await?;
    let (failed, text) = outcome(&job(&postgres_yaml(postgres.port, PASSWORD, &folder)?, "connections")).await;
    assert_eq!(failed, None);
    let connections = text.lines().filter(|line| line.starts_with("checklist_postgres_connections{"));
    let counts: Vec<f64> = connections.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| *count < 100.0), "{text}");
    // A table with the name of an extension's view is not used as the view.
    postgres.execute("DROP EXTENSION IF EXISTS pg_stat_statements").await?;
    let table = "CREATE TABLE public.pg_stat_statements AS SELECT oid AS dbid, 1::bigint AS queryid, 1e9::bigint AS calls, 1e9 AS total_exec_time FROM pg_database";
    postgres.execute(table).await?;
    postgres.execute("GRANT SELECT ON public.pg_stat_statements TO checklist").await?;
    let (failed, text) = outcome(&job(&postgres_yaml(postgres.port, PASSWORD, &folder)?, "slow_queries")).await;
    assert_eq!(failed, None);
    assert!(!text.contains("checklist_postgres_statement_calls_total{"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_renamed_null_and_forbidden_application_tables_give_the_right_verdict() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let good = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    // Empty tables: a finding where rows must exist, and no invented values elsewhere.
    postgres.execute("TRUNCATE audit_events, workflows, users, api_keys, roles, user_roles CASCADE").await?;
    let (failure, page) = outcome(&job(&good, "audit_log")).await;
    assert_eq!(failure, None);
    assert!(page.contains("checklist_audit_event_present{check=\"audit_log\",target=\"db\"} 0\n"), "{page}");
    assert!(!page.contains("checklist_audit_last_event_timestamp_seconds{"), "{page}");
    for (check, words) in
        [("users", "the table of the accounts is empty"), ("roles", "the table of the roles is empty")]
    {
        let job = job(&good, check);
        assert_eq!(outcome(&job).await.0, Some(Reason::NotFound), "{check}");
        let why = job.state().why();
        assert!(why.contains(words) && why.contains(&format!("set tables.{check}")), "{why}");
    }
    for check in ["workflows", "api_keys", "permission_denied", "retention", "auth_failures"] {
        let (failure, page) = outcome(&job(&good, check)).await;
        assert_eq!(failure, None, "{check}");
        assert!(page.contains(&format!("checklist_check_passed{{check=\"{check}\",target=\"db\"}} 1\n")), "{page}");
    }
    postgres.execute("INSERT INTO users (email, created_at, disabled_at) VALUES ('x', now(), now()); INSERT INTO roles (name) VALUES ('admin')").await?;
    for (check, words) in [("users", "every account is disabled"), ("roles", "no user has a role")] {
        let job = job(&good, check);
        outcome(&job).await;
        let state = job.state();
        assert!(state.why().contains(words) && !state.why().contains("is empty"), "{}", state.why());
        assert_eq!(state.verdict(unix_now()), Verdict::CannotTell, "{check}");
    }
    postgres
        .execute("UPDATE users SET disabled_at = NULL; INSERT INTO user_roles SELECT u.id, r.id FROM users u, roles r")
        .await?;
    for check in ["users", "roles"] {
        let (failure, page) = outcome(&job(&good, check)).await;
        assert_eq!(failure, None, "{check}");
        assert!(page.contains(&format!("checklist_check_passed{{check=\"{check}\",target=\"db\"}} 1\n")), "{page}");
    }
    // Times in the future, NULLs, and a status of 10 kB with quotes and newlines.
    postgres
        .execute("INSERT INTO audit_events (timestamp, event_type) VALUES (now() + interval '10 years', 'permission_denied'); INSERT INTO workflows (status, created_at, updated_at) VALUES (E'a\"b\\\\c\\nd' || repeat('ü', 5000), now(), now())")
        .await?;
    for check in ["audit_log", "permission_denied", "workflows", "retention"] {
        let (failure, page) = outcome(&job(&good, check)).await;
        assert_eq!(failure, None, "{check}");
        assert!(page.lines().all(|line| line.len() < 1000), "{check}");
    }
    let (_, page) = outcome(&job(&good, "workflows")).await;
    assert!(page.contains("status=\"a\\\"b\\\\c\\nd"), "{page}");
    // Other names for schema and columns, with characters that need quoting.
    postgres.execute("CREATE SCHEMA \"se cu\"; ALTER TABLE users SET SCHEMA \"se cu\"; ALTER TABLE \"se cu\".users RENAME TO \"us\"\"ers\"; ALTER TABLE \"se cu\".\"us\"\"ers\" RENAME disabled_at TO \"off'); --\"; GRANT USAGE ON SCHEMA \"se cu\" TO checklist").await?;
    assert_eq!(reason(&good, "users").await, Some(Reason::NotFound));
    let names = "tls: disable, tables: {users: {table: 'se cu.us\"ers', columns: {disabled_at: \"off'); --\"}}}";
    assert_eq!(reason(&good.replace("tls: disable", names), "users").await, None);
    postgres.execute("REVOKE SELECT (revoked_at) ON api_keys FROM checklist").await?;
    assert_eq!(reason(&good, "api_keys").await, Some(Reason::Permission));
    postgres.execute("ALTER TABLE roles ALTER name TYPE bytea USING name::bytea").await?;
    assert_eq!(reason(&good, "roles").await, None, "PostgreSQL writes bytes as text");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_queries_are_limited_and_read_only() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let base = postgres_yaml(postgres.port, PASSWORD, &folder)?;
    let query = |sql: &str| {
        format!(
            "{base}queries:\n  - {{name: own, help: An own query, labels: [name], above: {{warning: 1}}, query: {sql:?}}}\n"
        )
    };
    for (sql, expected) in [
        ("SELECT 'a' AS name, 3 AS value;", None),
        ("SELECT 'a' AS name, 3.5::numeric AS value -- the best", None),
        ("SELECT NULL::text AS name, NULL::int AS value", None),
        ("SELECT 'a' AS name, 'three' AS value", Some(Reason::Protocol)),
        ("SELECT 1 AS value", Some(Reason::NotFound)),
        ("SELECT 'a' AS name, n AS value FROM generate_series(1, 100000) n", Some(Reason::Limit)),
        ("SELECT 'a' AS name, 1 AS value; DROP TABLE users", Some(Reason::Protocol)),
        ("DELETE FROM users RETURNING 'a' AS name, 1 AS value", Some(Reason::Protocol)),
        ("SELECT 'a' AS name, setval('public.users_id_seq', 1) AS value", Some(Reason::Protocol)),
        ("SELECT 'a' AS name, 1 AS value FROM pg_sleep(60)", Some(Reason::Timeout)),
    ] {
        let (failure, _) = outcome(&job(&query(sql), "own")).await;
        let permitted =
            failure == expected || expected == Some(Reason::Protocol) && failure == Some(Reason::Permission);
        assert!(permitted, "{sql}: {failure:?}");
    }
    // At most a hundred series are exposed; the others are counted as dropped.
    let many = "SELECT n::text || repeat('x', 10000) AS name, n AS value FROM generate_series(1, 500) n";
    let (failure, page) = outcome(&job(&query(many), "own")).await;
    assert_eq!(failure, None);
    assert_eq!(page.lines().filter(|line| line.starts_with("checklist_query_own{")).count(), 100);
    assert!(page.contains("checklist_probe_series_dropped_total{check=\"own\",target=\"db\"} 400\n"), "{page}");
    Ok(())
}
