//! A database with locked tables, tables and columns without rights, hidden rows, sessions that show nothing, and rows
//! without a time.

use crate::Tried;
use stack::postgres::{PASSWORD, Postgres};
use stack::waiting::eventually;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The database, and a folder with the password.
struct Database {
    postgres: Postgres,
    folder: TempDir,
}

impl Database {
    /// Returns a checklist.yaml for a role, with further sections.
    fn yaml(&self, user: &str, more: &str) -> String {
        format!(
            "postgres: [{{name: db, host: 127.0.0.1, port: {}, database: orchestrator, user: {user}, tls: disable, passwordFile: {}/password}}]\n{more}",
            self.postgres.port,
            self.folder.path().display()
        )
    }

    async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        self.postgres.execute(sql).await
    }
}

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    let database = Database { postgres: Postgres::start().await?, folder: TempDir::new()? };
    std::fs::write(database.folder.path().join("password"), PASSWORD)?;
    sessions(tried, &database).await?;
    large_tables(tried, &database).await?;
    rows(tried, &database).await?;
    rights(tried, &database).await?;
    queries(tried, &database).await?;
    indexes(tried, &database).await
}

/// A session that does not show what it does.
async fn sessions(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    let role = format!("CREATE ROLE quiet LOGIN PASSWORD '{PASSWORD}'; ALTER ROLE quiet SET track_activities = off");
    database.execute(&role).await?;
    let address =
        format!("host=127.0.0.1 port={} user=quiet password={PASSWORD} dbname=orchestrator", database.postgres.port);
    let (quiet, connection) = tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    quiet.batch_execute("BEGIN; SELECT 1").await?;
    let gap = "track_activities is off for quiet";
    for check in ["connections", "slow_queries"] {
        tried.cannot_tell(&database.yaml("checklist", ""), check, &[gap]).await?;
    }
    let used = database.yaml("checklist", "thresholds: {connections.usage: {warning: 1%, critical: 99%}}\n");
    tried.finds(&used, "connections", &[gap, "1%"]).await?;
    database.execute("DROP EXTENSION pg_stat_statements").await?;
    let words = [gap, "Statement statistics are not available"];
    tried.finds(&database.yaml("checklist", ""), "slow_queries", &words).await?;
    database.execute("CREATE EXTENSION pg_stat_statements").await
}

/// A table of 18 MiB, half of it dead rows, of which the server knows no size.
async fn table(database: &Database, name: &str) -> anyhow::Result<()> {
    let create = format!(
        "CREATE TABLE {name} (a int, pad text) WITH (autovacuum_enabled = off); \
         INSERT INTO {name} SELECT g, repeat('x', 900) FROM generate_series(1, 20000) g; DELETE FROM {name} WHERE a % 2 = 0"
    );
    database.execute(&create).await?;
    let client = database.postgres.client().await?;
    let dead = format!("SELECT 1 FROM pg_stat_user_tables WHERE relname = '{name}' AND n_dead_tup > 0");
    eventually("the server counts dead rows", || async { Ok(!client.query(&dead, &[]).await?.is_empty()) }).await
}

async fn lock(database: &Database, table: &str) -> anyhow::Result<Client> {
    let client = database.postgres.client().await?;
    client.batch_execute(&format!("BEGIN; LOCK TABLE {table}")).await?;
    Ok(client)
}

/// A large table that is locked, alone and beside another one that nobody maintains.
async fn large_tables(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    table(database, "bulk").await?;
    let locked = lock(database, "bulk").await?;
    let yaml = database.yaml(
        "checklist",
        "thresholds: {maintenance.min_table_size: 8MiB, bloat.min_table_size: 8MiB, seq_scans.min_table_size: 8MiB, bloat.share: 20%}\n",
    );
    let gap = "the size of public.bulk could not be read";
    for check in ["maintenance", "bloat", "seq_scans"] {
        tried.cannot_tell(&yaml, check, &[gap]).await?;
    }
    table(database, "second").await?;
    for check in ["maintenance", "bloat"] {
        tried.finds(&yaml, check, &[gap, "second"]).await?;
    }
    drop(locked);
    database.execute("DROP TABLE bulk, second").await
}

