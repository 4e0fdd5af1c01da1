//! Ages of events with times in the future, without a time zone, and in every time zone.

use super::{check, database};
use checklist::{Reason, Verdict};
use stack::postgres::Postgres;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_dated_in_the_future_is_a_finding_and_does_not_hide_missing_events() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    for time in ["'infinity'", "'2038-01-01'", "now() + interval '40 days'"] {
        let silence = format!(
            "TRUNCATE audit_events; INSERT INTO audit_events (timestamp, event_type) VALUES (now() - interval '6 days', 'request'), ({time}, 'authentication_failed')"
        );
        postgres.execute(&silence).await?;
        let seen = check(&yaml, "audit_log").await;
        // The newest plausible event is judged. It is older than any night or weekend.
        seen.is(Verdict::Warning);
        for finding in ["in the future", "No new audit events for days"] {
            assert!(seen.words.contains(finding), "{time}: {}", seen.words);
        }
        let last = seen.value(&["checklist_audit_last_event_timestamp_seconds{"]).unwrap_or_default();
        let age = exporter::run::time::unix_now() - last;
        assert!((518_000.0..520_000.0).contains(&age), "{time}: {age}");
        // A failure with a future time does not count as one of this hour.
        let seen = check(&yaml, "auth_failures").await;
        assert_eq!(seen.value(&["checklist_auth_failures{", "window=\"1h\""]), Some(0.0), "{time}: {}", seen.page);
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains("1 failed logins have a time in the future"), "{time}: {}", seen.words);
    }
    // A log that has stopped says nothing about failed logins. The empty one of a new application is told by its own check.
    postgres.execute("TRUNCATE audit_events; INSERT INTO audit_events (timestamp, event_type) VALUES (now() - interval '8 days', 'request')").await?;
    for name in ["auth_failures", "permission_denied"] {
        check(&yaml, name).await.has_gap("none of any type within seven days");
    }
    postgres.execute("TRUNCATE audit_events").await?;
    for (name, verdict) in
        [("audit_log", Verdict::Critical), ("auth_failures", Verdict::Passed), ("permission_denied", Verdict::Passed)]
    {
        check(&yaml, name).await.is(verdict);
    }
    // Clocks may differ by less than five minutes.
    postgres.execute("TRUNCATE audit_events; INSERT INTO audit_events (timestamp, event_type) VALUES (now() + interval '4 minutes', 'request')").await?;
    check(&yaml, "audit_log").await.is(Verdict::Passed);
    postgres.execute("UPDATE users SET last_login_at = 'infinity' WHERE id = 1").await?;
    let seen = check(&yaml, "users").await;
    assert_eq!(seen.value(&["checklist_accounts{", "state=\"future\""]), Some(1.0), "{}", seen.page);
    // An account that is disabled in the future is still active; the same holds for keys.
    postgres.execute("UPDATE users SET disabled_at = 'infinity', last_login_at = now() - interval '200 days', created_at = now() - interval '300 days' WHERE id = 2; UPDATE api_keys SET revoked_at = '2038-01-01', last_used_at = now() - interval '200 days', created_at = now() - interval '900 days' WHERE id = 2").await?;
    for (name, series) in [("users", "checklist_accounts{"), ("api_keys", "checklist_api_keys{")] {
        let seen = check(&yaml, name).await;
        assert!(seen.value(&[series, "state=\"stale\""]).is_some_and(|stale| stale > 0.0), "{}", seen.page);
    }
    // A workflow that ends in the future is in no window, and an event at `-infinity` is older than any limit.
    postgres.execute("UPDATE workflows SET updated_at = 'infinity' WHERE status = 'failed'").await?;
    let seen = check(&yaml, "workflows").await;
    seen.is(Verdict::CannotTell);
    assert!(seen.words.contains("have an end time in the future"), "{}", seen.words);
    postgres.execute("UPDATE audit_events SET timestamp = '-infinity'").await?;
    let seen = check(&yaml, "retention").await;
    seen.is(Verdict::Warning);
    assert!(seen.words.contains("Old audit events are not archived"), "{}", seen.words);
    postgres.execute("UPDATE audit_events SET timestamp = '2038-01-01'").await?;
    check(&yaml, "retention").await.is(Verdict::Passed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_time_are_in_no_window_and_are_reported() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    postgres
        .execute("ALTER TABLE audit_events ALTER timestamp DROP NOT NULL; ALTER TABLE workflows ALTER updated_at DROP NOT NULL")
        .await?;
    for name in ["auth_failures", "permission_denied", "workflows"] {
        check(&yaml, name).await.is(Verdict::Passed);
    }
    postgres
        .execute("INSERT INTO audit_events (event_type, user_id) SELECT word, 1 FROM generate_series(1, 80), unnest(ARRAY['authentication_failed', 'permission_denied']) word; UPDATE workflows SET updated_at = NULL WHERE status = 'failed'")
        .await?;
    for (name, expected) in [
        ("auth_failures", "80 failed logins have no time"),
        ("permission_denied", "80 refusals have no time"),
        ("workflows", "ended workflows have no end time"),
    ] {
        let seen = check(&yaml, name).await;
        seen.is(Verdict::CannotTell);
        assert!(seen.words.contains(expected), "{name}: {}", seen.words);
        assert_eq!(seen.reason, None, "what has a time is judged: {}", seen.words);
    }
    check(&yaml, "audit_log").await.is(Verdict::Passed);
    check(&yaml, "retention").await.has_gap("160 audit events have no time, and so no age");
    postgres.execute("UPDATE workflows SET updated_at = '-infinity' WHERE updated_at IS NULL").await?;
    check(&yaml, "workflows").await.has_gap("ended workflows have no end time");
    // A table without any time is not an empty one.
    for time in ["NULL", "'-infinity'"] {
        postgres.execute(&format!("UPDATE audit_events SET timestamp = {time}")).await?;
        let seen = check(&yaml, "audit_log").await;
        seen.has_gap("the events of the audit table have no time");
        assert_eq!(seen.value(&["checklist_audit_event_present{"]), Some(1.0), "{}", seen.page);
        check(&yaml, "auth_failures").await.has_gap("failed logins have no time");
    }
    Ok(())
}

