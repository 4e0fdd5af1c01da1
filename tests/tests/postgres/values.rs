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

/// One row with the configured word does not prove that the others have it too.
#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_beside_the_configured_word_is_reported() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    let failures = "INSERT INTO audit_events (timestamp, event_type) SELECT now(), 'AUTHENTICATION_FAILED' FROM generate_series(1, 600); INSERT INTO audit_events (timestamp, event_type) SELECT now(), 'request' FROM generate_series(1, 1200)";
    postgres.execute(failures).await?;
    let spelled = "the event type is spelled AUTHENTICATION_FAILED in the table, but not in checklist.yaml";
    check(&yaml, "auth_failures").await.has_gap(spelled);
    check(&yaml, "permission_denied").await.is(Verdict::Passed);
    // Without an index on the type, the newest events are read.
    postgres.execute("DROP INDEX audit_events_by_type").await?;
    check(&yaml, "auth_failures").await.has_gap(spelled);
    // The operators of citext are not those of the index.
    postgres.execute("CREATE EXTENSION citext; ALTER TABLE audit_events ALTER event_type TYPE citext; CREATE INDEX audit_events_by_type ON audit_events (event_type, timestamp)").await?;
    check(&yaml, "auth_failures").await.has_gap(spelled);
    // A spelling of earlier releases, which no event of the week has.
    postgres.execute("UPDATE audit_events SET timestamp = now() - interval '8 days' WHERE event_type::text = 'AUTHENTICATION_FAILED'; ALTER TABLE audit_events ALTER event_type TYPE varchar(50)").await?;
    check(&yaml, "auth_failures").await.is(Verdict::Passed);
    // Words without any letter of the alphabet are not all the same word.
    postgres.execute("INSERT INTO audit_events (timestamp, event_type) VALUES (now(), '\u{8bf7}\u{6c42}'), (now(), '\u{767b}\u{5f55}'), (now(), '---')").await?;
    let words = "tables: {audit_events: {words: {authentication_failed: [\u{767b}\u{5f55}, '+']}}}";
    check(&database(postgres.port, &folder, words)?, "auth_failures").await.is(Verdict::Passed);
    postgres.execute("INSERT INTO roles (name) VALUES ('Admin')").await?;
    check(&yaml, "roles").await.is(Verdict::Passed);
    postgres.execute("INSERT INTO user_roles SELECT n, (SELECT id FROM roles WHERE name = 'Admin') FROM generate_series(1, 51) n").await?;
    check(&yaml, "roles").await.has_gap("Admin is not among the names of the administrators in checklist.yaml");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_other_types_and_rows_without_a_user_are_explained() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    let seen = check(&yaml, "auth_failures").await;
    let (week, events) = (&["checklist_auth_failures{", "7d"][..], &["checklist_check_seen{", "event"][..]);
    assert!(seen.value(week).is_some_and(|count| count > 0.0), "{}", seen.page);
    assert_eq!(seen.value(week), seen.value(events), "an event of several windows is one event: {}", seen.page);
    let seen = check(&yaml, "permission_denied").await;
    assert_eq!(seen.value(&["checklist_permission_denied{", "7d"]), seen.value(events), "{}", seen.page);
    // Visitors who are not logged in are not one user.
    postgres.execute("INSERT INTO audit_events (timestamp, event_type) SELECT now(), 'permission_denied' FROM generate_series(1, 60)").await?;
    let seen = check(&yaml, "permission_denied").await;
    seen.is(Verdict::Passed);
    assert!(seen.words.contains("60 refusals of the week have no user"), "{}", seen.words);
    // A missing operator is not a missing schema.
    postgres.execute("ALTER TABLE user_roles DROP CONSTRAINT user_roles_role_id_fkey; ALTER TABLE user_roles ALTER role_id TYPE text").await?;
    let seen = check(&yaml, "roles").await;
    seen.cannot_tell(Reason::Protocol, "SQLSTATE 42883");
    assert!(!seen.words.contains("schema"), "{}", seen.words);
    postgres.execute("CREATE TYPE kind AS ENUM ('request', 'AUTHENTICATION_FAILED'); TRUNCATE audit_events; ALTER TABLE audit_events ALTER event_type TYPE kind USING event_type::kind; INSERT INTO audit_events (timestamp, event_type) VALUES (now(), 'request'), (now(), 'AUTHENTICATION_FAILED')").await?;
    let seen = check(&yaml, "auth_failures").await;
    seen.has_gap("the type of the column has no such value: set tables.audit_events.words");
    assert!(seen.words.contains("is spelled AUTHENTICATION_FAILED"), "{}", seen.words);
    Ok(())
}
