//! A month in which nothing is wrong: what the probes would expose of it. Each behaviour names where it comes from.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a week in minutes")]

use super::board::{Board, chance};
use super::shop::{App, DAY, Kind, Shop, daylight, hour, is_weekday};
use checklist::Config;
use checklist::self_metrics::{
    BUILD_INFO, CHECK_INFO, CONFIG_SUCCESSFUL, INTERVAL, LAST_SUCCESS, PROBE_SUCCESS, SHARD, SHARDS, TARGET_REACHABLE,
};
use checklist::signals::{
    advisories, alert_path, alerts, api_keys, audit_log, auth_failures, backup, certificates, connections, dashboards,
    database_size, disk, health, hpa, images, indexes, maintenance, r#override, permission_denied, pods, pvc, restarts,
    restore, retention, roles, rules, seq_scans, slow_queries, tasks, users, utilization, workflows,
};

const HOUR: f64 = 3_600.0;
const DAY_SECONDS: f64 = 86_400.0;

/// Where the clock of the model begins: Monday, 2 March 2026, midnight, Unix seconds.
pub const BEGIN: i64 = 1_772_409_600;

/// Unix seconds of a minute.
pub fn at(minute: usize) -> f64 {
    BEGIN as f64 + minute as f64 * 60.0
}

/// The month of a shop.
pub fn month(shop: &Shop, config: &Config) -> Board {
    let mut board = Board::new(shop.minutes);
    exporter(&mut board, config);
    for app in &shop.apps {
        workload(&mut board, shop, app);
    }
    cluster(&mut board, shop);
    application(&mut board, shop);
    for (n, database) in shop.databases.iter().enumerate() {
        server(&mut board, shop, database);
        if n == 0 {
            tables(&mut board, shop, database);
        }
    }
    for (n, endpoint) in shop.certificates.iter().enumerate() {
        certificate(&mut board, endpoint, n);
    }
    paperwork(&mut board);
    board
}

/// The self-metrics of every check: it is made, and its target answers.
fn exporter(board: &mut Board, config: &Config) {
    for (metric, value) in [(&BUILD_INFO, 1.0), (&CONFIG_SUCCESSFUL, 1.0), (&SHARD, 0.0), (&SHARDS, 1.0)] {
        board.draw(metric.name, &[], |_| Some(value));
    }
    for check in config.checks() {
        let own = [("check", check.signal.id), ("target", check.target.as_str())];
        let interval = check.interval.as_secs_f64();
        board.draw(PROBE_SUCCESS.name, &own, |_| Some(1.0));
        board.draw(INTERVAL.name, &own, |_| Some(interval));
        board.draw(LAST_SUCCESS.name, &own, |minute| Some((at(minute) / interval).floor() * interval));
        let facts = [
            ("check", check.signal.id),
            ("target", check.target.as_str()),
            ("cadence", check.signal.cadence.as_str()),
            ("section", check.signal.section),
            ("severity", check.signal.worst().as_str()),
        ];
        board.draw(CHECK_INFO.name, &facts, |_| Some(1.0));
        if let Some(kind) = check.signal.kind.reaches() {
            board.draw(TARGET_REACHABLE.name, &[("kind", kind), ("target", &check.target)], |_| Some(1.0));
        }
    }
}

/// Pods that an app wants at a minute. Source: Kubernetes documentation, "Horizontal Pod Autoscaling" (by day and
/// night), and KEDA's, "Scaling to zero".
pub fn wanted(shop: &Shop, app: &App, minute: usize) -> usize {
    let (night, day) = app.replicas;
    if app.idle || app.sleeps && !(7..20).contains(&hour(minute)) {
        return 0;
    }
    if night == day {
        return day;
    }
    let noise = chance(shop.seed, &app.workload, minute / 30);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful of pods")]
    let more = (daylight(minute) * (day - night) as f64 * (0.75 + 0.25 * noise)).round() as usize;
    night + more
}

/// Whether a rollout of the app is under way, and since how many minutes. Source: Kubernetes documentation, "Rolling
/// update": pods are replaced one by one, each is started before the one that it replaces is ended.
pub fn rollout(shop: &Shop, app: &App, minute: usize) -> Option<usize> {
    let every = 7 * DAY / shop.deployments.max(1);
    let shift = (chance(shop.seed, &format!("deploy {} {}", app.namespace, app.workload), 0) * every as f64) as usize;
    let since = (minute + shift) % every;
    let by_day = (8..18).contains(&hour(minute.saturating_sub(since))) && is_weekday(minute);
    (since < 8 && by_day && !app.idle).then_some(since)
}

