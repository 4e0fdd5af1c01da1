//! The incidents in the month of a shop. Each changes the series that the probes would expose, and is recorded in the
//! ledger with its begin, its end, and whether it deserves a page or a message.

mod reach;

use super::board::Board;
use super::book::{Book, When, blind};
use super::clock::{at, sliding};
use super::ledger::{Incident, Loud};
use super::ordinary::{traffic, usual_failures};
use super::shop::{DAY, Kind, Shop};
use checklist::signals::{
    audit_log, auth_failures, backup, certificates, connections, disk, health, hpa, images, indexes, pods, pvc,
    restarts, restore, rules, seq_scans, slow_queries, tasks, workflows,
};
use std::ops::Range;

/// Injects all incidents and returns the ledger, sorted by begin. Failed and slow requests of all incidents are written
/// together at the end.
pub fn happen(shop: &Shop, board: &mut Board) -> Vec<Incident> {
    let large = shop.kind == Kind::Large;
    let mut book = Book { shop, board, all: Vec::new() };
    // The large shop simulates only a week. Incidents of one object still have a day of their own there, so that each
    // is reported by itself.
    let day = |of_month: usize, of_week: usize| if large { of_week } else { of_month };
    let mut failing: Vec<(Range<usize>, f64)> = Vec::new();
    let mut slow: Vec<(Range<usize>, f64)> = Vec::new();
    database_down(&mut book, &When(day(1, 1), 14, 25), &mut failing);
    crash_loop(&mut book, &When(day(2, 0), 10, 50));
    workload_down(&mut book, &When(day(3, 0), 21, 20), &mut failing);
    stuck_rollout(&mut book, &When(day(4, 1), 11, 180));
    volume_fills(&mut book, &When(day(5, 1), 6, 600));
    backup_missing(&mut book, day(6, 3));
    backup_shrunk(&mut book, day(8, 1));
    connection_leak(&mut book, &When(day(9, 2), 9, 240));
    idle_transaction(&mut book, &When(day(10, 3), 13, 120));
    blocked_queries(&mut book, &When(day(11, 4), 15, 40));
    if shop.kind != Kind::Small || shop.requests.0 > 3.0 {
        let when = When(day(14, 3), 12, 20).minutes(shop);
        failing.push((when.clone(), 0.5));
        book.write("error burst", when, 0, Loud::Page, DAY, (&["shop"], &["error_rate"]));
        let when = When(day(15, 5), 11, 180).minutes(shop);
        slow.push((when.clone(), 0.35));
        book.write("latency creep", when, 0, Loud::Page, 2 * DAY, (&["shop"], &["latency"]));
    }
    credential_stuffing(&mut book, &When(day(16, 3), 3, 90));
    audit_silent(&mut book, &When(day(17, 4), 10, 360));
    exporter_down(&mut book, &When(day(18, 4), 2, 30));
    restore_failed(&mut book, &When(day(19, 4), 9, 2 * DAY));
    scan_finding(&mut book, &When(day(21, 4), 9, 2 * DAY));
    certificate_not_renewed(&mut book, &When(day(22, 4), 0, 3 * DAY));
    workflows_fail(&mut book, &When(day(23, 0), 10, 300));
    rules_broken(&mut book, &When(day(24, 5), 16, 180));
    volume_not_bound(&mut book, &When(day(25, 5), 10, 60));
    task_forgotten(&mut book, &When(day(21, 0), 0, 3 * DAY));
    index_missing(&mut book, &When(day(12, 0), 8, 2 * DAY));
    if shop.kind != Kind::Small {
        autoscaler_at_most(&mut book, &When(day(26, 5), 9, 300));
    }
    reach::happen(&mut book, day);
    let share = |all: &[(Range<usize>, f64)], minute: usize| {
        all.iter().filter(|(when, _)| when.contains(&minute)).map(|(_, share)| *share).fold(0.0, f64::max)
    };
    traffic(book.board, shop, &|minute| share(&failing, minute).max(usual_failures(minute)), &|minute| {
        share(&slow, minute)
    });
    book.all.sort_by_key(|incident| incident.begin);
    book.all
}

