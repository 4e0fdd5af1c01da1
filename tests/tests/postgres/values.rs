//! Values of custom queries, and status words that are not configured.

use super::{check, database, query};
use checklist::{Reason, Verdict};
use stack::postgres::Postgres;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_value_counts_and_a_missing_value_is_not_good() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let base = database(postgres.port, &folder, "application: false")?;
    let (above, below) = ("above: {warning: 10}", "below: {warning: 1}");
    let labelled = "labels: [n], above: {warning: 10}";
    for (sql, more, verdict) in [
        ("SELECT 'Infinity'::float8 AS value", above, Verdict::Warning),
        ("SELECT '-Infinity'::float8 AS value", above, Verdict::Passed),
        ("SELECT '-Infinity'::float8 AS value", below, Verdict::Warning),
        ("SELECT 'NaN'::numeric AS value", above, Verdict::CannotTell),
        ("SELECT NULL::int AS value", below, Verdict::CannotTell),
        ("SELECT NULL::int AS value", above, Verdict::Passed),
        ("SELECT NULL::int AS value", "empty: bad, above: {warning: 10}", Verdict::CannotTell),
        ("SELECT 1 AS value WHERE false", below, Verdict::CannotTell),
        ("SELECT 1 AS value WHERE false", "empty: ok, below: {warning: 1}", Verdict::Passed),
        (
            "SELECT g AS n, CASE WHEN g = 150 THEN 100 ELSE 1 END AS value FROM generate_series(1, 200) g",
            labelled,
            Verdict::Warning,
        ),
        ("SELECT g AS n, 1 AS value FROM generate_series(1, 200) g", labelled, Verdict::CannotTell),
        ("SELECT * FROM (VALUES ('a', 100), ('a', 1)) v (n, value)", labelled, Verdict::Warning),
        ("SELECT * FROM (VALUES ('a', 1), ('a', 2)) v (n, value)", labelled, Verdict::Passed),
        ("SELECT * FROM (VALUES (NULL, 100), ('', 1)) v (n, value)", labelled, Verdict::Warning),
        (
            "SELECT repeat('x', 300) || v.n AS n, value FROM (VALUES ('a', 100), ('b', 1)) v (n, value)",
            labelled,
            Verdict::Warning,
        ),
        ("SELECT interval '-1 hour' AS value", "unit: seconds, above: {warning: 30m}", Verdict::Passed),
        ("SELECT 9223372036854775807 AS value", above, Verdict::Warning),
        ("SELECT 4294967295::oid AS value", above, Verdict::Warning),
        ("SELECT 1e300::numeric AS value", above, Verdict::Warning),
        ("SELECT '' AS value", above, Verdict::CannotTell),
        ("SELECT '1e400'::numeric AS value", above, Verdict::CannotTell),
        ("SELECT true AS value", "above: {warning: 0.5}", Verdict::Warning),
        ("SELECT 0.1::real AS value", "above: {warning: 0.1}", Verdict::Passed),
        ("SELECT 'infinity'::real AS value", "above: {warning: 0.1}", Verdict::Warning),
        ("SELECT interval '1 hour' AS value", "unit: seconds, above: {warning: 30m}", Verdict::Warning),
        ("SELECT '12.50'::money AS value", above, Verdict::Warning),
        ("SELECT '12.5' AS value", above, Verdict::Warning),
    ] {
        let seen = check(&query(&base, sql, more), "own").await;
        assert_eq!(seen.verdict, verdict, "{sql} {more}: {}", seen.words);
    }
    for (sql, advice) in [
        ("SELECT now() AS value", "extract(epoch FROM now() - max(column))"),
        ("SELECT current_date AS value", "extract(epoch FROM now() - max(column))"),
        ("SELECT '{}'::jsonb AS value", "return a number"),
        ("SELECT ARRAY[1, 2] AS value", "return a number"),
        ("SELECT ROW(1, 2) AS value", "return a number"),
        ("SELECT '7'::bytea AS value", "return a number"),
    ] {
        check(&query(&base, sql, above), "own").await.cannot_tell(Reason::Config, advice);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfigured_status_is_counted_and_reported() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    postgres.execute("INSERT INTO workflows (status, created_at, updated_at) SELECT 'on_hold', now(), now() FROM generate_series(1, 500)").await?;
    let seen = check(&database(postgres.port, &folder, "")?, "workflows").await;
    seen.is(Verdict::Warning);
    assert!(seen.words.contains("on_hold"), "{}", seen.words);
    assert_eq!(seen.value(&["checklist_workflows_open{"]), Some(8.0), "{}", seen.page);
    let words = "tables: {workflows: {words: {open: [running, on_hold]}}}";
    let seen = check(&database(postgres.port, &folder, words)?, "workflows").await;
    seen.is(Verdict::Passed);
    assert_eq!(seen.value(&["checklist_workflows_open{"]), Some(508.0), "{}", seen.page);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_counted_once_and_also_among_very_many_roles() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    // Three users with two administrator roles count as three.
    postgres
        .execute("INSERT INTO roles (name) SELECT 'team ' || n FROM generate_series(1, 60) n; INSERT INTO user_roles SELECT u, r.id FROM generate_series(1, 20) u, roles r WHERE r.name LIKE 'team%'; INSERT INTO roles (name) VALUES ('owner'); INSERT INTO user_roles SELECT u, r.id FROM generate_series(1, 3) u, roles r WHERE r.name = 'owner'")
        .await?;
    let words = "tables: {roles: {words: {admin: [admin, owner]}}}";
    let seen = check(&database(postgres.port, &folder, words)?, "roles").await;
    seen.is(Verdict::Passed);
    assert_eq!(seen.value(&["checklist_role_members{", "role=\"admin\""]), Some(3.0), "{}", seen.page);
    postgres
        .execute("INSERT INTO user_roles SELECT u, r.id FROM generate_series(4, 9) u, roles r WHERE r.name = 'owner'")
        .await?;
    check(&database(postgres.port, &folder, words)?, "roles").await.is(Verdict::Warning);
    Ok(())
}