/// Minutes since the app was last released, for memory that warms up.
fn since_release(shop: &Shop, app: &App, minute: usize) -> usize {
    (0..7 * DAY).step_by(10).find(|ago| rollout(shop, app, minute.saturating_sub(*ago)).is_some()).unwrap_or(7 * DAY)
}

fn workload(board: &mut Board, shop: &Shop, app: &App) {
    let App { namespace, workload, .. } = app;
    let pods_check = [("check", "pods"), ("target", "production"), ("namespace", namespace)];
    let of = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
        pods_check.iter().chain(more).map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let borrow = |all: &[(String, String)]| -> Vec<(&'static str, String)> {
        all.iter().map(|(name, value)| (name_of(name), value.clone())).collect()
    };
    let labelled = |more: &[(&'static str, &str)]| borrow(&of(more));
    let want = |minute: usize| wanted(shop, app, minute) as f64;
    // A node that is taken away takes one pod of three with it for two minutes (cloud providers' manuals of spot
    // instances: notice of two minutes).
    let node_leaves =
        |minute: usize| shop.kind != Kind::Small && chance(shop.seed, "node", minute / 480) < 0.5 && minute % 480 < 2;
    let ready = |minute: usize| {
        let less = if rollout(shop, app, minute).is_some_and(|since| since % 3 == 1) || node_leaves(minute) {
            1.0
        } else {
            0.0
        };
        let want = want(minute);
        if want > 1.0 { want - less } else { want }
    };
    let own = labelled(&[("kind", "Deployment"), ("workload", workload)]);
    put(board, pods::DESIRED.name, &own, |minute| Some(want(minute)));
    put(board, pods::READY.name, &own, |minute| Some(ready(minute)));
    let running = labelled(&[("workload", workload), ("phase", "Running")]);
    put(board, pods::PODS.name, &running, |minute| Some(want(minute)));
    let service = labelled(&[("service", workload)]);
    put(board, pods::ENDPOINTS.name, &service, |minute| Some(ready(minute)));
    put(board, pods::ALL_ENDPOINTS.name, &service, |minute| Some(want(minute)));
    // The pod of a rollout that is being started: three minutes, of which the image takes one.
    let starting = labelled(&[("pod", &format!("{workload}-new")), ("reason", "ContainerCreating")]);
    put(board, pods::NOT_READY.name, &starting, |minute| rollout(shop, app, minute).map(|_| 1.0));
    let restarts_of = [
        ("check", "restarts"),
        ("target", "production"),
        ("namespace", namespace.as_str()),
        ("workload", workload.as_str()),
        ("pod", &format!("{workload}-1")),
        ("container", workload.as_str()),
    ];
    board.draw(restarts::RESTARTS.name, &restarts_of, |_| Some(0.0));
    let usage = |check: &'static str| {
        [("check", check), ("target", "production"), ("namespace", namespace.as_str()), ("workload", workload.as_str())]
    };
    // Memory warms up for a day after each release and stays (measured course of a JVM's and a page cache's working
    // set); the limits follow the pods.
    let warm: Vec<f64> = (0..=(shop.minutes / 10))
        .map(|ten| {
            let hours = since_release(shop, app, ten * 10) as f64 / 60.0;
            0.45 + 0.27 * (1.0 - (-hours / 8.0).exp())
        })
        .collect();
    board.draw(utilization::POD_MEMORY.name, &usage("utilization"), |minute| {
        Some(want(minute) * 1e9 * warm[minute / 10])
    });
    board.draw(utilization::POD_MEMORY_LIMIT.name, &usage("utilization"), |minute| {
        (want(minute) > 0.0).then(|| want(minute) * 1e9)
    });
    board.draw(utilization::POD_CPU.name, &usage("utilization"), |minute| {
        Some(want(minute) * (0.1 + 0.6 * daylight(minute)))
    });
    if app.replicas.0 != app.replicas.1 && !app.sleeps {
        let own =
            [("check", "hpa"), ("target", "production"), ("namespace", namespace.as_str()), ("hpa", workload.as_str())];
        let most = app.replicas.1 as f64;
        board.draw(hpa::AT_MAX.name, &own, |minute| Some(f64::from(u8::from(want(minute) >= most))));
        board.draw(hpa::ABLE.name, &own, |_| Some(1.0));
        board.draw(hpa::LIMITED.name, &own, |_| Some(0.0));
    }
}

/// A label name of the model.
fn name_of(name: &str) -> &'static str {
    ["check", "target", "namespace", "kind", "workload", "phase", "service", "pod", "reason"]
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("other")
}