/// The database refuses connections: all its checks fail, the health page reports it, and some requests fail.
fn database_down(book: &mut Book<'_>, when: &When, failing: &mut Vec<(Range<usize>, f64)>) {
    let when = when.minutes(book.shop);
    let database = book.shop.databases[0].clone();
    blind(book.board, &when, "postgres", &database);
    let field = [("check", "health"), ("target", "shop"), ("field", "database")];
    book.board.part(health::FIELD_OK.name, &field, when.clone(), |_| Some(0.0));
    failing.push((when.clone(), 0.4));
    book.write(
        "database down",
        when,
        0,
        Loud::Page,
        DAY,
        (&[&database, "shop"], &["postgres", "health", "error_rate", "latency"]),
    );
}

/// One pod of a deployment crashes repeatedly; the other pods serve.
fn crash_loop(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let pod = format!("{}-1", app.workload);
    // The pod waits for four minutes and runs for one, and the reason changes with every attempt (Kubernetes
    // documentation, "Pod Lifecycle").
    for (reason, trying) in [("CrashLoopBackOff", false), ("ContainersNotReady", true)] {
        let labels = [
            ("check", "pods"),
            ("target", "production"),
            ("namespace", &app.namespace),
            ("pod", &*pod),
            ("reason", reason),
        ];
        book.board.part(pods::NOT_READY.name, &labels, when.clone(), |minute| {
            (((minute - when.start) % 5 == 4) == trying).then_some(1.0)
        });
    }
    let labels = [
        ("check", "restarts"),
        ("target", "production"),
        ("namespace", &app.namespace),
        ("workload", &app.workload),
        ("pod", &*pod),
        ("container", &*app.workload),
    ];
    let end = book.board.minutes();
    book.board.part(restarts::RESTARTS.name, &labels, when.start..end, |minute| {
        Some(((minute.min(when.end) - when.start) / 5) as f64 + 1.0)
    });
    // The pod that crashes is not ready: the workload has one less, and its Service too.
    book.board.change(
        when.clone(),
        |name, labels| {
            let is = |label: &str, value: &str| labels.get(label).is_some_and(|of| of == value);
            let of_workload = name == pods::READY.name && is("workload", &app.workload);
            let of_service = name == pods::ENDPOINTS.name && is("service", &app.workload);
            is("namespace", &app.namespace) && (of_workload || of_service)
        },
        |_, value| value - 1.0,
    );
    let last = [labels[0], labels[1], labels[2], labels[3], labels[4], labels[5], ("reason", "Error")];
    book.board.part(restarts::LAST_TERMINATION.name, &last, when.start..end, |minute| {
        let minute = minute.min(when.end);
        Some(at(minute - (minute - when.start) % 5))
    });
    let names = [app.namespace.clone()];
    book.write("crash loop of a pod", when, 5, Loud::Message, DAY + 60, (&[&names[0]], &["pods", "restarts"]));
}

/// No pod of a workload is ready, and users see errors.
fn workload_down(book: &mut Book<'_>, when: &When, failing: &mut Vec<(Range<usize>, f64)>) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[book.shop.apps.len().min(2) - 1];
    let workload = [
        ("check", "pods"),
        ("target", "production"),
        ("namespace", &*app.namespace),
        ("kind", "Deployment"),
        ("workload", &*app.workload),
    ];
    let service =
        [("check", "pods"), ("target", "production"), ("namespace", &*app.namespace), ("service", &*app.workload)];
    book.board.part(pods::READY.name, &workload, when.clone(), |_| Some(0.0));
    book.board.part(pods::ENDPOINTS.name, &service, when.clone(), |_| Some(0.0));
    failing.push((when.clone(), 0.2));
    let names = [app.namespace.clone()];
    book.write(
        "workload without a ready pod",
        when,
        0,
        Loud::Page,
        DAY,
        (&[&names[0], "shop"], &["pods", "health", "error_rate"]),
    );
}

/// The new image cannot be pulled; the old pods serve.
fn stuck_rollout(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let pod = format!("{}-new", app.workload);
    for (reason, odd) in [("ImagePullBackOff", false), ("ErrImagePull", true)] {
        let labels = [
            ("check", "pods"),
            ("target", "production"),
            ("namespace", &*app.namespace),
            ("pod", &*pod),
            ("reason", reason),
        ];
        book.board
            .part(pods::NOT_READY.name, &labels, when.clone(), |minute| ((minute % 3 == 0) == odd).then_some(1.0));
    }
    let names = [app.namespace.clone()];
    book.write("image cannot be pulled", when, 5, Loud::Message, 60, (&[&names[0]], &["pods"]));
}

