//! Tests of the exposition: which series exist when, whatever the probe does, and that other programs can read every
//! format.

use checklist::config::Check;
use checklist::signals::{auth_failures, backup, pods};
use checklist::{Limits, Reason, Samples, Signal};
use exporter::probe::{Failure, Probe};
use exporter::run::job::Job;
use exporter::run::schedule::Schedule;
use exporter::run::state::State;
use exporter::run::status::ProcessStatus;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn state(signal: &'static Signal) -> State {
    let check = Check { interval: MINUTE, timeout: MINUTE / 6, ..Check::of(signal, "t") };
    State::new(check, Limits::new(signal.thresholds, |_| None))
}

/// The result of a run that saw one of each required object.
fn looked(signal: &'static Signal) -> Samples {
    let mut samples = signal.samples();
    signal.looks.iter().for_each(|looks| samples.saw(looks.object, 1));
    samples
}

fn backup_seen(at: f64) -> Samples {
    let mut samples = looked(&backup::SIGNAL);
    samples.set(&backup::PRESENT, ["daily"], true);
    samples.set(&backup::LAST, ["daily"], at);
    samples
}

fn text(state: &State, now: f64) -> String {
    body(state, now, Format::Text)
}

fn snapshot(state: &State, now: f64) -> Snapshot {
    let states = vec![Arc::new(state.clone())];
    Snapshot::of(States { states, now, process: ProcessStatus::default() })
}

fn body(state: &State, now: f64, format: Format) -> String {
    let body = snapshot(state, now).body(format, Encoding::Identity).unwrap_or_else(|failure| panic!("{failure}"));
    String::from_utf8(body.to_vec()).unwrap_or_else(|error| panic!("{error}"))
}

fn failure() -> Failure {
    Failure::new(Reason::Connect, "connecting to nowhere")
}

#[test]
fn every_failure_reason_is_exposed_as_0_before_the_first_run_and_no_values_are() {
    let text = text(&state(&backup::SIGNAL), 0.0);
    for reason in Reason::ALL {
        let line = format!("checklist_probe_failures_total{{check=\"backup\",target=\"t\",reason=\"{reason}\"}} 0\n");
        assert!(text.contains(&line), "{line}");
    }
    assert!(text.contains("checklist_probe_success{check=\"backup\",target=\"t\"} 0\n"));
    for absent in
        ["checklist_check_passed{", "checklist_probe_last_success_timestamp_seconds{", "checklist_backup_present{"]
    {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[test]
fn after_a_failure_values_stay_until_they_are_stale_and_facts_for_a_week() {
    let mut state = state(&backup::SIGNAL);
    let day = 86_400.0;
    state.record(Ok(backup_seen(10.0 * day)), 10.0 * day, MINUTE);
    state.record(Err(failure()), 10.0 * day + 60.0, MINUTE);
    let soon = text(&state, 10.0 * day + 170.0);
    assert!(soon.contains("checklist_backup_present{") && soon.contains("checklist_check_passed{"), "{soon}");
    assert!(
        soon.contains("reason=\"connect\"} 1\n")
            && soon.contains("checklist_probe_success{check=\"backup\",target=\"t\"} 0")
    );
    let stale = text(&state, 10.0 * day + 200.0);
    assert!(!stale.contains("checklist_backup_present{") && !stale.contains("checklist_check_passed{"), "{stale}");
    assert!(stale.contains("checklist_backup_last_timestamp_seconds{"), "{stale}");
    assert!(!text(&state, 18.0 * day).contains("checklist_backup_last_timestamp_seconds{"));
}

#[test]
fn objects_that_vanish_between_two_runs_leave_no_series() {
    let mut state = state(&pods::SIGNAL);
    let mut samples = looked(&pods::SIGNAL);
    samples.set(&pods::NOT_READY, ["ns", "gone", "CrashLoopBackOff"], true);
    state.record(Ok(samples), 0.0, MINUTE);
    assert!(
        text(&state, 0.0).contains("pod=\"gone\"")
            && text(&state, 0.0).contains("checklist_check_passed{check=\"pods\",target=\"t\"} 0")
    );
    state.record(Ok(looked(&pods::SIGNAL)), 1.0, MINUTE);
    assert!(!text(&state, 1.0).contains("pod=\"gone\""));
}

#[test]
fn series_beyond_the_limit_and_duplicates_are_counted() {
    let mut state = state(&auth_failures::SIGNAL);
    let mut samples = looked(&auth_failures::SIGNAL);
    for n in 0..25 {
        samples.set(&auth_failures::FAILURES, [&format!("{n}")], 1.0);
    }
    samples.set(&auth_failures::FAILURES, ["0"], 2.0);
    state.record(Ok(samples), 0.0, MINUTE);
    let text = text(&state, 0.0);
    assert_eq!(text.lines().filter(|line| line.starts_with("checklist_auth_failures{")).count(), 10);
    assert!(text.contains("checklist_probe_series_dropped_total{check=\"auth_failures\",target=\"t\"} 16\n"), "{text}");
}

#[test]
fn openmetrics_names_families_without_total_and_ends_with_eof() {
    let text = body(&state(&backup::SIGNAL), 0.0, Format::OpenMetrics);
    assert!(text.contains("# TYPE checklist_probe_runs counter\n") && text.contains("\nchecklist_probe_runs_total{"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn both_text_formats_contain_the_same_series() {
    let mut state = state(&pods::SIGNAL);
    let mut samples = pods::SIGNAL.samples();
    samples.set(&pods::NOT_READY, ["a\"b\\c\nd", "ü", ""], true);
    samples.set(&pods::READY, ["n", "Deployment", "w"], 0.1 + 0.2);
    samples.set(&pods::DESIRED, ["n", "Deployment", "w"], 1e300);
    state.record(Ok(samples), 1_764_000_000.25, MINUTE);
    let lines = |format| {
        let text = body(&state, 1_764_000_000.5, format);
        // The usage of the process changes between the two requests, and the formats write histograms in different
        // ways.
        let moving = ["#", "process_", "checklist_run_duration_seconds"];
        let series = text.lines().filter(|line| !moving.iter().any(|begin| line.starts_with(begin)));
        series.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(Format::Text), lines(Format::OpenMetrics));
    assert!(lines(Format::Text).iter().any(|line| line.contains("namespace=\"a\\\"b\\\\c\\nd\"")));
}

enum Does {
    Panics,
    Hangs,
    Works,
}

impl Probe for Does {
    fn probe(&self, _: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            match self {
                Self::Panics => panic!("on purpose"),
                Self::Hangs => std::future::pending().await,
                Self::Works => Ok(backup_seen(0.0)),
            }
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_or_hangs_fails_alone() {
    let job = |does| Arc::new(Job::new(Arc::new(does), String::new(), state(&backup::SIGNAL)));
    let schedule = Schedule::new(vec![job(Does::Panics), job(Does::Hangs), job(Does::Works)], ProcessStatus::default());
    let rounds = tokio::spawn(Arc::clone(&schedule).run());
    tokio::time::sleep(MINUTE).await;
    let reason = |at: usize| schedule.jobs()[at].state().failure.as_ref().map(|failure| failure.reason);
    assert_eq!([reason(0), reason(1), reason(2)], [Some(Reason::Panic), Some(Reason::Timeout), None]);
    rounds.abort();
}
