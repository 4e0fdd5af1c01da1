//! What a run of a check looked at. A verdict needs evidence: a run that saw nothing where something must exist has not
//! "passed". Users also read what was left out.

use crate::reason::Reason;
use std::collections::BTreeMap;
use std::fmt;

/// The maximum number of sentences about unseen objects that a run keeps, because more of them do not help
/// a person.
const MAX_SENTENCES: usize = 20;

/// A kind of object that checks look at. It is the label `object`, so the set is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A database account of the application.
    Account,
    /// An active alert in Alertmanager.
    Alert,
    /// An API key of the application.
    ApiKey,
    Autoscaler,
    /// A backup, as an object of a bucket.
    Backup,
    /// A certificate of a presented chain or of a file.
    Certificate,
    Claim,
    Container,
    /// A task that a cluster runs by a schedule.
    CronJob,
    Database,
    /// A row of the audit table.
    Event,
    /// A field of a health page.
    Field,
    Index,
    /// A run of a task in a cluster.
    Job,
    /// The log of a pod.
    Log,
    /// A metric that rules or panels read.
    Metric,
    Namespace,
    Node,
    /// A health page.
    Page,
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
    Secret,
    /// A series that the check would expose.
    Series,
    /// A service of a cluster.
    Service,
    /// A session of a database server.
    Session,
    Silence,
    /// A statement in the statistics of a database server.
    Statement,
    Table,
    /// A manual task.
    Task,
    /// A workflow of the application.
    Workflow,
    /// A deployment, stateful set, daemon set or another owner of pods.
    Workload,
}

impl Object {
    /// Returns the label value, which is also the word for one object.
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// Returns the words for one and for many.
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
            Self::CronJob => ("cron_job", "cron jobs"),
            Self::Database => ("database", "databases"),
            Self::Event => ("event", "events"),
            Self::Field => ("field", "fields"),
            Self::Index => ("index", "indexes"),
            Self::Job => ("job", "jobs"),
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

    /// Returns a count with its word: `1 pod`, `12 pods`.
    pub fn counted(self, count: u64) -> String {
        let (one, many) = self.words();
        let word = if count == 1 { one } else { many };
        format!("{count} {}", word.replace('_', " "))
    }
}

/// A kind of object that the probe of a signal looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    pub object: Object,
    /// Whether a run that saw no such object cannot judge.
    pub required: bool,
}

impl Looks {
    /// At least one object must be seen. A run that saw none cannot judge.
    pub const fn at_some(object: Object) -> Self {
        Self { object, required: true }
    }

    /// It is fine to see no such object, as long as the probe reports that it looked.
    pub const fn at_any(object: Object) -> Self {
        Self { object, required: false }
    }
}

/// Objects that should have been judged and were not, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    pub object: Object,
    pub reason: Reason,
    pub count: u64,
}

/// The objects that one run looked at and those that it left out.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    seen: BTreeMap<Object, u64>,
    unseen: BTreeMap<(Object, Reason), u64>,
    sentences: Vec<String>,
    notes: Vec<String>,
    since: Option<f64>,
}

impl Evidence {
    /// Counts objects that were judged. A count of 0 is evidence, too: the probe looked and there was none.
    pub fn saw(&mut self, object: Object, count: u64) {
        *self.seen.entry(object).or_default() += count;
    }

    /// Counts objects that should have been judged and were not. `what` is a sentence for users: which objects, why,
    /// and what to do.
    pub fn missed(&mut self, object: Object, reason: Reason, count: u64, what: impl Into<String>) {
        *self.unseen.entry((object, reason)).or_default() += count;
        let what = what.into();
        if self.sentences.len() < MAX_SENTENCES && !self.sentences.contains(&what) {
            self.sentences.push(what);
        }
    }

    /// Adds a remark for users that changes no verdict, such as what a count leaves out on purpose.
    pub fn note(&mut self, remark: impl Into<String>) {
        if self.notes.len() < MAX_SENTENCES {
            self.notes.push(remark.into());
        }
    }

    /// Sets the time (Unix seconds) since which the values are counted, such as the last reset of statistics. Of
    /// several times the latest is kept.
    pub fn counts_since(&mut self, at: f64) {
        self.since = Some(self.since.map_or(at, |known| known.max(at)));
    }

    /// Returns the number of judged objects by kind, including zeros.
    pub fn seen(&self) -> impl Iterator<Item = (Object, u64)> {
        self.seen.iter().map(|(object, count)| (*object, *count))
    }

    /// Returns the objects that were not judged.
    pub fn unseen(&self) -> impl Iterator<Item = Unseen> {
        self.unseen.iter().map(|((object, reason), count)| Unseen { object: *object, reason: *reason, count: *count })
    }

    /// Returns the time (Unix seconds) since which the values are counted, if there is one.
    pub const fn since(&self) -> Option<f64> {
        self.since
    }

