//! `pg_*` of one server, as the default collectors of `postgres_exporter` 0.20 expose them: `database`, `stat_activity`
//! and `locks` of its older queries, `stat_database`, `stat_user_tables`, `stat_bgwriter`, `replication`, `postmaster`
//! and the settings that the rule sets read.

use super::page::{Page, is_one, one_if};
use crate::life::board::{Board, Labels, known};
use crate::life::clock::at;
use crate::life::shop::{DAY, Shop, hour};
use checklist::self_metrics::TARGET_REACHABLE;
use checklist::signals::{connections, database_size, maintenance, seq_scans, slow_queries};

/// The address of a database's exporter.
pub(super) fn instance(database: &str) -> String {
    format!("{database}.db:9187")
}

/// Connections that are kept for superusers, by default.
const RESERVED: f64 = 3.0;

/// Writes the series of one database server. While it cannot be reached, only `pg_up` and the error are there.
pub(super) fn write(board: &mut Board, shop: &Shop, probes: &Board, watched: &[bool], database: &str) {
    let reachable = probes.values(TARGET_REACHABLE.name, &[("kind", "postgres"), ("target", database)]);
    // Where nothing watches, the server is as it was.
    let up: Vec<bool> =
        (0..shop.minutes).map(|minute| known(reachable, minute).is_none() || is_one(reachable, minute)).collect();
    let instance = instance(database);
    let labels = [("namespace", "monitoring"), ("service", "postgres-exporter"), ("instance", instance.as_str())];
    let mut scrape = labels.map(|(name, value)| (name, value.to_owned())).to_vec();
    scrape.push(("job", "postgres-exporter".to_owned()));
    let mut page = Page { board, scrape: scrape.clone(), watched };
    page.put("pg_up", &[], |minute| Some(one_if(up[minute])));
    page.put("pg_exporter_last_scrape_error", &[], |minute| Some(one_if(!up[minute])));
    let both: Vec<bool> = (0..shop.minutes).map(|minute| watched[minute] && up[minute]).collect();
    let mut page = Page { board, scrape, watched: &both };
    server(&mut page, probes, &up, database);
    statistics(&mut page, shop, probes, database);
    tables(&mut page, probes, database);
}

fn server(page: &mut Page<'_>, probes: &Board, up: &[bool], database: &str) {
    let own = [("check", "connections"), ("target", database)];
    let limit = probes.values(connections::LIMIT.name, &own);
    page.put("pg_settings_max_connections", &[], |minute| Some(known(limit, minute)? + RESERVED));
    for (setting, value) in [
        ("superuser_reserved_connections", RESERVED),
        ("max_locks_per_transaction", 64.0),
        ("autovacuum_vacuum_threshold", 50.0),
        ("autovacuum_vacuum_scale_factor", 0.2),
        ("autovacuum_analyze_threshold", 50.0),
    ] {
        page.put(&format!("pg_settings_{setting}"), &[], |_| Some(value));
    }
    // A server that was down was started when it could be reached again.
    let mut started = Vec::with_capacity(up.len());
    let mut last = at(0) - 90.0 * 86_400.0;
    for minute in 0..up.len() {
        if minute > 0 && up[minute] && !up[minute - 1] {
            last = at(minute);
        }
        started.push(last);
    }
    page.put("pg_postmaster_start_time_seconds", &[], |minute| Some(started[minute]));
    page.put("pg_replication_is_replica", &[], |_| Some(0.0));
    page.put("pg_replication_lag_seconds", &[], |_| Some(0.0));
    let longest = [("check", "slow_queries"), ("target", database), ("database", database)];
    let longest = probes.values(slow_queries::LONGEST.name, &longest);
    let open = [("check", "connections"), ("target", database), ("state", "idle in transaction")];
    let open = probes.values(connections::OLDEST_TRANSACTION.name, &open);
    for state in ["active", "idle", "idle in transaction", "idle in transaction (aborted)", "disabled"] {
        let count = [own[0], own[1], ("database", database), ("state", state)];
        let count = probes.values(connections::CONNECTIONS.name, &count);
        let since = match state {
            "active" => longest,
            "idle in transaction" => open,
            _ => &[],
        };
        let labels = [
            ("datname", database),
            ("state", state),
            ("usename", ""),
            ("application_name", ""),
            ("backend_type", ""),
            ("wait_event", ""),
            ("wait_event_type", ""),
        ];
        page.put("pg_stat_activity_count", &labels, |minute| {
            let waits = state == "idle in transaction" && known(open, minute).is_some();
            Some(known(count, minute).unwrap_or(one_if(waits)))
        });
        page.put("pg_stat_activity_max_tx_duration", &labels, |minute| {
            Some(known(since, minute).map_or(0.0, |begin| at(minute) - begin))
        });
    }
}