fn put(board: &mut Board, name: &str, own: &[(&'static str, String)], value: impl Fn(usize) -> Option<f64>) {
    let pairs: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    board.draw(name, &pairs, value);
}

fn cluster(board: &mut Board, shop: &Shop) {
    for n in 1..=3 {
        let node = format!("node-{n}");
        let own = [("check", "utilization"), ("target", "production"), ("node", node.as_str())];
        // Nightly batch jobs take the CPU that nobody else needs for forty minutes.
        let batch = |minute: usize| hour(minute) == 1 && minute % 60 < 40;
        board.draw(utilization::NODE_CPU.name, &own, |minute| {
            Some(if batch(minute) { 3.9 } else { 0.5 + 2.0 * daylight(minute) })
        });
        board.draw(utilization::NODE_CPU_ALLOCATABLE.name, &own, |_| Some(4.0));
        board.draw(utilization::NODE_MEMORY.name, &own, |minute| Some(8e9 + 2e9 * daylight(minute)));
        board.draw(utilization::NODE_MEMORY_ALLOCATABLE.name, &own, |_| Some(16e9));
    }
    for namespace in shop.namespaces() {
        let own = |check: &'static str| {
            [("check", check), ("target", "production"), ("namespace", namespace), ("persistentvolumeclaim", "data")]
        };
        // The nightly dump lies on the volume for an hour, and a tenth of a per cent stays each day.
        let used = |minute: usize| {
            let grown = 0.001 * (minute / DAY) as f64;
            let dump = if hour(minute) == 2 { 0.06 * (minute % 60) as f64 / 60.0 } else { 0.0 };
            1e11 * (0.52 + grown + dump)
        };
        board.draw(disk::USED.name, &own("disk"), |minute| Some(used(minute)));
        board.draw(disk::CAPACITY.name, &own("disk"), |_| Some(1e11));
        board.draw(disk::INODES_USED.name, &own("disk"), |_| Some(1e5));
        board.draw(disk::INODES.name, &own("disk"), |_| Some(6e6));
        board.draw(pvc::BOUND.name, &own("pvc"), |_| Some(1.0));
        board.draw(pvc::REQUESTED.name, &own("pvc"), |_| Some(1e11));
    }
    let daily = [("check", "backup"), ("target", "daily"), ("backup", "daily")];
    // Written at half past two and some minutes; two per cent larger or smaller than the day before.
    let last = |minute: usize| {
        let day = (minute / DAY).saturating_sub(usize::from(minute % DAY < 150));
        (day, at(day * DAY) + 150.0 * 60.0)
    };
    board.draw(backup::PRESENT.name, &daily, |_| Some(1.0));
    board.draw(backup::LAST.name, &daily, |minute| Some(last(minute).1));
    board.draw(backup::BYTES.name, &daily, |minute| {
        Some(1e9 * (1.0 + 0.04 * chance(shop.seed, "dump", last(minute).0)))
    });
    board.draw(backup::OBJECTS.name, &daily, |_| Some(30.0));
    board.draw(backup::HEADER_VALID.name, &daily, |_| Some(1.0));
    board.draw(backup::EXPECTED_INTERVAL.name, &daily, |_| Some(DAY_SECONDS));
    let restored = [("check", "restore"), ("target", "daily"), ("backup", "daily")];
    board.draw(restore::RECORDED.name, &restored, |_| Some(1.0));
    board.draw(restore::PASSED.name, &restored, |_| Some(1.0));
    board.draw(restore::CONCLUSIVE.name, &restored, |_| Some(1.0));
    board.draw(restore::LAST.name, &restored, |minute| Some(at(minute / (28 * DAY) * 28 * DAY) - 3.0 * DAY_SECONDS));
}

/// Requests of a minute. Weekends have a third; the last two days of the model's fourth week are a month end with ten
/// times the load in the large shop.
pub fn requests(shop: &Shop, minute: usize) -> f64 {
    let (day, night) = shop.requests;
    let mut mean = night + (day - night) * daylight(minute) * if is_weekday(minute) { 1.0 } else { 0.35 };
    if shop.kind == Kind::Large && minute / DAY == 12 && (9..18).contains(&hour(minute)) {
        mean *= 10.0;
    }
    // A request is whole: of few of them a minute has none or one.
    (mean * (0.9 + 0.2 * chance(shop.seed, "noise", minute)) + chance(shop.seed, "part", minute)).floor()
}

/// The application's counters of a month, from the share of requests that fail and that are slow in each minute.
pub fn traffic(board: &mut Board, shop: &Shop, failing: &dyn Fn(usize) -> f64, slow: &dyn Fn(usize) -> f64) {
    const BOUNDS: [(&str, f64); 6] =
        [("0.1", 0.90), ("0.5", 0.985), ("1", 0.996), ("2", 0.9985), ("5", 0.9997), ("+Inf", 1.0)];
    let mut totals = (0.0, 0.0);
    let mut counts = Vec::with_capacity(shop.minutes);
    let mut buckets: Vec<Vec<f64>> = vec![Vec::with_capacity(shop.minutes); BOUNDS.len()];
    let mut sums = [0.0; BOUNDS.len()];
    for minute in 0..shop.minutes {
        let all = requests(shop, minute);
        // Now and then a single request fails, also at night.
        let failed = (all * failing(minute) + chance(shop.seed, "error", minute)).floor().min(all);
        totals.0 += all - failed;
        totals.1 += failed;
        counts.push(totals);
        let slow = slow(minute);
        for (n, (_, share)) in BOUNDS.iter().enumerate() {
            let fast = if n < 4 { share * (1.0 - slow) } else { *share };
            sums[n] += (all * fast + chance(shop.seed, "bucket", minute)).floor().min(all);
            buckets[n].push(sums[n]);
        }
    }
    for (status, of) in [("200", 0), ("500", 1)] {
        let value = |minute: usize| if of == 0 { counts[minute].0 } else { counts[minute].1 };
        board.draw("http_requests_total", &[("job", "shop"), ("status", status)], |minute| Some(value(minute)));
    }
    for (n, (bound, _)) in BOUNDS.iter().enumerate() {
        board.draw("http_request_duration_seconds_bucket", &[("job", "shop"), ("le", bound)], |minute| {
            Some(buckets[n][minute])
        });
    }
}

/// The share of requests that fail on any day: one in a thousand; in a small shop one in a hundred at night is one.
pub fn usual_failures(_: usize) -> f64 {
    0.0005
}

fn application(board: &mut Board, shop: &Shop) {
    traffic(board, shop, &usual_failures, &|_| 0.0);
    let page = [("check", "health"), ("target", "shop")];
    board.draw(health::STATUS.name, &page, |_| Some(200.0));
    board.draw(health::DURATION.name, &page, |minute| Some(0.02 + 0.05 * chance(shop.seed, "page", minute)));
    for field in ["status_code", "body", "status", "database"] {
        board.draw(health::FIELD_OK.name, &[page[0], page[1], ("field", field)], |_| Some(1.0));
    }
    // Each release has a version of its own; for the minutes of a rollout either may answer.
    let web = &shop.apps[0];
    let mut version = 0;
    let mut versions: Vec<(usize, bool)> = Vec::with_capacity(shop.minutes);
    for minute in 0..shop.minutes {
        let rolling = rollout(shop, web, minute);
        version += usize::from(rolling == Some(0));
        versions.push((version, rolling.is_some()));
    }
    for one in 0..=version {
        let name = format!("1.{one}");
        board.draw(health::VERSION.name, &[page[0], page[1], ("version", &name)], |minute| {
            let (version, rolling) = versions[minute];
            let old = rolling && chance(shop.seed, "replica", minute) < 0.5;
            (one + usize::from(old) == version).then_some(1.0)
        });
    }
}

/// A database server as its statistics views show it.
fn server(board: &mut Board, shop: &Shop, name: &str) {
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
    // A report of three minutes every night, and the longest of the day's queries of some seconds.
    board.draw(slow_queries::LONGEST.name, &of("slow_queries"), |minute| {
        let report = hour(minute) == 4 && minute % 60 < 3;
        let usual = chance(shop.seed, name, minute) < 0.5;
        (report || usual).then(|| if report { at(minute / 60 * 60) } else { at(minute) - 4.0 })
    });
    // By pg_stat_statements: what every page asks for, and the report with its one call a night (PostgreSQL
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
    // Old partitions are read by the nightly dump alone (PostgreSQL documentation, "pg_dump": it copies every table).
    for partition in 0..shop.partitions {
        let table = format!("events_{partition:03}");
        let labels = |check: &'static str| {
            [("check", check), ("target", name), ("database", name), ("schema", "public"), ("table", &*table)]
                .map(|(a, b)| (a, b.to_owned()))
        };
        let dumps = |minute: usize| ((minute + 22 * 60) / DAY) as f64;
        let busy = partition == 0;
        put(board, seq_scans::SEQ_SCANS.name, &labels("seq_scans"), |minute| Some(100.0 + dumps(minute)));
        put(board, seq_scans::INDEX_SCANS.name, &labels("seq_scans"), |minute| {
            Some(if busy { totals[minute] } else { 5.0 })
        });
        put(board, seq_scans::BYTES.name, &labels("seq_scans"), |_| Some(4e8));
        // Dead rows grow until autovacuum comes at 20% of a small table, and earlier on large ones.
        if busy {
            put(board, maintenance::DEAD.name, &labels("maintenance"), |minute| {
                Some(1e6 * (0.01 + 0.16 * (minute % 3000) as f64 / 3000.0))
            });
            put(board, maintenance::ROWS.name, &labels("maintenance"), |_| Some(1e6));
            put(board, maintenance::LAST_ANALYZE.name, &labels("maintenance"), |minute| {
                Some(at(minute / DAY * DAY) - 5.0 * DAY_SECONDS)
            });
        }
    }
    // REINDEX CONCURRENTLY has an invalid index while it works, twenty-five minutes a week (PostgreSQL documentation).
    board.draw(indexes::INVALID.name, &of("indexes"), |minute| {
        Some(f64::from(u8::from(minute % (7 * DAY) / 25 == 245)))
    });
    board.draw(indexes::UNUSED.name, &of("indexes"), |_| Some(1e6));
    board.draw(indexes::DUPLICATE.name, &of("indexes"), |_| Some(0.0));
}

