//! The series of a database server and of the application's tables in a month without incidents.

use super::board::{Board, chance};
use super::clock::{DAY_SECONDS, at, sliding};
use super::shop::{DAY, Shop, daylight, hour, is_working_day, requests};
use checklist::signals::{
    api_keys, audit_log, auth_failures, connections, database_size, indexes, maintenance, permission_denied, retention,
    roles, seq_scans, slow_queries, users, workflows,
};

/// Writes the series of a database server's statistics.
pub fn server(board: &mut Board, shop: &Shop, name: &str) {
    let own = |check: &'static str| [("check", check), ("target", name)];
    let with = |check: &'static str, label: &'static str, value: &'static str| {
        [("check", check), ("target", name), (label, value)]
    };
    board.draw(connections::LIMIT.name, &own("connections"), |_| Some(97.0));
    for (state, night, day) in [("active", 1.0, 12.0), ("idle", 14.0, 20.0)] {
        let labels = [("check", "connections"), ("target", name), ("database", name), ("state", state)];
        board.draw(connections::CONNECTIONS.name, &labels, |minute| {
            Some((night + (day - night) * daylight(minute)).round())
        });
    }
    let oldest = with("connections", "state", "idle in transaction");
    board.draw(connections::OLDEST_TRANSACTION.name, &oldest, |minute| {
        (chance(shop.seed, name, minute) < 0.3).then(|| at(minute) - 20.0)
    });
    let of = |check: &'static str| [("check", check), ("target", name), ("database", name)];
    board.draw(database_size::BYTES.name, &of("database_size"), |minute| Some(2e10 + 2e4 * minute as f64));
    board.draw(maintenance::XID_AGE.name, &of("maintenance"), |minute| {
        Some(5e7 + 1.5e8 * (minute % (10 * DAY)) as f64 / (10 * DAY) as f64)
    });
    board.draw(maintenance::NEVER.name, &of("maintenance"), |_| Some(0.0));
    board.draw(slow_queries::TRACKED.name, &own("slow_queries"), |_| Some(1.0));
    // A nightly report takes three minutes; the longest query by day takes some seconds.
    board.draw(slow_queries::LONGEST.name, &of("slow_queries"), |minute| {
        let report = hour(minute) == 4 && minute % 60 < 3;
        let usual = chance(shop.seed, name, minute) < 0.5;
        (report || usual).then(|| if report { at(minute / 60 * 60) } else { at(minute) - 4.0 })
    });
    // Statement 1 runs several times for every request; statement 2 is the report, with one call a night (PostgreSQL
    // documentation, "pg_stat_statements").
    let statement =
        |id: &'static str| [("check", "slow_queries"), ("target", name), ("database", name), ("queryid", id)];
    let mut calls = 0.0;
    let totals: Vec<f64> = (0..shop.minutes)
        .map(|minute| {
            calls += 3.0 * requests(shop, minute);
            calls
        })
        .collect();
    board.draw(slow_queries::CALLS.name, &statement("1"), |minute| Some(totals[minute]));
    board.draw(slow_queries::SECONDS.name, &statement("1"), |minute| Some(0.004 * totals[minute]));
    let nights = |minute: usize| ((minute + 20 * 60 - 3) / DAY) as f64;
    board.draw(slow_queries::CALLS.name, &statement("2"), |minute| Some(nights(minute)));
    board.draw(slow_queries::SECONDS.name, &statement("2"), |minute| Some(180.0 * nights(minute)));
    // Old partitions are only read by the nightly dump, which copies every table (PostgreSQL documentation, "pg_dump").
    for partition in 0..shop.partitions {
        let table = format!("events_{partition:03}");
        let labels = |check: &'static str| {
            [("check", check), ("target", name), ("database", name), ("schema", "public"), ("table", &*table)]
                .map(|(a, b)| (a, b.to_owned()))
        };
        let dumps = |minute: usize| ((minute + 22 * 60) / DAY) as f64;
        let newest = partition == 0;
        board.put(seq_scans::SEQ_SCANS.name, &labels("seq_scans"), |minute| Some(100.0 + dumps(minute)));
        board.put(seq_scans::INDEX_SCANS.name, &labels("seq_scans"), |minute| {
            Some(if newest { totals[minute] } else { 5.0 })
        });
        board.put(seq_scans::BYTES.name, &labels("seq_scans"), |_| Some(4e8));
        // Dead rows grow until autovacuum removes them, at 20% of a table.
        if newest {
            board.put(maintenance::DEAD.name, &labels("maintenance"), |minute| {
                Some(1e6 * (0.01 + 0.16 * (minute % 3000) as f64 / 3000.0))
            });
            board.put(maintenance::ROWS.name, &labels("maintenance"), |_| Some(1e6));
            board.put(maintenance::LAST_ANALYZE.name, &labels("maintenance"), |minute| {
                Some(at(minute / DAY * DAY) - 5.0 * DAY_SECONDS)
            });
        }
    }
    // REINDEX CONCURRENTLY keeps an invalid index while it runs: 25 minutes a week (PostgreSQL documentation,
    // "REINDEX").
    board.draw(indexes::INVALID.name, &of("indexes"), |minute| {
        Some(f64::from(u8::from(minute % (7 * DAY) / 25 == 245)))
    });
    board.draw(indexes::UNUSED.name, &of("indexes"), |_| Some(1e6));
    board.draw(indexes::DUPLICATE.name, &of("indexes"), |_| Some(0.0));
}

