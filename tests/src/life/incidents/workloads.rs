//! Incidents of workloads, their volumes and their autoscalers.

use crate::life::book::{Book, When, blind};
use crate::life::clock::at;
use crate::life::ledger::Loud;
use crate::life::shop::{App, DAY};
use checklist::signals::{disk, hpa, pods, pvc, restarts};
use std::ops::Range;

/// The labels of an application's deployment.
pub(super) fn deployment(app: &App) -> [(&'static str, &str); 5] {
    [
        ("check", "pods"),
        ("target", "production"),
        ("namespace", &app.namespace),
        ("kind", "Deployment"),
        ("workload", &app.workload),
    ]
}

/// The labels of a pod that is not ready.
fn waiting<'a>(app: &'a App, pod: &'a str, reason: &'a str) -> [(&'static str, &'a str); 5] {
    [("check", "pods"), ("target", "production"), ("namespace", &app.namespace), ("pod", pod), ("reason", reason)]
}

/// One pod of a deployment crashes repeatedly; the other pods serve.
pub(super) fn crash_loop(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let pod = format!("{}-1", app.workload);
    // The pod waits for four minutes and runs for one, and the reason changes with every attempt (Kubernetes
    // documentation, "Pod Lifecycle").
    for (reason, trying) in [("CrashLoopBackOff", false), ("ContainersNotReady", true)] {
        book.board.part(pods::NOT_READY.name, &waiting(app, &pod, reason), when.clone(), |minute| {
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

/// No pod of a workload is ready, and users see errors. If it is the application itself, its health page is down too.
pub(super) fn workload_down(book: &mut Book<'_>, when: &When, failing: &mut Vec<(Range<usize>, f64)>) {
    let when = when.minutes(book.shop);
    let application = book.shop.apps.iter().find(|app| app.workload == "shop");
    let app = application.unwrap_or(&book.shop.apps[1]);
    let workload = deployment(app);
    let service =
        [("check", "pods"), ("target", "production"), ("namespace", &*app.namespace), ("service", &*app.workload)];
    book.board.part(pods::READY.name, &workload, when.clone(), |_| Some(0.0));
    book.board.part(pods::ENDPOINTS.name, &service, when.clone(), |_| Some(0.0));
    if application.is_some() {
        blind(book.board, &when, "health", "shop");
    }
    failing.push((when.clone(), if application.is_some() { 0.9 } else { 0.2 }));
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
pub(super) fn stuck_rollout(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let pod = format!("{}-new", app.workload);
    for (reason, odd) in [("ImagePullBackOff", false), ("ErrImagePull", true)] {
        book.board.part(pods::NOT_READY.name, &waiting(app, &pod, reason), when.clone(), |minute| {
            ((minute % 3 == 0) == odd).then_some(1.0)
        });
    }
    let names = [app.namespace.clone()];
    book.write("image cannot be pulled", when, 5, Loud::Message, 60, (&[&names[0]], &["pods"]));
}

pub(super) fn volume_fills(book: &mut Book<'_>, when: &When) {
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

pub(super) fn volume_not_bound(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let namespace = book.shop.apps[0].namespace.clone();
    let labels =
        [("check", "pvc"), ("target", "production"), ("namespace", &*namespace), ("persistentvolumeclaim", "new")];
    book.board.part(pvc::BOUND.name, &labels, when.clone(), |_| Some(0.0));
    book.write("claim gets no volume", when, 5, Loud::Message, 60, (&[&namespace], &["pvc"]));
}

pub(super) fn autoscaler_at_most(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let app = &book.shop.apps[0];
    let labels = [("check", "hpa"), ("target", "production"), ("namespace", &*app.namespace), ("hpa", &*app.workload)];
    book.board.part(hpa::AT_MAX.name, &labels, when.clone(), |_| Some(1.0));
    book.board.part(hpa::LIMITED.name, &labels, when.clone(), |_| Some(1.0));
    let names = [app.workload.clone()];
    book.write("autoscaler wants more than it may", when, 60, Loud::Message, DAY, (&[&names[0]], &["hpa"]));
}
