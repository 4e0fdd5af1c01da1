//! What a report says, whatever it is written as. Serialized, it is the JSON output: names stay, fields are only added.

use super::capacity::Capacity;
use checklist::lines::Line as Written;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the JSON output; it changes when a field goes or means something else.
pub const SCHEMA: u32 = 1;

/// A whole report. Times are UTC in RFC 3339, values are in base units (bytes, seconds, ratios from 0 to 1).
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `daily`, `weekly`, `monthly` or `quarterly`.
    pub cadence: &'static str,
    /// The heading.
    pub title: &'static str,
    /// Where the period before begins, with which trends compare.
    pub before: Timestamp,
    /// Where the period begins.
    pub from: Timestamp,
    /// The report's time.
    pub until: Timestamp,
    /// The name of the time zone of periods and days.
    pub zone: String,
    /// The time zone itself.
    #[serde(skip)]
    pub clock: TimeZone,
    /// Lines of the written checklist, in its order.
    pub lines: Vec<Line>,
    /// The morning's round on each day; only in the weekly report.
    pub days: Vec<DayRow>,
    /// Alerts that fired within the period, by their begin.
    pub alerts: Vec<Incident>,
    /// Why there may have been others, if nobody can tell.
    pub alerts_unknown: Option<String>,
    /// Tasks of people that fell into the period, are open from before, or come next.
    pub tasks: Vec<TaskRow>,
    /// What people recorded within the period.
    pub actions: Vec<Action>,
    /// Emergencies of the period, and earlier ones of which something is not caught up.
    pub overrides: Vec<Emergency>,
    /// Courses of values, compared with the period before.
    pub trends: Vec<Trend>,
    /// Forecasts; only in the quarterly report.
    pub capacity: Option<Capacity>,
    /// What the reader must know about the report itself.
    pub remarks: Vec<String>,
}

/// The verdict of a line, the worst last. "Cannot tell" ranks above a warning, because it may hide one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Beyond the warning level, or it was bad within the period and is over.
    Warning,
    /// Nobody could look.
    CannotTell,
    /// Beyond the critical level.
    Critical,
}

impl Verdict {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::CannotTell => "cannot tell",
            Self::Critical => "critical",
        }
    }

    /// The mark of the written checklist's template.
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

/// One line of the written checklist.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Its cadence there.
    pub cadence: &'static str,
    /// The heading under which it stands.
    pub section: &'static str,
    /// Its number there.
    pub number: Option<u8>,
    /// Its text there.
    pub text: &'static str,
    /// The ids of the signals that watch it, or of the task.
    pub watched: Vec<String>,
    /// How it stands.
    pub verdict: Verdict,
    /// How the task of the line stands, as in [`TaskRow::state`]; nothing of a line that signals watch.
    pub state: Option<&'static str>,
    /// Why, when it is not ok; also what fired and is over.
    pub why: Vec<String>,
    /// The values that it is judged by, the worst of each target.
    pub readings: Vec<Reading>,
    /// When somebody last looked: the oldest look of its targets; nothing when nobody ever did.
    pub evidence: Option<Timestamp>,
}

impl Line {
    /// A line without a verdict yet.
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

    /// The mark of the written checklist's template: a task that was not done yet is not ticked.
    pub fn mark(&self) -> &'static str {
        match (self.verdict, self.state) {
            (Verdict::Ok, Some("ahead" | "open")) => " ",
            (Verdict::Ok, Some("skipped")) => "-",
            (verdict, _) => verdict.mark(),
        }
    }

    /// The verdict for people, of a task that is not late its state.
    pub fn word(&self) -> &'static str {
        match (self.verdict, self.state) {
            (Verdict::Ok, Some(state)) => state,
            (verdict, _) => verdict.word(),
        }
    }
}

/// The checks of the morning's round within the 24 hours that end on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayRow {
    /// When the 24 hours end.
    pub until: Timestamp,
    /// Ok when every check passed all the time, a warning when not, and nobody can tell when none was made.
    pub verdict: Verdict,
}

/// One value beside its limits.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    /// The signal.
    pub check: &'static str,
    /// The target.
    pub target: String,
    /// What it is: the name of the alert without `Checklist` or of the panel.
    pub name: String,
    /// Which one of the target's: the labels that tell it apart.
    pub of: String,
    /// The value.
    pub value: f64,
    /// The value for people.
    pub human: String,
    /// The limits for people, empty when there is none.
    pub limit: String,
    /// The warning level.
    pub warning: Option<f64>,
    /// The critical level.
    pub critical: Option<f64>,
    /// How it stands.
    pub verdict: Verdict,
}

/// One alert from its begin to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// The alert's name.
    pub alert: String,
    /// Its severity.
    pub severity: String,
    /// The signal, when it is one of ours.
    pub check: String,
    /// The target.
    pub target: String,
    /// The labels that tell it apart.
    pub of: String,
    /// Every label.
    pub labels: BTreeMap<String, String>,
    /// When it began to fire; the period's begin when it fired before.
    pub start: Timestamp,
    /// Whether it fired before the period.
    pub from_before: bool,
    /// When it ended; nothing while it fires.
    pub end: Option<Timestamp>,
    /// The notified receiver, as the configuration routes it: `pagerduty`, `slack`, `nobody` or `unknown`.
    pub notified: String,
    /// What held the message back, if the generated routes do.
    pub held_back: Option<String>,
}

/// One occurrence of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// How often it is due.
    pub cadence: &'static str,
    /// Its day.
    pub day: Date,
    /// `done`, `skipped`, `open`, `due`, `overdue`, `missed` or `ahead`.
    pub state: &'static str,
    /// Who recorded it.
    pub by: String,
    /// When.
    pub at: Option<Timestamp>,
    /// The note, evidence or reason.
    pub note: String,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// `done`, `skipped`, `restored`, `routed`, `override` or `override ended`.
    pub what: &'static str,
    /// The task, backup or Alertmanager.
    pub subject: String,
    /// The note.
    pub note: String,
}

/// One emergency override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Emergency {
    /// Since when.
    pub from: Timestamp,
    /// Until when; it may be still to come.
    pub until: Timestamp,
    /// Who began it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What was not done during it.
    pub skipped: Vec<CatchUp>,
}

/// A task that was not done during an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatchUp {
    /// Its id.
    pub task: String,
    /// What people call it.
    pub title: String,
    /// `skipped` with a reason, or `not done`.
    pub how: String,
    /// When it was caught up; nothing while it is not.
    pub caught_up: Option<Timestamp>,
}

/// A value over the period and the one before.
#[derive(Debug, Clone, Serialize)]
pub struct Trend {
    /// The signal.
    pub check: &'static str,
    /// The panel.
    pub title: &'static str,
    /// The series.
    pub of: String,
    /// `bytes`, `count`, `ratio` or `seconds`.
    pub unit: &'static str,
    /// The mean of the period.
    pub mean: Option<f64>,
    /// The mean of the period before.
    pub before: Option<f64>,
    /// By how much the mean changed, as a ratio of the one before.
    pub change: Option<f64>,
    /// Mean, mean before and change for people.
    pub human: [String; 3],
    /// Unix seconds and values of both periods.
    pub points: Vec<(f64, f64)>,
    /// The limit that the panel draws, warning and critical.
    pub limits: [Option<f64>; 2],
}