fn volume_fills(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let namespace = book.shop.apps[0].namespace.clone();
    let labels =
        [("check", "disk"), ("target", "production"), ("namespace", &*namespace), ("persistentvolumeclaim", "data")];
    let length = (when.end - when.start) as f64;
    book.board.part(disk::USED.name, &labels, when.clone(), |minute| {
        Some(1e11 * (0.55 + 0.42 * (minute - when.start) as f64 / length))
    });
    // It deserves a page when the volume will be full within four hours, which is time to get up, find the writer and
    // free space. Before that a message is enough. (kubernetes-mixin pages at 3% free space, when a database may
    // already fail.)
    let matters = (0..when.len()).find(|minute| {
        let pace = 0.42 / length;
        0.55 + pace * *minute as f64 + 240.0 * pace >= 1.0
    });
    book.write(
        "volume fills up within hours",
        when,
        matters.unwrap_or_default(),
        Loud::Page,
        60,
        (&[&namespace], &["disk"]),
    );
}

fn backup_missing(book: &mut Book<'_>, day: usize) {
    let night = book.shop.from() + day * DAY + 150;
    let labels = [("check", "backup"), ("target", "daily"), ("backup", "daily")];
    book.board.part(backup::LAST.name, &labels, night..night + DAY, |_| Some(at(night - DAY)));
    book.write("a night without a backup", night..night + DAY, 120, Loud::Message, 60, (&["daily"], &["backup"]));
}

fn backup_shrunk(book: &mut Book<'_>, day: usize) {
    let night = book.shop.from() + day * DAY + 150;
    let labels = [("check", "backup"), ("target", "daily"), ("backup", "daily")];
    book.board.part(backup::BYTES.name, &labels, night..night + DAY, |_| Some(2e8));
    book.write("a dump that broke off", night..night + DAY, 0, Loud::Page, 60, (&["daily"], &["backup"]));
}

fn connection_leak(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "connections"), ("target", &*name), ("database", &*name), ("state", "idle")];
    let length = (when.end - when.start) as f64;
    book.board.part(connections::CONNECTIONS.name, &labels, when.clone(), |minute| {
        Some((20.0 + 65.0 * (minute - when.start) as f64 / length * 1.2).min(84.0))
    });
    let most = (when.end - when.start) * 3 / 4;
    book.write("connections leak", when, most, Loud::Page, 60, (&[&name], &["connections"]));
}

fn idle_transaction(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "connections"), ("target", &*name), ("state", "idle in transaction")];
    book.board.part(connections::OLDEST_TRANSACTION.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("transaction left open", when, 10, Loud::Message, 60, (&[&name], &["connections"]));
}

fn blocked_queries(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "slow_queries"), ("target", &*name), ("database", &*name)];
    book.board.part(slow_queries::LONGEST.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("queries wait for a lock", when, 5, Loud::Message, 60, (&[&name], &["slow_queries"]));
}

fn credential_stuffing(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let tries: Vec<f64> =
        (0..book.board.minutes()).map(|minute| if when.contains(&minute) { 5.0 } else { 0.0 }).collect();
    for (window, length) in [("1h", 60), ("24h", DAY), ("7d", 7 * DAY)] {
        let more = sliding(&tries, length);
        let all = 0..book.board.minutes();
        book.board.change(
            all,
            |metric, labels| {
                metric == auth_failures::FAILURES.name && labels.get("window").is_some_and(|one| one == window)
            },
            |minute, value| value + more[minute],
        );
    }
    book.write("somebody guesses passwords", when, 5, Loud::Page, DAY, (&[&name], &["auth_failures"]));
}

fn audit_silent(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "audit_log"), ("target", &*name)];
    book.board.part(audit_log::LAST.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("audit log silent by day", when, 60, Loud::Message, 60, (&[&name], &["audit_log"]));
}

fn exporter_down(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    book.board.change(when.clone(), |name, _| name.starts_with("checklist_"), |_, _| f64::NAN);
    book.write("nothing watches", when, 0, Loud::Page, 60, (&["exporter"], &[]));
}

fn restore_failed(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "restore"), ("target", "daily"), ("backup", "daily")];
    book.board.part(restore::PASSED.name, &labels, when.clone(), |_| Some(0.0));
    book.write("backup cannot be restored", when, 0, Loud::Page, 60, (&["daily"], &["restore"]));
}

