//! The status of manual tasks, for the tasks page and the reports: due, overdue, done or skipped.

use crate::records::{Act, Record, Records};
use checklist::config::Tasks;
use checklist::tasks::{Occurrence, Task};
use jiff::Timestamp;
use jiff::civil::Date;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskStatus {
    /// The day of the task is in the future.
    Ahead,
    /// The day has come, and the grace period is not over.
    Open,
    /// The grace period is over, and the alert fires.
    Due,
    /// The task is late by more than half its period.
    Overdue,
}

impl TaskStatus {
    /// Returns the word for pages and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Open => "open",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// Returns the next open occurrence of a task and its status at `now`. `None` when the schedule has no further day.
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

/// Returns the record of the task's occurrence on a day: the last one that counts for the day.
pub fn record_of_day<'a>(task: &Task, day: Date, tasks: &Tasks, records: &'a Records) -> Option<&'a Record> {
    let of_task = records.list.iter().rev().filter(|record| record.task() == Some(&task.id));
    of_task.into_iter().find(|record| task.is_done(day, &[record.at], &tasks.zone))
}

/// Formats a time in the time zone of the tasks.
pub fn local_time(at: Timestamp, tasks: &Tasks) -> String {
    at.to_zoned_datetime(tasks.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// Describes a record: the kind of act, and the note with the evidence, or the reason.
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