/// A configured word that no row has would count zero for ever.
#[tokio::test(flavor = "multi_thread")]
async fn status_words_in_another_spelling_are_reported_and_not_counted_as_zero() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    check(&yaml, "roles").await.is(Verdict::Passed);
    postgres
        .execute("UPDATE audit_events SET event_type = replace(initcap(event_type), '_', '.'); UPDATE roles SET name = 'Administrator' WHERE name = 'admin'")
        .await?;
    // A thousand rows with future times do not hide the newest events.
    postgres
        .execute("INSERT INTO audit_events (timestamp, event_type, user_id) SELECT now() + interval '40 days', 'request', 1 FROM generate_series(1, 1000)")
        .await?;
    for (name, expected) in [
        ("auth_failures", "the event type is spelled Authentication.Failed in the table"),
        ("permission_denied", "the event type is spelled Permission.Denied in the table"),
        ("roles", "no role has the name of the administrators in checklist.yaml; existing roles:"),
    ] {
        let seen = check(&yaml, name).await;
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains(expected), "{name}: {}", seen.words);
    }
    let words = "tables: {audit_events: {words: {authentication_failed: [Authentication.Failed], permission_denied: [Permission.Denied]}}, roles: {words: {admin: [Administrator]}}}";
    let yaml = database(postgres.port, &folder, words)?;
    for name in ["auth_failures", "permission_denied", "roles"] {
        check(&yaml, name).await.is(Verdict::Passed);
    }
    // In an application without any failed login the word does not occur, which is fine.
    postgres.execute("DELETE FROM audit_events WHERE event_type <> 'Request'").await?;
    for name in ["auth_failures", "permission_denied"] {
        check(&yaml, name).await.is(Verdict::Passed);
    }
    Ok(())
}
