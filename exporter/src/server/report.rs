//! What `check` prints and `/api/v1/checks` answers: the verdict of every check, in several formats.

use crate::run::schedule::Job;
use crate::run::state::State;
use crate::run::time::unix_now;
use checklist::Severity;
use clap::ValueEnum;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How the result of `check` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people.
    Table,
    /// One JSON object.
    Json,
    /// A table for issues and chats.
    Markdown,
    /// For the test view of a CI server.
    Junit,
}

/// Writes the result in a format.
pub fn write(jobs: &[Arc<Job>], format: Format) -> String {
    let rows: Vec<Row> = jobs.iter().map(|job| Row::of(&job.state(), unix_now())).collect();
    match format {
        Format::Table => table(&rows),
        Format::Json => format!("{:#}\n", json(jobs)),
        Format::Markdown => markdown(&rows),
        Format::Junit => junit(&rows),
    }
}

/// One check for people.
struct Row {
    check: &'static str,
    target: String,
    verdict: Option<bool>,
    why: String,
    /// The values that were judged, beside their limits.
    readings: String,
    seconds: f64,
}

impl Row {
    /// What is bad, or why nobody can tell; else what was judged.
    fn seen(&self) -> &str {
        if self.why.is_empty() { &self.readings } else { &self.why }
    }

    fn of(state: &State, now: f64) -> Self {
        Self {
            check: state.check.signal.id,
            target: state.check.target.clone(),
            verdict: state.verdict(now),
            why: state.why(),
            readings: state.readings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            seconds: state.history.back().map_or(0.0, |run| run.seconds),
        }
    }
}

/// The word for a verdict.
pub const fn word(verdict: Option<bool>) -> &'static str {
    match verdict {
        Some(true) => "passed",
        Some(false) => "not passed",
        None => "cannot tell",
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let (check, target) = (width(|row| row.check.len(), 5), width(|row| row.target.len(), 6));
    let mut text = format!("{:<check$}  {:<target$}  {:<11}  SEEN\n", "CHECK", "TARGET", "VERDICT");
    for row in rows {
        let verdict = match row.verdict {
            Some(true) => "passed".to_owned(),
            other => word(other).to_uppercase(),
        };
        let line = format!("{:<check$}  {:<target$}  {verdict:<11}  {}", row.check, row.target, row.seen());
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn markdown(rows: &[Row]) -> String {
    let mut text = "| check | target | verdict | seen |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let seen = row.seen().replace('|', "\\|").replace('\n', " ");
        let mark = if row.verdict == Some(true) { "" } else { "**" };
        text += &format!("| {} | {} | {mark}{}{mark} | {seen} |\n", row.check, row.target, word(row.verdict));
    }
    text
}

/// For the test view of a CI server: a check that is not passed is a failure, one that cannot be made an error.
fn junit(rows: &[Row]) -> String {
    let mut suite = TestSuite::new("checklist");
    suite.add_test_cases(rows.iter().map(|row| {
        let mut status = match row.verdict {
            Some(true) => TestCaseStatus::success(),
            Some(false) => TestCaseStatus::non_success(NonSuccessKind::Failure),
            None => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        if row.verdict != Some(true) {
            status.set_message(row.why.as_str());
        }
        let mut case = TestCase::new(row.target.as_str(), status);
        case.set_classname(row.check).set_time(Duration::try_from_secs_f64(row.seconds).unwrap_or_default());
        case
    }));
    let mut report = quick_junit::Report::new("checklist-exporter check");
    report.add_test_suite(suite);
    // Written to memory, and every text in it is valid: nothing can fail.
    report.to_string().unwrap_or_default()
}

/// Every check as JSON, which is also what `/api/v1/checks` answers.
pub fn json(jobs: &[Arc<Job>]) -> Value {
    let now = unix_now();
    let checks: Vec<Value> = jobs.iter().map(|job| of_state(&job.state(), now)).collect();
    json!({"checks": checks})
}

fn of_state(state: &State, now: f64) -> Value {
    let signal = state.check.signal;
    let readings: Vec<Value> = state
        .readings
        .iter()
        .map(|reading| {
            json!({
                "alert": reading.alert,
                "value": reading.value,
                "warning": reading.limits.at(Severity::Warning),
                "critical": reading.limits.at(Severity::Critical),
                "human": reading.unit.human(reading.value),
            })
        })
        .collect();
    json!({
        "check": signal.id,
        "target": state.check.target,
        "title": signal.title,
        "cadence": signal.cadence.as_str(),
        "section": signal.section,
        "verdict": word(state.verdict(now)),
        "why": state.why(),
        "readings": readings,
        "lastRun": state.history.back().map(|run| run.at),
        "lastSuccess": state.last_success(),
        "intervalSeconds": state.check.interval.as_secs_f64(),
    })
}
