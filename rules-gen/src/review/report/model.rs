//! The content of a report, independent of the output format. Serialized, it is the JSON output: fields may be added,
//! but not renamed or removed.

use super::capacity::Capacity;
use checklist::lines::Line as Written;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the JSON output. It changes when a field is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// A whole report. Times are UTC in RFC 3339, values are in base units (bytes, seconds, ratios from 0 to 1).
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The value of [`SCHEMA`].
    pub schema: u32,
    /// `daily`, `weekly`, `monthly` or `quarterly`.
    pub cadence: &'static str,
    pub title: &'static str,
    /// The start of the period before, with which trends compare.
    pub before: Timestamp,
    /// The start of the period.
    pub from: Timestamp,
    /// The end of the period: the report's time.
    pub until: Timestamp,
    /// The name of the time zone in which periods and days are counted.
    pub zone: String,
    /// The time zone named by `zone`.
    #[serde(skip)]
    pub clock: TimeZone,
    /// The lines of the written checklist, in its order.
    pub lines: Vec<Line>,
    /// The daily round on each day. Only in the weekly report.
    pub days: Vec<DayRow>,
    /// The alerts that fired within the period, ordered by their start.
    pub alerts: Vec<Incident>,
    /// The reason why the list of alerts may be incomplete.
    pub alerts_unknown: Option<String>,
    /// Tasks of people that fell due within the period, are open from before, or come next.
    pub tasks: Vec<TaskRow>,
    /// The records that people made within the period.
    pub actions: Vec<Action>,
    /// Emergency overrides of the period, and earlier ones with tasks that have not been caught up.
    pub overrides: Vec<Emergency>,
    /// The trends of the panels' values, compared with the period before.
    pub trends: Vec<Trend>,
    /// The forecasts. Only in the quarterly report.
    pub capacity: Option<Capacity>,
    /// Limits of the report that the reader must know, such as records that cannot be read.
    pub remarks: Vec<String>,
}

/// The verdict of a line, ordered from good to bad. `CannotTell` ranks above `Warning`, because it may hide a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// The value is beyond the warning level now, or an alert fired within the period and has ended.
    Warning,
    /// The check could not be made, so there is no verdict.
    CannotTell,
    /// The value is beyond the critical level.
    Critical,
}

impl Verdict {
    /// Returns the verdict in words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::CannotTell => "cannot tell",
            Self::Critical => "critical",
        }
    }

    /// Returns the mark that the written checklist's template uses.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::CannotTell => "?",
            Self::Critical => "✗",
        }
    }
}

impl From<checklist::Severity> for Verdict {
    fn from(severity: checklist::Severity) -> Self {
        match severity {
            checklist::Severity::Warning => Self::Warning,
            checklist::Severity::Critical => Self::Critical,
        }
    }
}

/// A line of the written checklist and its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The cadence of the line in the written checklist.
    pub cadence: &'static str,
    /// The heading above the line.
    pub section: &'static str,
    /// The number of the line. `None` for a line without one.
    pub number: Option<u8>,
    /// The text of the line.
    pub text: &'static str,
    /// The ids of the signals that watch the line, or the id of its task.
    pub watched: Vec<String>,
    pub verdict: Verdict,
    /// The state of the line's task, as in [`TaskRow::state`]. `None` for a line that signals watch.
    pub state: Option<&'static str>,
    /// The reasons for a verdict other than ok, including alerts that have ended.
    pub why: Vec<String>,
    /// The values that decide the verdict, the worst one of each target.
    pub readings: Vec<Reading>,
    /// When the line was last checked: the oldest check of its targets. `None` when a target was never checked.
    pub evidence: Option<Timestamp>,
}

impl Line {
    /// Returns a line without a verdict yet.
    pub fn unjudged(written: &'static Written, watched: Vec<String>) -> Self {
        Self {
            cadence: written.cadence.as_str(),
            section: written.section,
            number: written.number,
            text: written.text,
            watched,
            verdict: Verdict::Ok,
            state: None,
            why: Vec::new(),
            readings: Vec::new(),
            evidence: None,
        }
    }

