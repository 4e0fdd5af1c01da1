//! The ledger of incidents: what happened when, and how a person should be notified. It knows nothing of rules.

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
}

impl Incident {
    /// Whether a notification at a minute, about alerts with these label values, belongs to the incident.
    pub fn is_reported_by<'a>(&self, minute: usize, mut values: impl Iterator<Item = &'a str>) -> bool {
        (self.since..=self.end + self.traces).contains(&minute) && values.any(|value| self.names.contains(value))
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        write!(f, "{} ({})", self.what, names.join(", "))
    }
}