/// Rows without a time are in no window.
async fn rows(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    let untimed = "ALTER TABLE workflows ALTER updated_at DROP NOT NULL; ALTER TABLE audit_events ALTER timestamp DROP NOT NULL; \
                   INSERT INTO workflows (status, created_at) VALUES ('completed', now()); \
                   INSERT INTO audit_events (event_type, user_id) VALUES ('authentication_failed', 1), ('permission_denied', 1)";
    database.execute(untimed).await?;
    let yaml = database.yaml("checklist", "");
    let gaps = [
        ("workflows", "1 ended workflows have no end time"),
        ("auth_failures", "1 failed logins have no time"),
        ("permission_denied", "1 refusals have no time"),
    ];
    for (check, gap) in gaps {
        tried.cannot_tell(&yaml, check, &[gap]).await?;
    }
    let faults = "INSERT INTO workflows (status, created_at, updated_at) VALUES ('strange', now(), now()); \
                  INSERT INTO audit_events (timestamp, event_type, user_id) SELECT now(), 'permission_denied', 7 FROM generate_series(1, 30)";
    database.execute(faults).await?;
    tried.finds(&yaml, "workflows", &[gaps[0].1, "strange"]).await?;
    tried.finds(&yaml, "permission_denied", &[gaps[2].1, "30"]).await
}

/// Columns and tables that the role may not read, rows that are hidden from it, and tables that are locked.
async fn rights(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    let yaml = database.yaml("checklist", "");
    database.execute(&format!("CREATE ROLE weak LOGIN PASSWORD '{PASSWORD}'")).await?;
    tried.cannot_tell(&database.yaml("weak", ""), "database_size", &["GRANT pg_read_all_stats"]).await?;
    // One of the two tables of the retention rules is locked, or may not be read.
    let locked = lock(database, "workflows").await?;
    tried.cannot_tell(&yaml, "retention", &["reading public.workflows: ", "lock timeout"]).await?;
    let old = "INSERT INTO audit_events (timestamp, event_type) VALUES (now() - interval '200 days', 'request')";
    database.execute(old).await?;
    tried.finds(&yaml, "retention", &["reading public.workflows: ", "lock timeout", "audit_events"]).await?;
    drop(locked);
    database.execute("REVOKE SELECT (status) ON workflows FROM checklist").await?;
    tried.finds(&yaml, "retention", &["permission denied", "audit_events"]).await?;
    let columns = "REVOKE SELECT (last_login_at) ON users FROM checklist; REVOKE SELECT (last_used_at) ON api_keys FROM checklist; \
                   REVOKE SELECT (user_id) ON user_roles FROM checklist";
    database.execute(columns).await?;
    for check in ["users", "api_keys", "roles", "workflows"] {
        tried.cannot_tell(&yaml, check, &["permission denied"]).await?;
    }
    database
        .execute(
            "ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON audit_events USING (user_id = 1)",
        )
        .await?;
    for check in ["audit_log", "auth_failures", "permission_denied"] {
        tried.cannot_tell(&yaml, check, &["row security hides rows of public.audit_events"]).await?;
    }
    Ok(())
}

/// Rows without a value, beside one that is good or bad.
async fn queries(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    for (value, is_good) in [(2, true), (20, false)] {
        for (empty, gap) in [("NULL", "1 row without a value"), ("'NaN'::float8", "1 row with NaN")] {
            let sql = format!("SELECT * FROM (VALUES ('seen', {value}), ('hidden', {empty})) v (part, value)");
            let more = format!(
                "queries: [{{name: own, help: Own, query: {sql:?}, labels: [part], empty: bad, above: {{warning: 10}}}}]\n"
            );
            let yaml = database.yaml("checklist", &more);
            if is_good {
                tried.cannot_tell(&yaml, "own", &[gap]).await?;
            } else {
                tried.finds(&yaml, "own", &[gap, "seen"]).await?;
            }
        }
    }
    Ok(())
}

/// Whether an index is valid is known, and whether it is used is not.
async fn indexes(tried: &mut Tried, database: &Database) -> anyhow::Result<()> {
    database.execute("ALTER SYSTEM SET track_counts = off").await?;
    database.execute("SELECT pg_reload_conf()").await?;
    let client = database.postgres.client().await?;
    let is_off = "SELECT 1 WHERE current_setting('track_counts') = 'off'";
    eventually("the setting is loaded", || async { Ok(!client.query(is_off, &[]).await?.is_empty()) }).await?;
    let yaml = database.yaml("checklist", "");
    tried.cannot_tell(&yaml, "indexes", &["track_counts is off"]).await?;
    database
        .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'audit_events_by_time'::regclass")
        .await?;
    tried.finds(&yaml, "indexes", &["track_counts is off", "1"]).await
}
