//! The incidents in the month of a shop. Each changes the series that the probes would expose, and is recorded in the
//! ledger with its begin, its end, and whether it deserves a page or a message.

mod databases;
mod reach;
mod workloads;

use super::board::Board;
use super::book::{Book, When};
use super::clock::at;
use super::ledger::{Incident, Loud};
use super::ordinary::{traffic, usual_failures};
use super::shop::{DAY, Kind, Shop};
use checklist::signals::{backup, certificates, images, restore, rules, tasks};
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
    databases::down(&mut book, &When(day(1, 1), 14, 25), &mut failing);
    workloads::crash_loop(&mut book, &When(day(2, 0), 10, 50));
    workloads::workload_down(&mut book, &When(day(3, 0), 21, 20), &mut failing);
    workloads::stuck_rollout(&mut book, &When(day(4, 1), 11, 180));
    workloads::volume_fills(&mut book, &When(day(5, 1), 6, 600));
    backup_missing(&mut book, day(6, 3));
    backup_shrunk(&mut book, day(8, 1));
    databases::connection_leak(&mut book, &When(day(9, 2), 9, 240));
    databases::idle_transaction(&mut book, &When(day(10, 3), 13, 120));
    databases::blocked_queries(&mut book, &When(day(11, 4), 15, 40));
    if shop.kind != Kind::Small || shop.requests.0 > 3.0 {
        let when = When(day(14, 3), 12, 20).minutes(shop);
        failing.push((when.clone(), 0.5));
        book.write("error burst", when, 0, Loud::Page, DAY, (&["shop"], &["error_rate"]));
        let when = When(day(15, 5), 11, 180).minutes(shop);
        slow.push((when.clone(), 0.35));
        book.write("latency creep", when, 0, Loud::Page, 2 * DAY, (&["shop"], &["latency"]));
    }
    databases::credential_stuffing(&mut book, &When(day(16, 3), 3, 90));
    databases::audit_silent(&mut book, &When(day(17, 4), 10, 360));
    exporter_down(&mut book, &When(day(18, 4), 2, 30));
    restore_failed(&mut book, &When(day(19, 4), 9, 2 * DAY));
    scan_finding(&mut book, &When(day(21, 4), 9, 2 * DAY));
    certificate_not_renewed(&mut book, &When(day(22, 4), 0, 3 * DAY));
    databases::workflows_fail(&mut book, &When(day(23, 0), 10, 300));
    rules_broken(&mut book, &When(day(24, 5), 16, 180));
    workloads::volume_not_bound(&mut book, &When(day(25, 5), 10, 60));
    task_forgotten(&mut book, &When(day(21, 0), 0, 3 * DAY));
    databases::index_missing(&mut book, &When(day(12, 0), 8, 2 * DAY));
    if shop.kind != Kind::Small {
        workloads::autoscaler_at_most(&mut book, &When(day(26, 5), 9, 300));
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

fn rules_broken(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    book.board.part(rules::FAILING.name, &[("check", "rules"), ("target", "main")], when.clone(), |_| Some(2.0));
    book.write("rules cannot be evaluated", when, 0, Loud::Page, 60, (&["main"], &["rules"]));
}

fn task_forgotten(book: &mut Book<'_>, when: &When) {
    let when = when.minutes(book.shop);
    let labels = [("check", "tasks"), ("target", "people"), ("task", "dr_drill"), ("cycle", "quarterly")];
    book.board.part(tasks::DUE.name, &labels, when.clone(), |_| Some(at(when.start)));
    book.write("drill overdue", when, 0, Loud::Message, 60, (&["dr_drill"], &["tasks"]));
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
        // As text, because NaN differs from itself.
        let text = |board: &Board| format!("{:?}", board.tracks());
        assert!(text(&board) == text(&again), "the same seed gave two months");
        assert!(ledger.len() >= 20, "{}", ledger.len());
        assert!(ledger.iter().all(|one| one.begin >= shop.from() && one.begin < one.end && one.end <= shop.minutes));
    }
}