    /// Returns the mark of the written checklist's template. A task that is not done yet has none.
    pub fn mark(&self) -> &'static str {
        match (self.verdict, self.state) {
            (Verdict::Ok, Some("ahead" | "open")) => " ",
            (Verdict::Ok, Some("skipped")) => "-",
            (verdict, _) => verdict.mark(),
        }
    }

    /// Returns the verdict in words, or the state of a task that is not late.
    pub fn word(&self) -> &'static str {
        match (self.verdict, self.state) {
            (Verdict::Ok, Some(state)) => state,
            (verdict, _) => verdict.word(),
        }
    }
}

/// The result of the daily round for the 24 hours that end at `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayRow {
    pub until: Timestamp,
    /// Ok when every check passed all the time, a warning when one did not, and "cannot tell" when checks were not
    /// made.
    pub verdict: Verdict,
}

/// A measured value beside its limits.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    /// The id of the signal.
    pub check: &'static str,
    pub target: String,
    /// The name of the alert without `Checklist`, or of the panel.
    pub name: String,
    /// The labels that distinguish this value from others of its target.
    pub of: String,
    /// The value in base units.
    pub value: f64,
    /// The value as text, rounded and with its unit.
    pub human: String,
    /// The limits as text. Empty when there are none.
    pub limit: String,
    pub warning: Option<f64>,
    pub critical: Option<f64>,
    pub verdict: Verdict,
}

/// An alert from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    pub alert: String,
    pub severity: String,
    /// The id of the signal. Empty for alerts of other rules.
    pub check: String,
    pub target: String,
    /// The labels that distinguish this alert from others of its target.
    pub of: String,
    /// Every label of the alert.
    pub labels: BTreeMap<String, String>,
    /// When it began to fire. If it fired before the period, the start of the period.
    pub start: Timestamp,
    /// Whether it already fired before the period.
    pub from_before: bool,
    /// When it stopped firing. `None` while it fires.
    pub end: Option<Timestamp>,
    /// The names of the receivers that the generated configuration notifies, separated by commas. `nobody` without a
    /// receiver, `unknown` for alerts of other rules.
    pub notified: String,
    /// The name of the alert that inhibited the notification, if one did.
    pub held_back: Option<String>,
}

/// An occurrence of a task on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// The id of the task.
    pub id: String,
    pub title: String,
    pub cadence: &'static str,
    /// The day on which the task is due.
    pub day: Date,
    /// `done`, `skipped`, `open`, `due`, `overdue`, `missed` or `ahead`.
    pub state: &'static str,
    /// The name of the person who recorded it.
    pub by: String,
    /// The time of the record.
    pub at: Option<Timestamp>,
    /// The note, the evidence or the reason of the record.
    pub note: String,
}

/// A record that a person or a proof made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    pub at: Timestamp,
    /// The name of the person.
    pub by: String,
    /// `done`, `skipped`, `restored`, `routed`, `override` or `override ended`.
    pub what: &'static str,
    /// The task, backup or Alertmanager that the record is about.
    pub subject: String,
    pub note: String,
}

/// An emergency override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Emergency {
    pub from: Timestamp,
    /// The end of the override. It may be in the future.
    pub until: Timestamp,
    /// The name of the person who started it.
    pub by: String,
    pub reason: String,
    /// The tasks that were not done during the override.
    pub skipped: Vec<CatchUp>,
}

/// A task that was not done during an emergency override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatchUp {
    /// The id of the task.
    pub task: String,
    pub title: String,
    /// `skipped` with the reason, or `not done`.
    pub how: String,
    /// When it was done later. `None` while it is open.
    pub caught_up: Option<Timestamp>,
}

/// The values of a series over the period and the period before.
#[derive(Debug, Clone, Serialize)]
pub struct Trend {
    /// The id of the signal.
    pub check: &'static str,
    /// The title of the panel.
    pub title: &'static str,
    /// The labels that distinguish the series from others of the panel.
    pub of: String,
    /// `bytes`, `count`, `ratio` or `seconds`.
    pub unit: &'static str,
    pub mean: Option<f64>,
    pub before: Option<f64>,
    /// The change of the mean, as a ratio of the mean before.
    pub change: Option<f64>,
    /// The mean, the mean before and the change, as text.
    pub human: [String; 3],
    /// Times in Unix seconds and values, of both periods.
    pub points: Vec<(f64, f64)>,
    /// The warning and the critical level of the panel.
    pub limits: [Option<f64>; 2],
}
