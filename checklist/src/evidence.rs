//! What a run of a check looked at. A verdict without evidence is none: a run that saw nothing where something
//! must be is not "passed", and what was left out is part of what people read.

use crate::reason::Reason;
use std::collections::BTreeMap;
use std::fmt;

/// Sentences about what was not seen that a run keeps; more of them say nothing new to a person.
const MAX_SENTENCES: usize = 20;

/// A kind of thing that checks look at: the label `object`, a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A database account of the application.
    Account,
    /// An active alert of Alertmanager.
    Alert,
    /// An API key of the application.
    ApiKey,
    /// A horizontal pod autoscaler.
    Autoscaler,
    /// An object of a bucket that is a backup.
    Backup,
    /// A certificate of a presented chain or of a file.
    Certificate,
    /// A persistent volume claim.
    Claim,
    /// A container of a pod.
    Container,
    /// A database of a server.
    Database,
    /// A row of the audit table.
    Event,
    /// A field of a health page.
    Field,
    /// An index of a database.
    Index,
    /// The log of a pod.
    Log,
    /// A metric that rules or panels read.
    Metric,
    /// A namespace of a cluster.
    Namespace,
    /// A node of a cluster.
    Node,
    /// A health page.
    Page,
    /// A pod.
    Pod,
    /// A record of what people or proofs did.
    Record,
    /// A report of a scanner.
    Report,
    /// A role of the application.
    Role,
    /// A row of a query's result.
    Row,
    /// A rule or a set of rules in Prometheus.
    Rule,
    /// A secret of a cluster.
    Secret,
    /// A series that the check would expose.
    Series,
    /// A service of a cluster.
    Service,
    /// A session of a database server.
    Session,
    /// A silence of Alertmanager.
    Silence,
    /// A statement that a database server keeps statistics of.
    Statement,
    /// A table of a database.
    Table,
    /// A task of people.
    Task,
    /// A workflow of the application.
    Workflow,
    /// A deployment, stateful set, daemon set or another owner of pods.
    Workload,
}

impl Object {
    /// The label value, which is also the word for one of them.
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// The words for one and for many.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Account => ("account", "accounts"),
            Self::Alert => ("alert", "alerts"),
            Self::ApiKey => ("api_key", "API keys"),
            Self::Autoscaler => ("autoscaler", "autoscalers"),
            Self::Backup => ("backup", "backups"),
            Self::Certificate => ("certificate", "certificates"),
            Self::Claim => ("claim", "claims"),
            Self::Container => ("container", "containers"),
            Self::Database => ("database", "databases"),
            Self::Event => ("event", "events"),
            Self::Field => ("field", "fields"),
            Self::Index => ("index", "indexes"),
            Self::Log => ("log", "logs"),
            Self::Metric => ("metric", "metrics"),
            Self::Namespace => ("namespace", "namespaces"),
            Self::Node => ("node", "nodes"),
            Self::Page => ("page", "pages"),
            Self::Pod => ("pod", "pods"),
            Self::Record => ("record", "records"),
            Self::Report => ("report", "reports"),
            Self::Role => ("role", "roles"),
            Self::Row => ("row", "rows"),
            Self::Rule => ("rule", "rules"),
            Self::Secret => ("secret", "secrets"),
            Self::Series => ("series", "series"),
            Self::Service => ("service", "services"),
            Self::Session => ("session", "sessions"),
            Self::Silence => ("silence", "silences"),
            Self::Statement => ("statement", "statements"),
            Self::Table => ("table", "tables"),
            Self::Task => ("task", "tasks"),
            Self::Workflow => ("workflow", "workflows"),
            Self::Workload => ("workload", "workloads"),
        }
    }

    /// `1 pod`, `12 pods`.
    pub fn counted(self, count: u64) -> String {
        let (one, many) = self.words();
        let word = if count == 1 { one } else { many };
        format!("{count} {}", word.replace('_', " "))
    }
}

/// What a signal declares about one kind of object that its probe looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// What is looked at.
    pub object: Object,
    /// Whether a run that saw none of them saw too little to judge.
    pub required: bool,
}

impl Looks {
    /// At least one must be seen; a run that saw none cannot tell.
    pub const fn at_some(object: Object) -> Self {
        Self { object, required: true }
    }

    /// None of them is fine, as long as the probe says that it looked.
    pub const fn at_any(object: Object) -> Self {
        Self { object, required: false }
    }
}

/// Objects that should have been judged and were not, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// What was not seen.
    pub object: Object,
    /// Why not, from the closed set.
    pub reason: Reason,
    /// How many.
    pub count: u64,
}

/// What one run looked at, and what it left out.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    seen: BTreeMap<Object, u64>,
    unseen: BTreeMap<(Object, Reason), u64>,
    sentences: Vec<String>,
    notes: Vec<String>,
    since: Option<f64>,
}

impl Evidence {
    /// Counts objects that were judged. Zero is evidence too: the probe looked, and there was none.
    pub fn saw(&mut self, object: Object, count: u64) {
        *self.seen.entry(object).or_default() += count;
    }

