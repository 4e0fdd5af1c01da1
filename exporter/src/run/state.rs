//! What is known of one check: its counters, its last run, and what that run saw.

use crate::probe::Failure;
use crate::run::durations;
use checklist::config::Check;
use checklist::self_metrics::{self, PER_CHECK};
use checklist::{Evidence, Kind, Limits, Metric, Reading, Reason, Samples, Series, Severity, Unseen, Verdict};
use prometheus_client::metrics::histogram::Histogram;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Facts outlive the probe for a week: long enough for the alert on them to be acted upon.
const FACTS_LAST: f64 = 7.0 * 86_400.0;

/// Runs that are remembered for people.
const HISTORY: usize = 100;

/// The memory of one check.
#[derive(Debug, Clone)]
pub struct State {
    /// The check it belongs to.
    pub check: Check,
    limits: Limits,
    runs: u64,
    failures: BTreeMap<Reason, u64>,
    dropped: u64,
    last_run: Option<f64>,
    last_success: Option<f64>,
    duration: f64,
    /// How long runs took, of all checks of the signal.
    pub durations: Histogram,
    /// Shared with the copies that readers hold.
    series: Arc<[Series]>,
    /// What the last successful run says of its target.
    judged: Verdict,
    /// What the last run that looked at anything looked at.
    pub evidence: Evidence,
    /// What is bad, as sentences.
    pub findings: Vec<String>,
    /// The values that were judged, beside their limits.
    pub readings: Vec<Reading>,
    /// Whether the last run saw anything of its target.
    got_through: bool,
    /// Why the last run failed, if it did.
    pub failure: Option<Failure>,
    /// The last runs, oldest first.
    pub history: VecDeque<Run>,
}

/// One run that ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it ended, Unix seconds.
    pub at: f64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// What it says of its target.
    pub verdict: Verdict,
    /// What was bad, or why nobody can tell.
    pub why: Arc<str>,
    /// What it looked at.
    pub seen: Arc<str>,
}

impl State {
    /// A check that has not run.
    pub fn new(check: Check, limits: Limits) -> Self {
        Self {
            check,
            limits,
            runs: 0,
            failures: Reason::ALL.into_iter().map(|reason| (reason, 0)).collect(),
            dropped: 0,
            last_run: None,
            last_success: None,
            duration: 0.0,
            durations: durations::histogram(),
            series: Arc::default(),
            judged: Verdict::CannotTell,
            evidence: Evidence::default(),
            findings: Vec::new(),
            readings: Vec::new(),
            got_through: false,
            failure: None,
            history: VecDeque::new(),
        }
    }

    /// The same, with the histogram of the signal's other checks.
    #[must_use]
    pub fn timed_by(mut self, durations: Histogram) -> Self {
        self.durations = durations;
        self
    }

    /// Forgets every run: from now on another process makes the check.
    pub fn forget(&mut self) {
        *self = Self::new(self.check.clone(), self.limits.clone()).timed_by(self.durations.clone());
    }

    /// Takes in the result of a run that ended at `now` (Unix seconds). A successful run replaces what the one before
    /// saw, whole. A run that saw none of what must be there, and nothing bad, is a failed one.
    pub fn record(&mut self, result: Result<Samples, Failure>, now: f64, took: Duration) {
        self.runs += 1;
        self.last_run = Some(now);
        self.duration = took.as_secs_f64();
        self.got_through = result.is_ok();
        self.durations.observe(self.duration);
        let result = result.and_then(|samples| self.evaluate(samples, now));
        self.failure = result.err();
        match &self.failure {
            Some(failure) => *self.failures.entry(failure.reason).or_default() += 1,
            None => self.last_success = Some(now),
        }
        let verdict = if self.failure.is_some() { Verdict::CannotTell } else { self.judged };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        let seen = if self.failure.is_some() { String::new() } else { self.evidence.to_string() };
        // A check that fails for a day says the same a hundred times: it is kept once.
        let same = |text: String, last: Option<&Arc<str>>| match last {
            Some(last) if **last == *text => Arc::clone(last),
            _ => text.into(),
        };
        let last = self.history.back();
        let why = same(self.why(), last.map(|run| &run.why));
        let seen = same(seen, last.map(|run| &run.seen));
        self.history.push_back(Run { at: now, seconds: self.duration, verdict, why, seen });
    }

