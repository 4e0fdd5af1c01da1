//! Records incidents in the ledger while they are injected.

use super::board::Board;
use super::clock::at;
use super::exporters;
use super::ledger::{Incident, Loud};
use super::shop::{DAY, Shop};
use checklist::self_metrics::{LAST_SUCCESS, PROBE_SUCCESS, TARGET_REACHABLE};
use std::ops::Range;

/// The time of an incident: day within the judged period, hour, and duration in minutes.
pub(super) struct When(pub usize, pub usize, pub usize);

impl When {
    pub(super) fn minutes(&self, shop: &Shop) -> Range<usize> {
        let begin = shop.from() + self.0 * DAY + self.1 * 60 + 7;
        begin..begin + self.2
    }
}

/// The shop, its series, and the ledger so far.
pub(super) struct Book<'a> {
    pub(super) shop: &'a Shop,
    pub(super) board: &'a mut Board,
    pub(super) all: Vec<Incident>,
}

impl Book<'_> {
    /// Adds an incident to the ledger. It begins to matter `after` minutes after its start. `checks` are those of ours
    /// that look at what it changed, or kinds of targets; none stands for all of them.
    pub(super) fn write(
        &mut self,
        what: &'static str,
        when: Range<usize>,
        after: usize,
        loud: Loud,
        traces: usize,
        (names, checks): (&[&str], &[&'static str]),
    ) {
        let also = names.iter().flat_map(|name| exporters::known_as(self.shop, name)).collect();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.all.push(Incident {
            what,
            since: when.start,
            begin: when.start + after,
            end: when.end,
            traces,
            loud,
            names,
            also,
            checks: checks.to_vec(),
        });
    }
}

/// Changes the series to those of an unreachable target: the last success stays, and the gauges disappear when they are
/// stale. All checks of the model are stale after five minutes.
pub(super) fn blind(board: &mut Board, when: &Range<usize>, kind: &str, target: &str) {
    let reachable = [("kind", kind), ("target", target)];
    board.part(TARGET_REACHABLE.name, &reachable, when.clone(), |_| Some(0.0));
    let of_target = |name: &str, labels: &super::board::Labels| {
        labels.get("target").is_some_and(|value| value == target)
            && labels.get("check").is_some_and(|check| {
                checklist::signals::by_id(check).is_some_and(|signal| signal.kind.reaches() == Some(kind))
            })
            && name.starts_with("checklist_")
    };
    board.change(when.clone(), |name, labels| name == PROBE_SUCCESS.name && of_target(name, labels), |_, _| 0.0);
    let begin = at(when.start);
    board.change(
        when.clone(),
        |name, labels| name == LAST_SUCCESS.name && of_target(name, labels),
        |_, value| value.min(begin),
    );
    let is_self_metric = |name: &str| {
        name.starts_with("checklist_probe_")
            || name.starts_with("checklist_check_")
            || name.starts_with("checklist_target_")
    };
    let stale = (when.start + 5).min(when.end)..when.end;
    board.change(
        stale,
        |name, labels| !is_self_metric(name) && !name.ends_with("_total") && of_target(name, labels),
        |_, _| f64::NAN,
    );
}