/// The application's own tables.
fn tables(board: &mut Board, shop: &Shop, name: &str) {
    let own = |check: &'static str| [("check", check), ("target", name)];
    let windows = |check: &'static str, window: &'static str| [("check", check), ("target", name), ("window", window)];
    // People mistype: two an hour by day.
    let failures: Vec<f64> = (0..shop.minutes)
        .map(|minute| f64::from(u8::from(chance(shop.seed, "login", minute) < 0.03 * daylight(minute))))
        .collect();
    for (window, length) in [("1h", 60), ("24h", DAY), ("7d", 7 * DAY)] {
        let sums = sliding(&failures, length);
        board.draw(auth_failures::FAILURES.name, &windows("auth_failures", window), |minute| Some(sums[minute]));
    }
    board.draw(permission_denied::USERS.name, &own("permission_denied"), |_| Some(0.0));
    board.draw(permission_denied::WORST.name, &own("permission_denied"), |_| Some(3.0));
    // Whoever does something leaves a trace: one request in forty, so that nights and weekends of a small shop have none.
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
    // Workflows end by day; a few wait for people overnight.
    let ended: Vec<f64> = (0..shop.minutes)
        .map(|minute| {
            if is_weekday(minute) && (8..18).contains(&hour(minute)) {
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
    // Sign-ups give ordinary roles; who may do much stays the same.
    board.draw(roles::FINGERPRINT.name, &own("roles"), |_| Some(4_711.0));
    board.draw(roles::MEMBERS.name, &[("check", "roles"), ("target", name), ("role", "admin")], |_| Some(3.0));
    for (state, count) in [("active", 40.0), ("stale", 0.0), ("never_logged_in", 0.0)] {
        board.draw(users::ACCOUNTS.name, &[("check", "users"), ("target", name), ("state", state)], |_| Some(count));
    }
    for (state, count) in [("active", 9.0), ("stale", 0.0), ("never_used", 0.0)] {
        board.draw(api_keys::KEYS.name, &[("check", "api_keys"), ("target", name), ("state", state)], |_| Some(count));
    }
    // Cleaned on the first Monday of the month.
    for (rule, kept) in [("audit_events", 90.0), ("workflows", 30.0)] {
        let labels = [("check", "retention"), ("target", name), ("rule", rule)];
        board.draw(retention::OVERDUE.name, &labels, |_| Some(10.0));
        board.draw(retention::OLDEST.name, &labels, |minute| {
            Some(at(minute / (28 * DAY) * 28 * DAY) - kept * DAY_SECONDS)
        });
    }
}

/// The sum of the last minutes, at every minute.
pub fn sliding(values: &[f64], length: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |minute: usize| {
        sum += values[minute] - minute.checked_sub(length).map_or(0.0, |old| values[old]);
        sum
    };
    (0..values.len()).map(add).collect()
}

/// Valid for ninety days and renewed when thirty are left, at the next of two attempts a day (certbot's manual).
fn certificate(board: &mut Board, endpoint: &str, number: usize) {
    let own = [
        ("check", "certificates"),
        ("target", endpoint),
        ("source", "endpoint"),
        ("subject_cn", endpoint),
        ("issuer_cn", "R11"),
        ("position", "leaf"),
    ];
    let period = 60 * DAY;
    // The first is renewed in the second week that is judged, and eleven hours late.
    let shift = (60 - 17 + number * 7 % 40) * DAY - 660;
    let begin = |minute: usize| at(0) + (((minute + shift) / period * period) as f64 - shift as f64) * 60.0;
    board.draw(certificates::NOT_BEFORE.name, &own, |minute| Some(begin(minute)));
    board.draw(certificates::NOT_AFTER.name, &own, |minute| Some(begin(minute) + 90.0 * DAY_SECONDS));
    board.draw(certificates::VERIFIED.name, &own[..2], |_| Some(1.0));
}

fn paperwork(board: &mut Board) {
    let main = |check: &'static str| [("check", check), ("target", "main")];
    board.draw(rules::DEPLOYED.name, &[("check", "rules"), ("target", "main"), ("rule_set", "checklist-pods")], |_| {
        Some(1.0)
    });
    board.draw(rules::MATCH.name, &main("rules"), |_| Some(1.0));
    board.draw(rules::FAILING.name, &main("rules"), |_| Some(0.0));
    board.draw(dashboards::MISSING.name, &[("check", "dashboards"), ("target", "main"), ("metric", "up")], |_| {
        Some(0.0)
    });
    board.draw(
        alerts::ALERTS.name,
        &[("check", "alerts"), ("target", "main"), ("level", "critical"), ("state", "active")],
        |_| Some(0.0),
    );
    board.draw(alerts::SILENCES.name, &[("check", "alerts"), ("target", "main"), ("state", "active")], |_| Some(0.0));
    for level in ["critical", "warning"] {
        let own = [("check", "alert_path"), ("target", "main"), ("level", level)];
        board.draw(alert_path::RECORDED.name, &own, |_| Some(1.0));
        board.draw(alert_path::PASSED.name, &own, |_| Some(1.0));
        board.draw(alert_path::LAST.name, &own, |minute| Some(at(minute / (28 * DAY) * 28 * DAY) - DAY_SECONDS));
    }
    // Base images have vulnerabilities that nobody has mended yet (Trivy's reports of any Debian image).
    for level in ["critical", "high", "medium", "low", "unknown"] {
        let own = [("check", "images"), ("target", "images"), ("image", "shop/web"), ("level", level)];
        board.draw(images::VULNERABILITIES.name, &own, |_| Some(0.0));
        board.draw(images::UNFIXABLE.name, &own, |_| Some(2.0));
    }
    let scan = [("check", "images"), ("target", "images"), ("image", "shop/web")];
    board.draw(images::WRITTEN.name, &scan, |minute| Some(at(minute / (7 * DAY) * 7 * DAY)));
    let _ = &advisories::ADVISORIES;
    for (task, cycle, days) in [("capacity_sheet", "weekly", 7_usize), ("audit_review", "monthly", 28)] {
        let own = [("check", "tasks"), ("target", "people"), ("task", task), ("cycle", cycle)];
        let next = move |minute: usize| at((minute / (days * DAY) + 1) * days * DAY) + 10.0 * HOUR;
        board.draw(tasks::DUE.name, &own, move |minute| Some(next(minute)));
        board.draw(tasks::OVERDUE.name, &own, move |minute| Some(next(minute) + 3.0 * DAY_SECONDS));
    }
    board.draw(tasks::REJECTED.name, &[("check", "tasks"), ("target", "people")], |_| Some(0.0));
    board.draw(r#override::ACTIVE.name, &[("check", "override"), ("target", "people")], |_| Some(0.0));
}