    /// Counts objects that should have been judged and were not; `what` says to people which, why, and what to do.
    pub fn missed(&mut self, object: Object, reason: Reason, count: u64, what: impl Into<String>) {
        *self.unseen.entry((object, reason)).or_default() += count;
        if self.sentences.len() < MAX_SENTENCES {
            self.sentences.push(what.into());
        }
    }

    /// A remark for people that changes no verdict, such as what a count leaves out on purpose.
    pub fn note(&mut self, remark: impl Into<String>) {
        if self.notes.len() < MAX_SENTENCES {
            self.notes.push(remark.into());
        }
    }

    /// The values count since this time (Unix seconds), such as the last reset of statistics. Of several times the latest
    /// is used.
    pub fn counts_since(&mut self, at: f64) {
        self.since = Some(self.since.map_or(at, |known| known.max(at)));
    }

    /// How many were judged of each kind, zero included.
    pub fn seen(&self) -> impl Iterator<Item = (Object, u64)> {
        self.seen.iter().map(|(object, count)| (*object, *count))
    }

    /// What was not judged.
    pub fn unseen(&self) -> impl Iterator<Item = Unseen> {
        self.unseen.iter().map(|((object, reason), count)| Unseen { object: *object, reason: *reason, count: *count })
    }

    /// When the values began to count, Unix seconds, if they have a begin.
    pub const fn since(&self) -> Option<f64> {
        self.since
    }

    /// Whether something that should have been judged was not.
    pub fn is_partial(&self) -> bool {
        !self.unseen.is_empty()
    }

    /// What was not seen, in sentences.
    pub fn gaps(&self) -> String {
        self.sentences.join("; ")
    }

    /// Holds the evidence against what the signal declares: a kind that the probe says nothing about, or of which it
    /// saw none although some must be there, is unseen. Returns the reason when the run saw too little to judge.
    pub fn missing(&mut self, looks: &[Looks]) -> Option<(Reason, String)> {
        let mut first = None;
        for Looks { object, required } in looks {
            let unknown = !self.seen.contains_key(object);
            let none = self.seen.get(object).is_none_or(|count| *count == 0);
            if !(unknown || (*required && none)) {
                continue;
            }
            let message = self.unseen.keys().find(|(unseen, _)| unseen == object).map(|(_, reason)| *reason);
            if message.is_none() {
                let what = format!("no {} was seen", object.as_str().replace('_', " "));
                self.missed(*object, Reason::NotFound, 1, what);
            }
            if *required {
                first = first.or(Some(message.unwrap_or(Reason::NotFound)));
            }
        }
        Some((first?, self.gaps()))
    }
}

impl fmt::Display for Evidence {
    /// `4 workloads, 12 pods`: what was looked at, then remarks, then since when it counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.seen().map(|(object, count)| object.counted(count)).collect();
        let mut parts = vec![counts.join(", ")];
        parts.extend(self.notes.iter().cloned());
        if let Some(since) = self.since {
            #[expect(clippy::cast_possible_truncation, reason = "a time within the next thousand years")]
            let since = jiff::Timestamp::from_second(since as i64).unwrap_or_default();
            parts.push(format!("counting since {}", since.strftime("%Y-%m-%d %H:%M UTC")));
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join("; "))
    }
}

/// What a check says about its target, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// All that must be seen was seen, and all of it is good.
    Passed,
    /// Nothing bad was seen, but something that must be seen was not.
    CannotTell,
    /// Something that was seen is beyond a limit that warns.
    Warning,
    /// Something that was seen is beyond a limit that pages.
    Critical,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Self; 4] = [Self::Passed, Self::CannotTell, Self::Warning, Self::Critical];

    /// The word for people and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::CannotTell => "cannot tell",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &[Looks] = &[Looks::at_some(Object::Pod), Looks::at_any(Object::Service)];

    #[test]
    fn none_of_what_must_be_there_is_too_little_to_judge() {
        let mut nothing = Evidence::default();
        nothing.saw(Object::Pod, 0);
        nothing.saw(Object::Service, 0);
        assert_eq!(nothing.missing(PODS), Some((Reason::NotFound, "no pod was seen".to_owned())));
        assert!(nothing.is_partial());
    }

    #[test]
    fn the_probes_own_reason_is_kept_and_a_part_is_enough_to_judge() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Service, 0);
        evidence.missed(Object::Pod, Reason::Permission, 3, "no right to list pods in shop");
        assert_eq!(evidence.missing(PODS), Some((Reason::Permission, "no right to list pods in shop".to_owned())));
        evidence.saw(Object::Pod, 2);
        assert_eq!(evidence.missing(PODS), None);
        assert!(evidence.is_partial());
    }

    #[test]
    fn a_probe_that_says_nothing_about_a_declared_kind_cannot_pass() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Pod, 1);
        assert_eq!(evidence.missing(PODS), None, "services are not required");
        assert!(evidence.is_partial(), "but nobody looked for them");
    }

    #[test]
    fn what_was_looked_at_is_one_sentence() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Pod, 12);
        evidence.saw(Object::ApiKey, 1);
        evidence.note("2 of them idle");
        evidence.counts_since(0.0);
        assert_eq!(evidence.to_string(), "1 api key, 12 pods; 2 of them idle; counting since 1970-01-01 00:00 UTC");
    }
}