/// Writes the series about the application's own tables.
pub fn tables(board: &mut Board, shop: &Shop, name: &str) {
    let own = |check: &'static str| [("check", check), ("target", name)];
    let windows = |check: &'static str, window: &'static str| [("check", check), ("target", name), ("window", window)];
    // About two failed logins an hour by day, because people mistype.
    let failures: Vec<f64> = (0..shop.minutes)
        .map(|minute| f64::from(u8::from(chance(shop.seed, "login", minute) < 0.03 * daylight(minute))))
        .collect();
    for (window, length) in [("1h", 60), ("24h", DAY), ("7d", 7 * DAY)] {
        let sums = sliding(&failures, length);
        board.draw(auth_failures::FAILURES.name, &windows("auth_failures", window), |minute| Some(sums[minute]));
    }
    board.draw(permission_denied::USERS.name, &own("permission_denied"), |_| Some(0.0));
    board.draw(permission_denied::WORST.name, &own("permission_denied"), |_| Some(3.0));
    // One request in forty writes an audit event, so that a small shop has none in some nights and on weekends.
    let mut last = at(0);
    let events: Vec<f64> = (0..shop.minutes)
        .map(|minute| {
            if requests(shop, minute) / 40.0 > chance(shop.seed, "audit", minute) {
                last = at(minute);
            }
            last
        })
        .collect();
    board.draw(audit_log::PRESENT.name, &own("audit_log"), |_| Some(1.0));
    board.draw(audit_log::LAST.name, &own("audit_log"), |minute| Some(events[minute]));
    // Workflows end on working days; a few stay open overnight.
    let ended: Vec<f64> = (0..shop.minutes)
        .map(|minute| {
            if is_working_day(minute) && (8..18).contains(&hour(minute)) {
                (chance(shop.seed, "flow", minute) * 1.3).floor()
            } else {
                0.0
            }
        })
        .collect();
    let failed: Vec<f64> = (0..shop.minutes)
        .map(|minute| if chance(shop.seed, "bad", minute) < 0.02 { ended[minute] } else { 0.0 })
        .collect();
    for (window, length) in [("1h", 60), ("6h", 360), ("24h", DAY)] {
        let (all, bad) = (sliding(&ended, length), sliding(&failed, length));
        board.draw(workflows::FINISHED.name, &windows("workflows", window), |minute| Some(all[minute]));
        board.draw(workflows::FAILED.name, &windows("workflows", window), |minute| Some(bad[minute]));
    }
    board.draw(workflows::OPEN.name, &own("workflows"), |_| Some(3.0));
    // New accounts get ordinary roles; the number of privileged ones stays the same.
    board.draw(roles::FINGERPRINT.name, &own("roles"), |_| Some(4_711.0));
    board.draw(roles::MEMBERS.name, &[("check", "roles"), ("target", name), ("role", "admin")], |_| Some(3.0));
    for (state, count) in [("active", 40.0), ("stale", 0.0), ("never_logged_in", 0.0)] {
        board.draw(users::ACCOUNTS.name, &[("check", "users"), ("target", name), ("state", state)], |_| Some(count));
    }
    for (state, count) in [("active", 9.0), ("stale", 0.0), ("never_used", 0.0)] {
        board.draw(api_keys::KEYS.name, &[("check", "api_keys"), ("target", name), ("state", state)], |_| Some(count));
    }
    // Old rows are deleted every four weeks, on a Monday.
    for (rule, kept) in [("audit_events", 90.0), ("workflows", 30.0)] {
        let labels = [("check", "retention"), ("target", name), ("rule", rule)];
        board.draw(retention::OVERDUE.name, &labels, |_| Some(10.0));
        board.draw(retention::OLDEST.name, &labels, |minute| {
            Some(at(minute / (28 * DAY) * 28 * DAY) - kept * DAY_SECONDS)
        });
    }
}
