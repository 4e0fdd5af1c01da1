//! A month without incidents: the series that the probes would expose. Comments name the source of each behaviour.

use super::board::{Board, chance};
use super::book::blind;
use super::clock::{DAY_SECONDS, HOUR, at};
use super::database::{server, tables};
use super::shop::{App, DAY, Kind, Shop, daylight, hour, node_leaves, requests, rollout};
use checklist::Config;
use checklist::self_metrics::{
    BUILD_INFO, CHECK_INFO, CONFIG_SUCCESSFUL, INTERVAL, LAST_SUCCESS, PROBE_SUCCESS, SHARD, SHARDS, TARGET_REACHABLE,
};
use checklist::signals::{
    advisories, alert_path, alerts, backup, certificates, dashboards, disk, health, hpa, images, r#override, pods, pvc,
    restarts, restore, rules, tasks, utilization,
};

/// Simulates the month of a shop.
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
    if shop.kind == Kind::HighTraffic {
        switchovers(&mut board, shop);
    }
    drains(&mut board, shop);
    board
}

/// Nodes are drained for updates, at other hours each week: the exporter is away for three minutes, and Alertmanager
/// does not answer for three (Kubernetes documentation, "Safely Drain a Node").
fn drains(board: &mut Board, shop: &Shop) {
    for week in 0..(shop.minutes - shop.from()) / (7 * DAY) {
        let day = shop.from() + week * 7 * DAY;
        let exporter = day + 22 * 60 + 20 + 30 * week;
        board.change(exporter..exporter + 3, |name, _| name.starts_with("checklist_"), |_, _| f64::NAN);
        let alertmanager = day + DAY + 21 * 60 + 30 * week;
        blind(board, &(alertmanager..alertmanager + 3), "alertmanager", "main");
    }
}

/// Another instance becomes primary of the second database, twice in the month and for less than a minute: a spot node
/// leaves, and the operator updates the instances (`CloudNativePG` documentation, "Automated failover", "Rolling
/// updates").
fn switchovers(board: &mut Board, shop: &Shop) {
    for (day, of_day) in [(5, 22 * 60 + 41), (19, 15 * 60 + 12)] {
        let minute = shop.from() + day * DAY + of_day;
        blind(board, &(minute..minute + 1), "postgres", &shop.databases[1]);
    }
}

/// Writes the metrics about every check: all run and reach their targets.
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

/// Returns the desired number of pods of an app at a minute. Sources: Kubernetes documentation, "Horizontal Pod
/// Autoscaling" (day and night), and KEDA's, "Scaling to zero".
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

/// Returns for every ten minutes the minutes since the last release of an app, at most a week. Memory usage depends on
/// it.
fn since_release(rollouts: &[Option<usize>]) -> Vec<usize> {
    let mut since = 7 * DAY;
    let mut next = |rollout: &Option<usize>| {
        since = if rollout.is_some() { 0 } else { (since + 10).min(7 * DAY) };
        since
    };
    rollouts.iter().step_by(10).map(&mut next).collect()
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
    let wants: Vec<f64> = (0..shop.minutes).map(|minute| wanted(shop, app, minute) as f64).collect();
    let want = |minute: usize| wants[minute];
    let rollouts: Vec<Option<usize>> = (0..shop.minutes).map(|minute| rollout(shop, app, minute)).collect();
    let ready = |minute: usize| {
        let less =
            if rollouts[minute].is_some_and(|since| since % 3 == 1) || node_leaves(shop, minute) { 1.0 } else { 0.0 };
        let want = want(minute);
        if want > 1.0 { want - less } else { want }
    };
    let own = labelled(&[("kind", "Deployment"), ("workload", workload)]);
    board.put(pods::DESIRED.name, &own, |minute| Some(want(minute)));
    board.put(pods::READY.name, &own, |minute| Some(ready(minute)));
    let running = labelled(&[("workload", workload), ("phase", "Running")]);
    board.put(pods::PODS.name, &running, |minute| Some(want(minute)));
    let service = labelled(&[("service", workload)]);
    board.put(pods::ENDPOINTS.name, &service, |minute| Some(ready(minute)));
    board.put(pods::ALL_ENDPOINTS.name, &service, |minute| Some(want(minute)));
    // A rollout's new pod that is starting.
    let starting = labelled(&[("pod", &format!("{workload}-new")), ("reason", "ContainerCreating")]);
    board.put(pods::NOT_READY.name, &starting, |minute| rollouts[minute].map(|_| 1.0));
    // Of the pods the first two have incidents.
    for pod in [format!("{workload}-1"), format!("{workload}-2")] {
        let restarts_of = [
            ("check", "restarts"),
            ("target", "production"),
            ("namespace", namespace.as_str()),
            ("workload", workload.as_str()),
            ("pod", pod.as_str()),
            ("container", workload.as_str()),
        ];
        board.draw(restarts::RESTARTS.name, &restarts_of, |_| Some(0.0));
    }
    let usage = |check: &'static str| {
        [("check", check), ("target", "production"), ("namespace", namespace.as_str()), ("workload", workload.as_str())]
    };
    // After each release memory usage grows for a day and then stays, as the working set of a JVM or a page cache does.
    // The limits follow the number of pods.
    let warm: Vec<f64> = since_release(&rollouts)
        .into_iter()
        .map(|since| 0.45 + 0.27 * (1.0 - (-(since as f64 / 60.0) / 8.0).exp()))
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

/// Returns the static form of a label name.
fn name_of(name: &str) -> &'static str {
    ["check", "target", "namespace", "kind", "workload", "phase", "service", "pod", "reason"]
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("other")
}

fn cluster(board: &mut Board, shop: &Shop) {
    for node in shop.nodes() {
        let own = [("check", "utilization"), ("target", "production"), ("node", node.as_str())];
        // Nightly batch jobs use all free CPU for forty minutes.
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
        // A nightly dump takes space on the volume for an hour. The volume grows by 0.1% a day.
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
    // Backups are written at 02:30. Their size differs by up to 4%.
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

/// Writes the application's request counters and histogram. `failing` and `slow` return the share of failing and of
/// slow requests in a minute, 0 to 1.
pub fn traffic(board: &mut Board, shop: &Shop, failing: &dyn Fn(usize) -> f64, slow: &dyn Fn(usize) -> f64) {
    const BOUNDS: [(&str, f64); 6] =
        [("0.1", 0.90), ("0.5", 0.985), ("1", 0.996), ("2", 0.9985), ("5", 0.9997), ("+Inf", 1.0)];
    let mut totals = (0.0, 0.0);
    let mut counts = Vec::with_capacity(shop.minutes);
    let mut buckets: Vec<Vec<f64>> = vec![Vec::with_capacity(shop.minutes); BOUNDS.len()];
    let mut sums = [0.0; BOUNDS.len()];
    for minute in 0..shop.minutes {
        let all = requests(shop, minute);
        // The random part makes single requests fail now and then, also at night.
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

/// Returns the share of requests that fail on an ordinary day: one in two thousand.
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
    // Each release has a version of its own. During a rollout the old or the new version answers.
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

/// Writes a certificate that is valid for 90 days and renewed when 30 days are left, at one of two attempts a day
/// (certbot's manual).
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
    // The first certificate is renewed in the second judged week, eleven hours late.
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
    // Base images have vulnerabilities without a fix, as Trivy reports them for any Debian image.
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