/// Writes the statistics of the database. Every call of a statement is a transaction; every failed request of the
/// application rolls one back. Four more commits a minute are the exporter's own and those of the autovacuum worker,
/// which looks at each database once a minute (PostgreSQL documentation, "Routine Vacuuming").
fn statistics(page: &mut Page<'_>, shop: &Shop, probes: &Board, database: &str) {
    let statement = [("check", "slow_queries"), ("target", database), ("database", database), ("queryid", "1")];
    let calls = probes.values(slow_queries::CALLS.name, &statement);
    let failed: &[f64] = if shop.databases.first().is_some_and(|first| first == database) {
        probes.values("http_requests_total", &[("job", "shop"), ("status", "500")])
    } else {
        &[]
    };
    let of = [("datid", "16384"), ("datname", database)];
    let commits = |minute: usize| Some(known(calls, minute)? + 4.0 * minute as f64);
    page.put("pg_stat_database_xact_commit", &of, commits);
    page.put("pg_stat_database_xact_rollback", &of, |minute| Some(known(failed, minute).unwrap_or(0.0)));
    page.put("pg_stat_database_deadlocks", &of, |_| Some(0.0));
    // The nightly dump reads every table from disk within half an hour (PostgreSQL documentation, "pg_dump"); what is
    // asked for otherwise is in memory, but for five blocks in a thousand.
    let dumped = |minute: usize| (minute / DAY * 30 + (minute % DAY).saturating_sub(120).min(30)) as f64 * 80_000.0;
    let read = |minute: usize| Some(0.5 * commits(minute)? + dumped(minute));
    page.put("pg_stat_database_blks_hit", &of, |minute| Some(99.5 * commits(minute)?));
    page.put("pg_stat_database_blks_read", &of, read);
    let size = [("check", "database_size"), ("target", database), ("database", database)];
    let size = probes.values(database_size::BYTES.name, &size);
    page.put("pg_database_size_bytes", &of[1..], |minute| known(size, minute));
    // The dump locks every table for as long as it takes.
    let locked = |minute: usize| if hour(minute) == 2 && minute % 60 < 30 { 2.0 * shop.partitions as f64 } else { 0.0 };
    for (mode, usual) in [("accesssharelock", 6.0), ("rowexclusivelock", 2.0), ("exclusivelock", 0.0)] {
        page.put("pg_locks_count", &[("datname", database), ("mode", mode)], |minute| {
            Some(usual + if mode == "accesssharelock" { locked(minute) } else { 0.0 })
        });
    }
    // A checkpoint every five minutes, which is the default; the load asks for none.
    page.put("pg_stat_bgwriter_checkpoints_timed_total", &[], |minute| Some((minute / 5) as f64));
    page.put("pg_stat_bgwriter_checkpoints_req_total", &[], |_| Some(1.0));
}

fn tables(page: &mut Page<'_>, probes: &Board, database: &str) {
    let own = |labels: &Labels, name: &str| labels.get(name).cloned().unwrap_or_default();
    for (labels, scans) in probes.named(seq_scans::SEQ_SCANS.name) {
        if own(labels, "target") != database {
            continue;
        }
        let table = own(labels, "table");
        let of = [("datname", database), ("schemaname", "public"), ("relname", table.as_str())];
        let of_table = |check: &'static str, metric: &str| {
            let pairs = [("check", check), ("target", database), ("database", database), ("schema", "public")];
            let pairs = [pairs[0], pairs[1], pairs[2], pairs[3], ("table", table.as_str())];
            probes.values(metric, &pairs)
        };
        let (index, bytes) =
            (of_table("seq_scans", seq_scans::INDEX_SCANS.name), of_table("seq_scans", seq_scans::BYTES.name));
        let (dead, live) =
            (of_table("maintenance", maintenance::DEAD.name), of_table("maintenance", maintenance::ROWS.name));
        page.put("pg_stat_user_tables_seq_scan", &of, |minute| known(scans, minute));
        page.put("pg_stat_user_tables_idx_scan", &of, |minute| known(index, minute));
        page.put("pg_stat_user_tables_table_size_bytes", &of, |minute| known(bytes, minute));
        page.put("pg_stat_user_tables_n_dead_tup", &of, |minute| {
            known(scans, minute).map(|_| known(dead, minute).unwrap_or(0.0))
        });
        page.put("pg_stat_user_tables_n_live_tup", &of, |minute| {
            known(scans, minute).map(|_| known(live, minute).unwrap_or(1e6))
        });
        // Only the newest partition changes: autovacuum takes it every fifty hours, when a fifth of it is dead. Zero
        // means never, as the exporter has it.
        let changes = !dead.is_empty();
        page.put("pg_stat_user_tables_n_tup_upd", &of, |minute| {
            known(scans, minute).map(|_| if changes { 60.0 * minute as f64 } else { 0.0 })
        });
        for name in ["n_tup_del", "n_tup_hot_upd"] {
            page.put(&format!("pg_stat_user_tables_{name}"), &of, |minute| known(scans, minute).map(|_| 0.0));
        }
        for name in ["last_autovacuum", "last_autoanalyze"] {
            page.put(&format!("pg_stat_user_tables_{name}"), &of, |minute| {
                known(scans, minute).map(|_| if changes { at(minute / 3_000 * 3_000) } else { 0.0 })
            });
        }
    }
}