    /// Returns whether objects were not judged that should have been.
    pub fn is_partial(&self) -> bool {
        !self.unseen.is_empty()
    }

    /// Describes in sentences what was not seen.
    pub fn gaps(&self) -> String {
        self.sentences.join("; ")
    }

    /// Compares the evidence with what the signal declares. A kind counts as unseen when the probe did not report it,
    /// or saw none although at least one is required. Returns the reason when the run saw too little to judge: none of
    /// a required kind, or nothing of any kind.
    pub fn missing(&mut self, looks: &[Looks]) -> Option<(Reason, String)> {
        let nothing = self.seen.is_empty();
        let gap = self.unseen.keys().next().map(|(_, reason)| *reason);
        let mut first = None;
        for Looks { object, required } in looks {
            let unknown = !self.seen.contains_key(object);
            let none = self.seen.get(object).is_none_or(|count| *count == 0);
            if !(unknown || (*required && none)) {
                continue;
            }
            let known = self.unseen.keys().find(|(unseen, _)| unseen == object).map(|(_, reason)| *reason);
            // A probe that did not come to look for this kind has said why.
            let reason = known.or(gap.filter(|_| unknown));
            match (known, reason) {
                (Some(_), _) => {}
                (None, Some(reason)) => *self.unseen.entry((*object, reason)).or_default() += 1,
                (None, None) => {
                    let what = format!("no {} found", object.as_str().replace('_', " "));
                    self.missed(*object, Reason::NotFound, 1, what);
                }
            }
            if *required || nothing {
                first = first.or(Some(reason.unwrap_or(Reason::NotFound)));
            }
        }
        Some((first?, self.gaps()))
    }
}

impl fmt::Display for Evidence {
    /// Writes `4 workloads, 12 pods`, then remarks, then the time since which values are counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.seen().map(|(object, count)| object.counted(count)).collect();
        let mut parts = vec![counts.join(", ")];
        parts.extend(self.notes.iter().cloned());
        if let Some(since) = self.since {
            #[expect(clippy::cast_possible_truncation, reason = "a time within the next thousand years")]
            let since = jiff::Timestamp::from_second(since as i64).unwrap_or_default();
            parts.push(format!("counted since {}", since.strftime("%Y-%m-%d %H:%M UTC")));
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join("; "))
    }
}

/// The verdict of a check on its target, ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything required was seen, and all of it is good.
    Passed,
    /// Nothing bad was seen, but something required was not seen.
    CannotTell,
    /// Something is beyond its warning limit.
    Warning,
    /// Something is beyond its critical limit.
    Critical,
}

impl Verdict {
    /// Every verdict, from best to worst.
    pub const ALL: [Self; 4] = [Self::Passed, Self::CannotTell, Self::Warning, Self::Critical];

    /// Returns the word for users and JSON.
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
    fn without_a_required_object_there_is_no_verdict() {
        let mut nothing = Evidence::default();
        nothing.saw(Object::Pod, 0);
        nothing.saw(Object::Service, 0);
        assert_eq!(nothing.missing(PODS), Some((Reason::NotFound, "no pod found".to_owned())));
        assert!(nothing.is_partial());
    }

    #[test]
    fn a_probe_failure_keeps_its_reason_and_partial_evidence_gives_a_verdict() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Service, 0);
        evidence.missed(Object::Pod, Reason::Permission, 3, "no right to list pods in shop");
        assert_eq!(evidence.missing(PODS), Some((Reason::Permission, "no right to list pods in shop".to_owned())));
        evidence.saw(Object::Pod, 2);
        assert_eq!(evidence.missing(PODS), None);
        assert!(evidence.is_partial());
    }

    #[test]
    fn a_probe_without_evidence_of_a_declared_object_kind_cannot_pass() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Pod, 1);
        assert_eq!(evidence.missing(PODS), None, "services are not required");
        assert!(evidence.is_partial(), "but nobody looked for them");
    }

    #[test]
    fn a_run_that_saw_nothing_of_any_kind_has_failed() {
        const ANY: &[Looks] = &[Looks::at_any(Object::Alert), Looks::at_any(Object::Silence)];
        let mut evidence = Evidence::default();
        for object in [Object::Alert, Object::Silence] {
            evidence.missed(object, Reason::Permission, 1, "the server refuses every list");
        }
        assert_eq!(evidence.missing(ANY), Some((Reason::Permission, "the server refuses every list".to_owned())));
        evidence.saw(Object::Silence, 0);
        assert_eq!(evidence.missing(ANY), None, "there is no silence, and that is known");
    }

    #[test]
    fn the_evidence_is_printed_as_one_sentence() {
        let mut evidence = Evidence::default();
        evidence.saw(Object::Pod, 12);
        evidence.saw(Object::ApiKey, 1);
        evidence.note("2 of them idle");
        evidence.counts_since(0.0);
        assert_eq!(evidence.to_string(), "1 api key, 12 pods; 2 of them idle; counted since 1970-01-01 00:00 UTC");
    }
}
