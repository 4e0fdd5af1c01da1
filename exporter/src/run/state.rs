//! The state of one check: its counters, its last run, and the values that it exposes.

use crate::probe::Failure;
use crate::run::durations;
use checklist::config::Check;
use checklist::self_metrics::{self, PER_CHECK};
use checklist::{Evidence, Kind, Limits, Metric, Reading, Reason, Samples, Series, Severity, Unseen, Verdict};
use prometheus_client::metrics::histogram::Histogram;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Seconds for which facts (such as the end of a certificate) are exposed after the last successful run. A week is long
/// enough to act upon the alerts on them.
const FACTS_LAST: f64 = 7.0 * 86_400.0;

/// Number of runs kept for the status page.
const HISTORY: usize = 100;

/// The state of one check.
#[derive(Debug, Clone)]
pub struct State {
    pub check: Check,
    limits: Limits,
    runs: u64,
    failures: BTreeMap<Reason, u64>,
    dropped: u64,
    last_run: Option<f64>,
    last_success: Option<f64>,
    duration: f64,
    /// Durations of runs, of all checks of the signal.
    pub durations: Histogram,
    /// The series of the last successful run, shared with the snapshots that readers hold.
    series: Arc<[Series]>,
    /// The verdict of the last successful run.
    judged: Verdict,
    /// The objects that the last run has examined or missed. A run that failed before it examined anything does not
    /// replace it.
    pub evidence: Evidence,
    /// The findings of the last successful run, as sentences.
    pub findings: Vec<String>,
    /// The judged values of the last successful run, beside their limits.
    pub readings: Vec<Reading>,
    /// Whether the probe returned samples in the last run, whatever their verdict.
    got_through: bool,
    /// The failure of the last run, if it failed.
    pub failure: Option<Failure>,
    /// The last runs, oldest first, at most `HISTORY`.
    pub history: VecDeque<Run>,
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// End of the run, Unix seconds.
    pub at: f64,
    /// Duration in seconds.
    pub seconds: f64,
    pub verdict: Verdict,
    /// The findings, or the reason why the check could not be made.
    pub why: Arc<str>,
    /// The examined objects as a sentence; empty for a failed run.
    pub seen: Arc<str>,
}

impl State {
    /// Creates the state of a check that has not run.
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

    /// Sets the histogram that the checks of a signal share.
    #[must_use]
    pub fn timed_by(mut self, durations: Histogram) -> Self {
        self.durations = durations;
        self
    }

    /// Clears everything about runs, because another process makes the check from now on.
    pub fn forget(&mut self) {
        *self = Self::new(self.check.clone(), self.limits.clone()).timed_by(self.durations.clone());
    }

    /// Records the result of a run that ended at `now` (Unix seconds). The results of a successful run replace those of
    /// the one before. A run that missed a required object and has no findings counts as failed.
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
        // A check that fails for a day has the same text in every run: equal texts are stored once.
        let same = |text: String, last: Option<&Arc<str>>| match last {
            Some(last) if **last == *text => Arc::clone(last),
            _ => text.into(),
        };
        let last = self.history.back();
        let why = same(self.why(), last.map(|run| &run.why));
        let seen = same(seen, last.map(|run| &run.seen));
        self.history.push_back(Run { at: now, seconds: self.duration, verdict, why, seen });
    }

    /// The only place where a verdict is made. Findings count even if some objects were not seen; a check passes only
    /// if everything was seen and nothing is bad.
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

    /// Returns the findings and the objects that were not seen, or the reason why the check could not be made. Empty
    /// when the check passed.
    pub fn why(&self) -> String {
        match &self.failure {
            Some(failure) => failure.to_string(),
            None if self.runs == 0 => "it has not run yet".to_owned(),
            None => {
                let gaps = self.evidence.gaps();
                let unseen = (!gaps.is_empty()).then(|| format!("not seen: {gaps}"));
                self.findings.iter().cloned().chain(unseen).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// Returns the examined objects and the judged values in one sentence; empty when the last run failed.
    pub fn seen(&self) -> String {
        if self.failure.is_some() || self.runs == 0 {
            return String::new();
        }
        let readings = self.readings.iter().filter(|reading| reading.is_worth_showing());
        let readings = readings.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        [self.evidence.to_string(), readings].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// End of the last successful run, Unix seconds.
    pub const fn last_success(&self) -> Option<f64> {
        self.last_success
    }

    /// Returns the end of the last run in Unix seconds, and the reason if the probe failed. A run that failed because
    /// it saw too little did reach the target and has no reason here.
    pub fn last_run(&self) -> Option<(f64, Option<Reason>)> {
        let failed = self.failure.as_ref().filter(|_| !self.got_through).map(|failure| failure.reason);
        Some((self.last_run?, failed))
    }

    /// Whether the last run did not reach the target.
    pub fn is_cut_off(&self) -> bool {
        self.last_run().and_then(|(_, failed)| failed).is_some_and(Reason::is_of_the_way)
    }

    pub fn has_run(&self) -> bool {
        self.runs > 0
    }

    /// Returns the verdict at `now` (Unix seconds). It is [`Verdict::CannotTell`] if there was no run, if the last run
    /// failed, or if the last success is too old.
    pub fn verdict(&self, now: f64) -> Verdict {
        if self.failure.is_none() && self.is_fresh(now) { self.judged } else { Verdict::CannotTell }
    }

    fn is_fresh(&self, now: f64) -> bool {
        let (interval, timeout) = (self.check.interval.as_secs_f64(), self.check.timeout.as_secs_f64());
        let stale_after = (3.0 * interval).max(interval + timeout);
        self.last_success.is_some_and(|at| now - at <= stale_after)
    }

    /// Returns the series to expose at `now` (Unix seconds): counters always, gauges while they are fresh, facts for a
    /// week.
    pub fn exposed(&self, now: f64) -> impl Iterator<Item = &Series> {
        let fresh = self.is_fresh(now);
        let facts = self.last_success.is_some_and(|at| now - at <= FACTS_LAST);
        self.series.iter().filter(move |series| match series.metric.kind {
            Kind::Counter | Kind::Histogram => true,
            Kind::Gauge => fresh,
            Kind::Fact => facts,
        })
    }

    /// Returns the series of a metric about the check at `now`, without the labels `check` and `target`.
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