fn scan_finding(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "images"), ("target", "images"), ("image", "shop/web"), ("level", "critical")];
    book.board.part(images::VULNERABILITIES.name, &labels, when.clone(), |_| Some(1.0));
    book.write("image with a vulnerability that has a fix", when, 0, Loud::Message, 60, (&["images"], &["images"]));
}

fn certificate_not_renewed(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.certificates.last().cloned().unwrap_or_default();
    let after = at(when.start) + 22.5 * 86_400.0;
    book.board.change(
        when.clone(),
        |metric, labels| {
            labels.get("target").is_some_and(|one| *one == name)
                && labels.get("check").is_some_and(|one| one == "certificates")
                && metric == certificates::NOT_AFTER.name
        },
        |_, _| after,
    );
    book.board.change(
        when.clone(),
        |metric, labels| {
            labels.get("target").is_some_and(|one| *one == name) && metric == certificates::NOT_BEFORE.name
        },
        |_, _| after - 90.0 * 86_400.0,
    );
    book.write("certificate not renewed", when, 0, Loud::Message, 60, (&[&name], &["certificates"]));
}

fn workflows_fail(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "workflows"), ("target", &*name), ("window", "24h")];
    book.board
        .part(workflows::FAILED.name, &labels, when.clone(), |minute| Some(2.0 + (minute - when.start) as f64 / 4.0));
    book.write("workflows fail", when, 40, Loud::Message, 60, (&[&name], &["workflows"]));
}

fn rules_broken(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    book.board.part(rules::FAILING.name, &[("check", "rules"), ("target", "main")], when.clone(), |_| Some(2.0));
    book.write("rules cannot be evaluated", when, 0, Loud::Page, 60, (&["main"], &["rules"]));
}

fn volume_not_bound(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let namespace = book.shop.apps[0].namespace.clone();
    let labels =
        [("check", "pvc"), ("target", "production"), ("namespace", &*namespace), ("persistentvolumeclaim", "new")];
    book.board.part(pvc::BOUND.name, &labels, when.clone(), |_| Some(0.0));
    book.write("claim gets no volume", when, 5, Loud::Message, 60, (&[&namespace], &["pvc"]));
}

fn task_forgotten(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "tasks"), ("target", "people"), ("task", "dr_drill"), ("cycle", "quarterly")];
    book.board.part(tasks::DUE.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("drill overdue", when, 0, Loud::Message, 60, (&["dr_drill"], &["tasks"]));
}

fn index_missing(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let table = "orders";
    let labels = |check: &'static str| {
        [("check", check), ("target", &*name), ("database", &*name), ("schema", "public"), ("table", table)]
    };
    let own = labels("seq_scans");
    book.board.part(seq_scans::SEQ_SCANS.name, &own, when.clone(), |minute| Some(2.0 * (minute - when.start) as f64));
    book.board.part(seq_scans::INDEX_SCANS.name, &own, when.clone(), |_| Some(10.0));
    book.board.part(seq_scans::BYTES.name, &own, when.clone(), |_| Some(4e8));
    book.write("a large table has no index", when.clone(), 60, Loud::Message, 60, (&[table], &["seq_scans"]));
    let _ = &indexes::INVALID;
}

fn autoscaler_at_most(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let labels = [("check", "hpa"), ("target", "production"), ("namespace", &*app.namespace), ("hpa", &*app.workload)];
    book.board.part(hpa::AT_MAX.name, &labels, when.clone(), |_| Some(1.0));
    book.board.part(hpa::LIMITED.name, &labels, when.clone(), |_| Some(1.0));
    let names = [app.workload.clone()];
    book.write("autoscaler wants more than it may", when, 60, Loud::Message, DAY, (&[&names[0]], &["hpa"]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::ordinary;

    #[test]
    fn a_seed_gives_the_same_month_and_every_incident_is_within_the_judged_time() {
        let month = || {
            let shop = Shop::new(Kind::Small, 3);
            let config =
                checklist::Config::parse("shop", &shop.checklist()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            let mut board = ordinary::month(&shop, &config);
            let ledger = happen(&shop, &mut board);
            (shop, board, ledger)
        };
        let (shop, board, ledger) = month();
        let (_, again, _) = month();
        let text = |board: &Board| board.tracks().map(|track| format!("{track:?}")).collect::<Vec<_>>();
        assert_eq!(text(&board), text(&again));
        assert!(ledger.len() >= 20, "{}", ledger.len());
        assert!(ledger.iter().all(|one| one.begin >= shop.from() && one.begin < one.end && one.end <= shop.minutes));
    }
}
