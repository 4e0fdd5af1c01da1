//! What is known of one check: its counters, its last run, and what that run saw.

use crate::probe::Failure;
use checklist::config::Check;
use checklist::contract::{self, PER_CHECK};
use checklist::{Kind, Limits, Metric, Reading, Reason, Samples, Series};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Facts outlive the probe for a week: long enough for the alert on them to be acted upon.
const FACTS_LAST: f64 = 7.0 * 86_400.0;

/// Runs that are remembered for people.
const HISTORY: usize = 100;

/// The memory of one check.
#[derive(Debug)]
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
    series: Vec<Series>,
    passed: bool,
    /// What is bad, as sentences.
    pub findings: Vec<String>,
    /// The values that were judged, beside their limits.
    pub readings: Vec<Reading>,
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
    /// Passed, not passed, or unknown.
    pub verdict: Option<bool>,
    /// What was bad, or why nobody can tell.
    pub why: String,
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
            series: Vec::new(),
            passed: false,
            findings: Vec::new(),
            readings: Vec::new(),
            failure: None,
            history: VecDeque::new(),
        }
    }

    /// Forgets every run: from now on another process makes the check.
    pub fn forget(&mut self) {
        *self = Self::new(self.check.clone(), self.limits.clone());
    }

    /// Takes in the result of a run that ended at `now` (Unix seconds). A successful run
    /// replaces what the one before saw, whole.
    pub fn record(&mut self, result: Result<Samples, Failure>, now: f64, took: Duration) {
        self.runs += 1;
        self.last_run = Some(now);
        self.duration = took.as_secs_f64();
        match result {
            Ok(samples) => {
                let (series, dropped) = samples.into_series();
                let findings = self.check.signal.judge(&series, now, &self.limits);
                self.readings = self.check.signal.readings(&series, now, &self.limits);
                self.dropped += dropped;
                self.passed = findings.is_empty();
                self.findings = findings.iter().map(ToString::to_string).collect();
                self.series = series;
                self.last_success = Some(now);
                self.failure = None;
            }
            Err(failure) => {
                *self.failures.entry(failure.reason).or_default() += 1;
                self.failure = Some(failure);
            }
        }
        let verdict = self.failure.is_none().then_some(self.passed);
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Run { at: now, seconds: self.duration, verdict, why: self.why() });
    }

    /// What is bad, or why nobody can tell; empty when all is well.
    pub fn why(&self) -> String {
        match &self.failure {
            Some(failure) => failure.to_string(),
            None if self.runs == 0 => "it has not run".to_owned(),
            None => self.findings.join("; "),
        }
    }

    /// When the last successful run ended, Unix seconds.
    pub const fn last_success(&self) -> Option<f64> {
        self.last_success
    }

    /// Whether a run has ended.
    pub fn has_run(&self) -> bool {
        self.runs > 0
    }

    /// Passed, not passed, or unknown because it is stale or was never made.
    pub fn verdict(&self, now: f64) -> Option<bool> {
        (self.failure.is_none() && self.is_fresh(now)).then_some(self.passed)
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
            Kind::Counter => true,
            Kind::Gauge => fresh,
            Kind::Fact => facts,
        })
    }

    /// The contract series of a metric at `now`, without the labels `check` and `target`.
    pub fn contract(&self, metric: &'static Metric, now: f64) -> Vec<(Vec<String>, f64)> {
        debug_assert!(PER_CHECK.iter().any(|known| std::ptr::eq(*known, metric)));
        let one = |value: f64| vec![(Vec::new(), value)];
        let flag = |value: bool| one(f64::from(u8::from(value)));
        let some = |value: Option<f64>| value.map(one).unwrap_or_default();
        match metric {
            m if *m == contract::PROBE_SUCCESS => flag(self.has_run() && self.failure.is_none()),
            m if *m == contract::CHECK_PASSED => {
                if self.is_fresh(now) {
                    flag(self.passed)
                } else {
                    Vec::new()
                }
            }
            m if *m == contract::LAST_RUN => some(self.last_run),
            m if *m == contract::LAST_SUCCESS => some(self.last_success),
            m if *m == contract::DURATION => one(self.duration),
            m if *m == contract::INTERVAL => one(self.check.interval.as_secs_f64()),
            m if *m == contract::RUNS => one(self.runs as f64),
            m if *m == contract::SERIES_DROPPED => one(self.dropped as f64),
            m if *m == contract::FAILURES => {
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
