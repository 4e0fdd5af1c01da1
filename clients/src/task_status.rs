//! The status of people's tasks, for the page of tasks and the reports: due, overdue, done or skipped.

use crate::records::{Act, Record, Records};
use checklist::config::Tasks;
use checklist::tasks::{Occurrence, Task};
use jiff::Timestamp;
use jiff::civil::Date;

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskStatus {
    /// Its day is still to come.
    Ahead,
    /// Its day has come and its grace is not over.
    Open,
    /// Its grace is over, and its alert fires.
    Due,
    /// Half a period late.
    Overdue,
}

impl TaskStatus {
    /// The word on pages and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Open => "open",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// The open occurrence of a task at `now`; nothing when its rule has no day any more.
pub fn status_of(task: &Task, tasks: &Tasks, records: &Records, now: Timestamp) -> Option<(Occurrence, TaskStatus)> {
    let occurrence = task.occurrence(now, &records.of_task(&task.id), tasks.since, &tasks.zone)?;
    let status = if now > occurrence.overdue {
        TaskStatus::Overdue
    } else if now > occurrence.due {
        TaskStatus::Due
    } else if now.to_zoned_datetime(tasks.zone.clone()).date() >= occurrence.day {
        TaskStatus::Open
    } else {
        TaskStatus::Ahead
    };
    Some((occurrence, status))
}

/// The record that says a day's task was done or skipped: the last one that counts for the day.
pub fn record_of_day<'a>(task: &Task, day: Date, tasks: &Tasks, records: &'a Records) -> Option<&'a Record> {
    let of_task = records.list.iter().rev().filter(|record| record.task() == Some(&task.id));
    of_task.into_iter().find(|record| task.is_done(day, &[record.at], &tasks.zone))
}

/// A time as people in the tasks' time zone read it.
pub fn local_time(at: Timestamp, tasks: &Tasks) -> String {
    at.to_zoned_datetime(tasks.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// A record in words: what was done, and the note or the reason with the evidence.
pub fn summary(record: &Record) -> (&'static str, String) {
    match &record.act {
        Act::Done { note, evidence, .. } => {
            let parts: Vec<&str> = note.iter().chain(evidence).map(String::as_str).collect();
            ("done", parts.join(" "))
        }
        Act::Skipped { reason, .. } => ("skipped", reason.clone()),
        Act::Restored { .. } => ("restored", String::new()),
        Act::Routed { .. } => ("routed", String::new()),
        Act::Override { reason, .. } => ("override", reason.clone()),
        Act::OverrideEnded => ("override ended", String::new()),
    }
}
