//! Incidents of databases, and of what the application writes into them.

use crate::life::book::{Book, When, blind};
use crate::life::clock::{at, sliding};
use crate::life::ledger::Loud;
use crate::life::shop::DAY;
use checklist::signals::{audit_log, auth_failures, connections, health, seq_scans, slow_queries, workflows};
use std::ops::Range;

/// The database refuses connections: all its checks fail, the health page reports it, and some requests fail.
pub(super) fn down(book: &mut Book<'_>, when: &When, failing: &mut Vec<(Range<usize>, f64)>) {
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

pub(super) fn connection_leak(book: &mut Book<'_>, when: &When) {
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

pub(super) fn idle_transaction(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "connections"), ("target", &*name), ("state", "idle in transaction")];
    book.board.part(connections::OLDEST_TRANSACTION.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("transaction left open", when, 10, Loud::Message, 60, (&[&name], &["connections"]));
}

pub(super) fn blocked_queries(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "slow_queries"), ("target", &*name), ("database", &*name)];
    book.board.part(slow_queries::LONGEST.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("queries wait for a lock", when, 5, Loud::Message, 60, (&[&name], &["slow_queries"]));
}

pub(super) fn index_missing(book: &mut Book<'_>, when: &When) {
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
}

pub(super) fn credential_stuffing(book: &mut Book<'_>, when: &When) {
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

pub(super) fn audit_silent(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "audit_log"), ("target", &*name)];
    book.board.part(audit_log::LAST.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("audit log silent by day", when, 60, Loud::Message, 60, (&[&name], &["audit_log"]));
}

pub(super) fn workflows_fail(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let name = book.shop.databases[0].clone();
    let labels = [("check", "workflows"), ("target", &*name), ("window", "24h")];
    book.board
        .part(workflows::FAILED.name, &labels, when.clone(), |minute| Some(2.0 + (minute - when.start) as f64 / 4.0));
    book.write("workflows fail", when, 40, Loud::Message, 60, (&[&name], &["workflows"]));
}