/// A date has no hour, a number has no time zone, a text has no order, and a boolean is not a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_not_a_time_is_reported_with_its_type() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    for (kind, using) in [
        ("date", "timestamp::date"),
        ("bigint", "extract(epoch FROM timestamp::timestamp)::bigint"),
        ("text", "to_timestamp(timestamp)::text"),
    ] {
        let change = format!(
            "DROP INDEX IF EXISTS audit_events_by_time, audit_events_by_type; ALTER TABLE audit_events ALTER timestamp TYPE {kind} USING {using}"
        );
        postgres.execute(&change).await?;
        for name in ["audit_log", "auth_failures", "permission_denied", "retention"] {
            let seen = check(&yaml, name).await;
            seen.cannot_tell(Reason::Config, &format!("audit_events.timestamp has the type {kind}"));
        }
    }
    check(&yaml, "workflows").await.is(Verdict::Passed);
    // Dates are enough for limits of days, also as a domain type.
    postgres.execute("CREATE DOMAIN date_of_life AS date; CREATE DOMAIN day AS date_of_life; ALTER TABLE users ALTER created_at TYPE day").await?;
    check(&yaml, "users").await.is(Verdict::Passed);
    postgres.execute("ALTER TABLE users ALTER disabled_at TYPE boolean USING disabled_at IS NOT NULL").await?;
    check(&yaml, "users").await.cannot_tell(Reason::Config, "users.disabled_at has the type boolean");
    Ok(())
}

