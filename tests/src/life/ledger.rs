//! What went wrong, from when to when, and what a person should have been told. Nothing here knows of any rule.

use std::collections::BTreeSet;
use std::fmt;

/// How loudly a person should be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loud {
    /// A message is enough.
    Message,
    /// Somebody must be woken.
    Page,
}

/// One thing that went wrong.
#[derive(Debug, Clone)]
pub struct Incident {
    /// What happened.
    pub what: &'static str,
    /// The minute at which it began, whether it mattered already or not: who is told of it then is not told falsely.
    pub since: usize,
    /// The minute at which it began to matter: when a person who looked would have acted.
    pub begin: usize,
    /// The minute at which it was over.
    pub end: usize,
    /// How long its traces stay: a ratio over a day, a restart that is news until tomorrow.
    pub traces: usize,
    /// How loudly.
    pub loud: Loud,
    /// Names of what is affected, one of which must be among the values of an alert's labels.
    pub names: BTreeSet<String>,
}

impl Incident {
    /// Whether something told at a minute about these values may be about this incident.
    pub fn is_told_by<'a>(&self, minute: usize, mut values: impl Iterator<Item = &'a str>) -> bool {
        (self.since..=self.end + self.traces).contains(&minute) && values.any(|value| self.names.contains(value))
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        write!(f, "{} ({})", self.what, names.join(", "))
    }
}
