//! What Alertmanager makes of firing alerts: groups, inhibition, routes; a notification is what reaches a person.

use super::board::Labels;
use super::evaluate::Firing;
use rules_gen::routing::Configuration;
use std::collections::{BTreeMap, BTreeSet};

/// Something that reached a person.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The minute.
    pub minute: usize,
    /// Whether it wakes somebody.
    pub page: bool,
    /// The alerts in it.
    pub alerts: Vec<Labels>,
}

/// A group of one route: its receiver, and the values of the labels that make it.
type Group = (String, Vec<String>);

/// The notifications of a course of alerts. A group that is told of and gets one more alert is told again as a message
/// within the same page, as PagerDuty does it: it wakes nobody a second time.
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
        // Alertmanager forgets a group with its last alert.
        messages = groups;
    }
    all
}
