//! The ledger of incidents: what happened when, and how a person should be notified. It knows nothing of rules.

use super::board::Labels;
use std::collections::BTreeSet;
use std::fmt;

/// The notification that an incident deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loud {
    /// A message is enough.
    Message,
    /// Somebody must be woken up.
    Page,
}

/// One incident.
#[derive(Debug, Clone)]
pub struct Incident {
    /// A description.
    pub what: &'static str,
    /// The minute at which it began. A notification from then on is not false, even if the incident does not matter
    /// yet.
    pub since: usize,
    /// The minute at which it began to matter: a person who looks would act.
    pub begin: usize,
    /// The minute at which it ended.
    pub end: usize,
    /// Minutes after the end in which alerts may still fire, because ratios over a day or restart counts still show it.
    pub traces: usize,
    /// The notification that it deserves.
    pub loud: Loud,
    /// Names of the affected objects. An alert belongs to the incident if one of them is the value of one of its
    /// labels.
    pub names: BTreeSet<String>,
    /// What other exporters call the same objects, such as the address of a database's exporter.
    pub also: BTreeSet<String>,
    /// Our checks that look at what it changed, by identifier or by the kind of their target. An alert that names a
    /// check must name one of them. None stands for all.
    pub checks: Vec<&'static str>,
}

impl Incident {
    /// Whether a notification at a minute, about an alert with these labels, belongs to the incident.
    pub fn is_reported_by(&self, minute: usize, alert: &Labels) -> bool {
        (self.since..=self.end + self.traces).contains(&minute)
            && alert.values().any(|value| self.names.contains(value) || self.also.contains(value))
            && self.is_about(alert)
    }

    /// An alert about a target that cannot be reached names its kind, every other one of ours a check.
    fn is_about(&self, alert: &Labels) -> bool {
        let is_one = |of: &str| {
            let kind = checklist::signals::by_id(of).and_then(|signal| signal.kind.reaches());
            self.checks.iter().any(|known| *known == of || Some(*known) == kind)
        };
        let named = || ["kind", "check"].iter().filter_map(|label| alert.get(*label));
        self.checks.is_empty() || named().next().is_none() || named().any(|of| is_one(of))
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        write!(f, "{} ({})", self.what, names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::board::labels;

    #[test]
    fn an_alert_belongs_to_an_incident_of_its_object_and_check() {
        let incident = Incident {
            what: "database down",
            since: 10,
            begin: 10,
            end: 20,
            traces: 5,
            loud: Loud::Page,
            names: std::iter::once("shop".to_owned()).collect(),
            also: std::iter::once("shop.db:9187".to_owned()).collect(),
            checks: vec!["postgres", "health"],
        };
        let reported = |minute: usize, alert: &[(&str, &str)]| incident.is_reported_by(minute, &labels(alert));
        assert!(reported(10, &[("target", "shop"), ("check", "health")]));
        assert!(reported(25, &[("target", "shop"), ("check", "exporter"), ("kind", "postgres")]));
        assert!(reported(12, &[("target", "shop"), ("check", "connections")]));
        assert!(reported(12, &[("instance", "shop.db:9187"), ("alertname", "SomebodyElses")]));
        assert!(!reported(26, &[("target", "shop"), ("check", "health")]));
        assert!(!reported(12, &[("target", "billing"), ("check", "health")]));
        assert!(!reported(12, &[("target", "shop"), ("check", "images")]));
    }
}