/// Times without a time zone are local times of the application; the exporter's values are Unix times.
#[tokio::test(flavor = "multi_thread")]
async fn times_without_a_zone_use_the_zone_of_the_server_or_of_the_configuration() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    postgres.execute("ALTER TABLE audit_events ALTER timestamp TYPE timestamp; ALTER TABLE users ALTER last_login_at TYPE timestamp, ALTER created_at TYPE timestamp").await?;
    for (server, written, configured) in [
        ("UTC", "UTC", ""),
        ("America/New_York", "America/New_York", ""),
        ("Asia/Tokyo", "Asia/Tokyo", ""),
        ("Asia/Tokyo", "UTC", "timeZone: UTC"),
        ("UTC", "America/New_York", "timeZone: America/New_York"),
    ] {
        let rows = format!(
            "ALTER DATABASE orchestrator SET timezone = '{server}'; TRUNCATE audit_events; INSERT INTO audit_events (timestamp, event_type) SELECT (now() - n * interval '1 minute') AT TIME ZONE '{written}', 'authentication_failed' FROM generate_series(1, 600) n; UPDATE users SET created_at = now() AT TIME ZONE '{written}', last_login_at = now() AT TIME ZONE '{written}'"
        );
        postgres.execute(&rows).await?;
        let yaml = database(postgres.port, &folder, configured)?;
        let seen = check(&yaml, "audit_log").await;
        seen.is(Verdict::Passed);
        let last = seen.value(&["checklist_audit_last_event_timestamp_seconds{"]).unwrap_or_default();
        let age = exporter::run::time::unix_now() - last;
        assert!((0.0..120.0).contains(&age), "{server} {written} {configured}: {age}");
        let seen = check(&yaml, "auth_failures").await;
        let hour = seen.value(&["checklist_auth_failures{", "window=\"1h\""]);
        assert!(hour.is_some_and(|hour| (58.0..=60.0).contains(&hour)), "{server} {written} {configured}: {hour:?}");
        let seen = check(&yaml, "users").await;
        assert_eq!(seen.value(&["checklist_accounts{", "state=\"active\""]), Some(200.0), "{server}: {}", seen.page);
    }
    Ok(())
}

/// In the hour that is repeated when clocks are set back, a time has two meanings. Neither is in the future.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_in_the_repeated_hour_of_a_clock_change_is_not_in_the_future() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let client = postgres.client().await?;
    client.batch_execute("CREATE TABLE e (at timestamp)").await?;
    // Runs the statement of the check at times around the clock change of New York on 2026-11-01.
    let statement = include_str!("../../../exporter/src/probes/audit_log.sql");
    let statement = statement.replace("{audit_events.timestamp}", "at").replace("{audit_events}", "e");
    let statement = statement.replace("{ahead}", exporter::probes::sql::AHEAD);
    client.batch_execute("SET timezone = 'America/New_York'").await?;
    for (now, written, age) in [
        // First pass: 01:30 summer time is 05:30Z.
        ("2026-11-01 05:30Z", "2026-11-01 01:29", 60.0),
        ("2026-11-01 05:59Z", "2026-11-01 01:30", 1740.0),
        // Second pass: 01:10 winter time is 06:10Z, and 01:55 was 15 minutes ago.
        ("2026-11-01 06:10Z", "2026-11-01 01:55", 900.0),
        ("2026-11-01 06:40Z", "2026-11-01 01:30", 600.0),
        // After the change: 02:10 winter time is 07:10Z.
        ("2026-11-01 07:10Z", "2026-11-01 02:09", 60.0),
        // In spring one hour is skipped: 03:10 summer time is 07:10Z.
        ("2026-03-08 07:10Z", "2026-03-08 03:09", 60.0),
        ("2026-03-08 07:10Z", "2026-03-08 01:59", 660.0),
    ] {
        client.batch_execute(&format!("TRUNCATE e; INSERT INTO e VALUES ('{written}')")).await?;
        let at = statement.replace("now()", &format!("'{now}'::timestamptz"));
        let row = client.query_one(&at, &[]).await?;
        let (last, future): (Option<f64>, f64) = (row.get(1), row.get(2));
        let clock: f64 =
            client.query_one(&format!("SELECT extract(epoch FROM '{now}'::timestamptz)::float8"), &[]).await?.get(0);
        assert_eq!((last.map(|last| clock - last), future), (Some(age), 0.0), "{now} {written}");
    }
    Ok(())
}
