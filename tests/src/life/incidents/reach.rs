//! Incidents apart from databases: pages, buckets, endpoints and Alertmanager that do not answer, lost nodes,
//! containers out of memory.

use super::workloads::deployment;
use crate::life::book::{Book, When, blind};
use crate::life::clock::at;
use crate::life::ledger::Loud;
use crate::life::shop::{DAY, Kind};
use checklist::signals::{alert_path, backup, certificates, disk, hpa, pods, restarts};

/// Injects the incidents, at hours at which no other incident happens.
pub(super) fn happen(book: &mut Book<'_>, day: impl Fn(usize, usize) -> usize) {
    page_down(book, &When(day(7, 1), 20, 15));
    bucket_gone(book, &When(day(4, 0), 3, 150));
    volume_fills_fast(book, &When(day(13, 4), 5, 60));
    no_dump(book, &When(day(14, 5), 3, DAY - 60));
    alertmanager_gone(book, &When(day(20, 4), 19, 60));
    path_broken(book, &When(day(26, 6), 4, 240));
    certificate_refused(book, &When(day(17, 3), 20, 45));
    out_of_memory(book, &When(day(9, 2), 20, 60));
    if book.shop.kind != Kind::Small {
        node_lost(book, &When(day(12, 3), 21, 90));
        autoscaler_unable(book, &When(day(23, 5), 21, 60));
    }
}

fn page_down(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    blind(book.board, &when, "health", "shop");
    book.write("health page does not answer", when, 0, Loud::Page, 60, (&["shop"], &["health"]));
}

/// The bucket of the backups cannot be read. It matters after half an hour, because a short failure of the network is
/// no incident.
fn bucket_gone(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    blind(book.board, &when, "backup", "daily");
    book.write("bucket of backups cannot be read", when, 30, Loud::Page, 60, (&["daily"], &["backup"]));
}

/// A process writes a log without limit: the volume fills from 55% to 99% within an hour.
fn volume_fills_fast(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let namespace = book.shop.apps[0].namespace.clone();
    let labels =
        [("check", "disk"), ("target", "production"), ("namespace", &*namespace), ("persistentvolumeclaim", "data")];
    let length = when.len() as f64;
    book.board.part(disk::USED.name, &labels, when.clone(), |minute| {
        Some(1e11 * (0.55 + 0.44 * (minute - when.start) as f64 / length))
    });
    // After 20 minutes the volume is 70% full, and the growth is more than a burst.
    book.write("volume fills up within the hour", when, 20, Loud::Page, 60, (&[&namespace], &["disk"]));
}

fn no_dump(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "backup"), ("target", "daily"), ("backup", "daily")];
    book.board.part(backup::HEADER_VALID.name, &labels, when.clone(), |_| Some(0.0));
    book.write("newest backup is not a dump", when, 0, Loud::Page, 60, (&["daily"], &["backup"]));
}

fn alertmanager_gone(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    blind(book.board, &when, "alertmanager", "main");
    // A page would need this very Alertmanager. The missing heartbeat of the Watchdog reports that no alert gets
    // through.
    book.write("Alertmanager does not answer", when, 0, Loud::Message, 60, (&["main"], &["alertmanager"]));
}

fn path_broken(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "alert_path"), ("target", "main"), ("level", "critical")];
    book.board.part(alert_path::PASSED.name, &labels, when.clone(), |_| Some(0.0));
    book.write("alerts do not reach PagerDuty", when, 0, Loud::Page, 60, (&["main"], &["alert_path"]));
}

/// A proxy serves a certificate for another name.
fn certificate_refused(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.certificates.first().cloned().unwrap_or_default();
    let labels = [("check", "certificates"), ("target", &*name), ("source", "endpoint")];
    book.board.part(certificates::VERIFIED.name, &labels[..2], when.clone(), |_| Some(0.0));
    book.write("clients refuse the certificate", when, 0, Loud::Page, 60, (&[&name], &["certificates"]));
}

fn out_of_memory(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let pod = format!("{}-2", app.workload);
    let labels = [
        ("check", "restarts"),
        ("target", "production"),
        ("namespace", &*app.namespace),
        ("workload", &*app.workload),
        ("pod", &*pod),
        ("container", &*app.workload),
        ("reason", "OOMKilled"),
    ];
    let end = book.board.minutes();
    book.board.part(restarts::LAST_TERMINATION.name, &labels, when.start..end, |_| Some(at(when.start)));
    book.board.part(restarts::RESTARTS.name, &labels[..6], when.start..end, |_| Some(1.0));
    let names = [app.namespace.clone()];
    book.write("container killed for its memory", when, 0, Loud::Message, DAY, (&[&names[0]], &["restarts"]));
}

/// A node is lost and the others have no capacity left: two pods of an application cannot be scheduled.
fn node_lost(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let workload = deployment(app);
    book.board.change(
        when.clone(),
        |name, labels| {
            name == pods::READY.name
                && workload.iter().all(|(key, value)| labels.get(*key).is_some_and(|of| of == value))
        },
        |_, value| (value - 2.0).max(1.0),
    );
    for n in 1..=2 {
        let pod = format!("{}-waits-{n}", app.workload);
        let labels = [workload[0], workload[1], workload[2], ("pod", &*pod), ("reason", "Unschedulable")];
        book.board.part(pods::NOT_READY.name, &labels, when.clone(), |_| Some(1.0));
    }
    let names = [app.namespace.clone(), book.shop.nodes().pop().unwrap_or_default()];
    book.write(
        "node lost, pods wait for room",
        when,
        10,
        Loud::Message,
        60,
        (&[&names[0], &names[1]], &["pods", "utilization"]),
    );
}

fn autoscaler_unable(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let labels = [("check", "hpa"), ("target", "production"), ("namespace", &*app.namespace), ("hpa", &*app.workload)];
    book.board.part(hpa::ABLE.name, &labels, when.clone(), |_| Some(0.0));
    let names = [app.workload.clone()];
    book.write("autoscaler cannot read its metrics", when, 5, Loud::Message, 60, (&[&names[0]], &["hpa"]));
}
