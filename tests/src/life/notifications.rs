//! Simulates Alertmanager: turns firing alerts into the notifications that reach a person, by groups, inhibition and
//! routes.

use super::board::Labels;
use super::evaluate::Firing;
use rules_gen::routing::Configuration;
use std::collections::{BTreeMap, BTreeSet};

/// A notification that reached a person.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Minute of the simulation.
    pub minute: usize,
    /// Whether it is a page, which wakes somebody.
    pub page: bool,
    /// Labels of the new alerts in it.
    pub alerts: Vec<Labels>,
}

/// A group of alerts: receiver of the route, and values of the labels in `group_by`.
type Group = (String, Vec<String>);

/// Returns the notifications for firing alerts. A page whose group gets another alert does not wake anybody again: that
/// is a message, as PagerDuty adds it to the open incident.
pub fn notifications(
    firing: &[Firing],
    minutes: usize,
    routes: &Configuration,
    pages: impl Fn(&Labels) -> bool,
) -> Vec<Notification> {
    let mut changes: BTreeSet<usize> = firing.iter().flat_map(|one| [one.begin, one.end]).collect();
    changes.retain(|minute| *minute < minutes);
    let mut messages: BTreeMap<Group, BTreeSet<Labels>> = BTreeMap::new();
    let mut all = Vec::new();
    for minute in changes {
        let now: Vec<Labels> =
            firing.iter().filter(|one| one.begin <= minute && minute < one.end).map(|one| one.labels.clone()).collect();
        let mut groups: BTreeMap<Group, BTreeSet<Labels>> = BTreeMap::new();
        for alert in now.iter().filter(|alert| routes.inhibited(alert, &now).is_none()) {
            for route in routes.routes(alert) {
                let value = |name: &String| alert.get(name).cloned().unwrap_or_default();
                let group = (route.receiver.clone(), route.group_by.iter().map(value).collect());
                groups.entry(group).or_default().insert(alert.clone());
            }
        }
        let silent = |receiver: &str| {
            routes.receivers.iter().any(|known| known.name == receiver && known.integrations.is_empty())
        };
        for (group, alerts) in &groups {
            let before = messages.get(group);
            let new: Vec<Labels> =
                alerts.iter().filter(|alert| before.is_none_or(|before| !before.contains(*alert))).cloned().collect();
            if new.is_empty() || silent(&group.0) {
                continue;
            }
            let page = new.iter().any(&pages) && before.is_none_or(|before| !before.iter().any(&pages));
            let warning = new.iter().any(|alert| !pages(alert));
            if page || warning || before.is_some() {
                all.push(Notification { minute, page, alerts: new });
            }
        }
        // Alertmanager forgets a group when its last alert has ended.
        messages = groups;
    }
    all
}