    /// The one place where a verdict is made: what is bad counts whatever was not seen, and only what was seen whole
    /// and is good passes.
    fn evaluate(&mut self, samples: Samples, now: f64) -> Result<(), Failure> {
        let signal = self.check.signal;
        let (series, dropped, mut evidence) = samples.into_parts();
        self.dropped += dropped;
        let findings = signal.evaluate(&series, now, &self.limits);
        let missing = evidence.missing(signal.looks);
        self.evidence = evidence;
        if let (Some((reason, what)), true) = (missing, findings.is_empty()) {
            return Err(Failure::new(reason, what));
        }
        self.judged = match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Critical) => Verdict::Critical,
            Some(Severity::Warning) => Verdict::Warning,
            None if self.evidence.is_partial() => Verdict::CannotTell,
            None => Verdict::Passed,
        };
        self.readings = signal.readings(&series, now, &self.limits);
        self.findings = findings.iter().map(ToString::to_string).collect();
        self.series = series.into();
        Ok(())
    }

    /// What is bad and what was not seen, or why nobody can tell; empty when all was seen and is well.
    pub fn why(&self) -> String {
        match &self.failure {
            Some(failure) => failure.to_string(),
            None if self.runs == 0 => "it has not run".to_owned(),
            None => {
                let gaps = self.evidence.gaps();
                let unseen = (!gaps.is_empty()).then(|| format!("not seen: {gaps}"));
                self.findings.iter().cloned().chain(unseen).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// What the last run looked at and the worst of it, in one sentence; empty when it could not look.
    pub fn seen(&self) -> String {
        if self.failure.is_some() || self.runs == 0 {
            return String::new();
        }
        let readings = self.readings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        [self.evidence.to_string(), readings].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// When the last successful run ended, Unix seconds.
    pub const fn last_success(&self) -> Option<f64> {
        self.last_success
    }

    /// When the last run ended, and why it saw nothing at all, if so: one that saw too little has got through.
    pub fn last_run(&self) -> Option<(f64, Option<Reason>)> {
        let failed = self.failure.as_ref().filter(|_| !self.got_through).map(|failure| failure.reason);
        Some((self.last_run?, failed))
    }

    /// Whether the last run did not get through to the target.
    pub fn is_cut_off(&self) -> bool {
        self.last_run().and_then(|(_, failed)| failed).is_some_and(Reason::is_of_the_way)
    }

    /// Whether a run has ended.
    pub fn has_run(&self) -> bool {
        self.runs > 0
    }

    /// What the check says of its target: nobody can tell while the last run failed, or is too old, or none was made.
    pub fn verdict(&self, now: f64) -> Verdict {
        if self.failure.is_none() && self.is_fresh(now) { self.judged } else { Verdict::CannotTell }
    }

    fn is_fresh(&self, now: f64) -> bool {
        let (interval, timeout) = (self.check.interval.as_secs_f64(), self.check.timeout.as_secs_f64());
        let stale_after = (3.0 * interval).max(interval + timeout);
        self.last_success.is_some_and(|at| now - at <= stale_after)
    }

    /// The series to expose at `now`: counters always, levels while fresh, facts for a week.
    pub fn exposed(&self, now: f64) -> impl Iterator<Item = &Series> {
        let fresh = self.is_fresh(now);
        let facts = self.last_success.is_some_and(|at| now - at <= FACTS_LAST);
        self.series.iter().filter(move |series| match series.metric.kind {
            Kind::Counter | Kind::Histogram => true,
            Kind::Gauge => fresh,
            Kind::Fact => facts,
        })
    }

    /// The series of a metric about the check at `now`, without the labels `check` and `target`.
    pub fn self_metric(&self, metric: &'static Metric, now: f64) -> Vec<(Vec<String>, f64)> {
        debug_assert!(PER_CHECK.iter().any(|known| std::ptr::eq(*known, metric)));
        let one = |value: f64| vec![(Vec::new(), value)];
        let flag = |value: bool| one(f64::from(u8::from(value)));
        let some = |value: Option<f64>| value.map(one).unwrap_or_default();
        match metric {
            m if *m == self_metrics::PROBE_SUCCESS => flag(self.has_run() && self.failure.is_none()),
            m if *m == self_metrics::CHECK_PASSED => match self.judged {
                Verdict::CannotTell => Vec::new(),
                _ if !self.is_fresh(now) => Vec::new(),
                judged => flag(judged == Verdict::Passed),
            },
            m if *m == self_metrics::SEEN => {
                self.evidence.seen().map(|(object, n)| (vec![object.as_str().to_owned()], n as f64)).collect()
            }
            m if *m == self_metrics::UNSEEN => {
                let labels = |unseen: &Unseen| vec![unseen.object.as_str().to_owned(), unseen.reason.to_string()];
                self.evidence.unseen().map(|unseen| (labels(&unseen), unseen.count as f64)).collect()
            }
            m if *m == self_metrics::SINCE => some(self.evidence.since()),
            m if *m == self_metrics::LAST_RUN => some(self.last_run),
            m if *m == self_metrics::LAST_SUCCESS => some(self.last_success),
            m if *m == self_metrics::DURATION => one(self.duration),
            m if *m == self_metrics::INTERVAL => one(self.check.interval.as_secs_f64()),
            m if *m == self_metrics::RUNS => one(self.runs as f64),
            m if *m == self_metrics::SERIES_DROPPED => one(self.dropped as f64),
            m if *m == self_metrics::FAILURES => {
                self.failures.iter().map(|(reason, count)| (vec![reason.to_string()], *count as f64)).collect()
            }
            _ => {
                let signal = self.check.signal;
                let labels = [signal.cadence.as_str(), signal.section, signal.worst().as_str()];
                vec![(labels.map(str::to_owned).to_vec(), 1.0)]
            }
        }
    }
}
