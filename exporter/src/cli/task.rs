//! The commands `task list | show | done | skip` and `override start | extend | end | show`.

use anyhow::{Context, bail, ensure};
use checklist::Unit;
use checklist::config::Tasks;
use checklist::tasks::Task;
use checklist::yaml::hint;
use clap::{Args, Subcommand};
use clients::failure::one_line;
use clients::records::{Act, LONGEST_OVERRIDE, Record, Records, append};
use clients::task_status::{TaskStatus, local_time, status_of};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// The subcommands of `task`.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Shows every task with its next or open day, and who did it last.
    List,
    /// Shows the steps and the records of one task.
    Show {
        /// Name of the task, as `task list` shows it.
        task: String,
    },
    /// Records that a task was done.
    Done {
        /// Name of the task, as `task list` shows it.
        task: String,
        #[command(flatten)]
        who: Who,
        /// Note about the result.
        #[arg(long)]
        note: Option<String>,
        /// Address (http or https) of the evidence.
        #[arg(long)]
        evidence: Option<String>,
        /// Time at which the task was done (RFC 3339); the present time by default, never in the future.
        #[arg(long)]
        at: Option<Timestamp>,
        /// Records the task even if it is already recorded for this occurrence.
        #[arg(long)]
        again: bool,
    },
    /// Records that a task is skipped this time.
    Skip {
        /// Name of the task, as `task list` shows it.
        task: String,
        #[command(flatten)]
        who: Who,
        /// Reason for skipping the task.
        #[arg(long)]
        reason: String,
    },
}

/// The subcommands of `override`.
#[derive(Debug, Subcommand)]
pub enum OverrideCommand {
    /// Starts an emergency override, which suppresses the alerts of routine checks until its end.
    Start(Length),
    /// Changes the end of the active override.
    Extend(Length),
    /// Ends the active override now.
    End {
        #[command(flatten)]
        who: Who,
    },
    /// Shows the active override, if any.
    Show,
}

/// How long an override lasts, and why.
#[derive(Debug, Args)]
pub struct Length {
    #[command(flatten)]
    who: Who,
    /// Reason for the override or the change.
    #[arg(long)]
    reason: String,
    /// Duration from now: 30m, 4h, 2d; at most 14 days.
    #[arg(long = "for", alias = "until", value_name = "DURATION", value_parser = lasting)]
    duration: SignedDuration,
}

/// The argument that names the person whom a record is about.
#[derive(Debug, Args)]
pub struct Who {
    /// Name of the person to record.
    #[arg(long, env = "USER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    by: String,
}

/// Runs a `task` command and returns its output.
pub async fn task(tasks: &Tasks, command: TaskCommand) -> anyhow::Result<String> {
    let now = Timestamp::now();
    let records = Records::read(&tasks.place, now).await?;
    match command {
        TaskCommand::List => Ok(list(tasks, &records, now)),
        TaskCommand::Show { task } => Ok(show(find(tasks, &task)?, tasks, &records, now)),
        TaskCommand::Done { task, who, note, evidence, at, again } => {
            let known = find(tasks, &task)?;
            let at = at.unwrap_or(now);
            ensure!(at <= now, "{at} is in the future");
            if let Some(evidence) = &evidence {
                ensure!(
                    evidence.starts_with("https://") || evidence.starts_with("http://"),
                    "--evidence must be a URL"
                );
            }
            once(known, tasks, &records, at, again)?;
            append(&tasks.place, &Record { at, by: who.by, act: Act::Done { task, note, evidence } }).await?;
            after(known, tasks, at, now).await
        }
        TaskCommand::Skip { task, who, reason } => {
            let known = find(tasks, &task)?;
            ensure!(!reason.trim().is_empty(), "skipping a task requires a reason");
            once(known, tasks, &records, now, false)?;
            append(&tasks.place, &Record { at: now, by: who.by, act: Act::Skipped { task, reason } }).await?;
            after(known, tasks, now, now).await
        }
    }
}

/// Runs an `override` command and returns its output.
pub async fn emergency(tasks: &Tasks, command: OverrideCommand) -> anyhow::Result<String> {
    let now = Timestamp::now();
    let records = Records::read(&tasks.place, now).await?;
    let held = records.override_at(now);
    // The record of a machine whose clock is ahead may be newer than now. The new record must still sort after it.
    let at = held.map_or(now, |(_, last)| now.max(last.at + SignedDuration::from_nanos(1)));
    let ends = matches!(command, OverrideCommand::End { .. });
    let (by, act) = match command {
        OverrideCommand::Show => return Ok(describe(&records, tasks, now)),
        OverrideCommand::Start(_) if held.is_some() => {
            bail!("an override is already active; extend it, or end it first")
        }
        OverrideCommand::Extend(_) | OverrideCommand::End { .. } if held.is_none() => {
            bail!("no override is active")
        }
        OverrideCommand::Start(Length { who, reason, duration })
        | OverrideCommand::Extend(Length { who, reason, duration }) => {
            ensure!(!reason.trim().is_empty(), "an override requires a reason");
            (who.by, Act::Override { reason, until: now + duration })
        }
        OverrideCommand::End { who } => (who.by, Act::OverrideEnded),
    };
    append(&tasks.place, &Record { at, by, act }).await?;
    let records = Records::read(&tasks.place, now).await?;
    ensure!(
        !ends || records.override_at(now).is_none(),
        "the end is recorded, but an override of someone else is still active"
    );
    Ok(describe(&records, tasks, now))
}

/// Parses a duration such as `4h`: at least a minute and at most [`LONGEST_OVERRIDE`].
fn lasting(text: &str) -> Result<SignedDuration, String> {
    let seconds = Unit::Seconds.parse(text).map_err(|form| format!("expected {form}"))?;
    let length = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
    if length < SignedDuration::from_mins(1) || length > LONGEST_OVERRIDE {
        let days = LONGEST_OVERRIDE.as_hours() / 24;
        return Err(format!("an override lasts at least a minute and at most {days} days"));
    }
    Ok(length)
}

fn find<'a>(tasks: &'a Tasks, id: &str) -> anyhow::Result<&'a Task> {
    tasks.list.iter().find(|task| task.id == id).with_context(|| {
        let known: Vec<&str> = tasks.list.iter().map(|task| task.id.as_str()).collect();
        format!("unknown task {id}{}; known tasks: {}", hint(id, &known), known.join(", "))
    })
}

/// Fails if the task is already recorded for the same occurrence, unless `again` is set.
fn once(task: &Task, tasks: &Tasks, records: &Records, at: Timestamp, again: bool) -> anyhow::Result<()> {
    let day = task.day_of_record(at, &tasks.zone);
    let same = |record: &&Record| {
        record.task() == Some(&task.id) && day.is_some() && task.day_of_record(record.at, &tasks.zone) == day
    };
    match records.list.iter().rev().find(same) {
        Some(record) if !again => bail!(
            "{} for {} is already recorded by {} at {}; use --again to record it once more",
            task.id,
            day.map(|day| day.to_string()).unwrap_or_default(),
            one_line(&record.by),
            record.at
        ),
        _ => Ok(()),
    }
}

/// Describes the effect of a record at `at`: the occurrence that it counts for, and the next one.
async fn after(task: &Task, tasks: &Tasks, at: Timestamp, now: Timestamp) -> anyhow::Result<String> {
    let records = Records::read(&tasks.place, now).await?;
    let recorded_for = task.day_of_record(at, &tasks.zone);
    let next =
        task.occurrence(now, &records.of_task(&task.id), tasks.since, &tasks.zone).map(|occurrence| occurrence.day);
    let day = |day: Option<Date>| day.map_or_else(|| "no day".to_owned(), |day| day.to_string());
    let what = if next < recorded_for { "stays open for" } else { "is next on" };
    Ok(format!("recorded for {}; {} {what} {}\n", day(recorded_for), task.id, day(next)))
}

fn list(tasks: &Tasks, records: &Records, now: Timestamp) -> String {
    let mut text = format!("{:<22} {:<10} {:<11} {:<8} LAST\n", "TASK", "CADENCE", "DAY", "STATE");
    for task in &tasks.list {
        let occurrence = status_of(task, tasks, records, now);
        let (day, state) = occurrence.map_or(("-".to_owned(), "-"), |(occurrence, status)| {
            let state = match status {
                TaskStatus::Overdue => "OVERDUE",
                TaskStatus::Due => "DUE",
                TaskStatus::Open => "open",
                TaskStatus::Ahead => "",
            };
            (occurrence.day.to_string(), state)
        });
        let last = records.last_of_task(&task.id).map(last).unwrap_or_default();
        let line = format!("{:<22} {:<10} {day:<11} {state:<8} {last}", task.id, task.cadence);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if records.rejected > 0 {
        let _ = writeln!(text, "{} task records cannot be read; the log lists them", records.rejected);
    }
    text
}

fn show(task: &Task, tasks: &Tasks, records: &Records, now: Timestamp) -> String {
    let mut text = format!("{} ({}), every {}, about {} minutes\n", task.title, task.id, task.rule, task.minutes);
    for (at, step) in task.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {step}", at + 1);
    }
    if let Some(occurrence) = task.occurrence(now, &records.of_task(&task.id), tasks.since, &tasks.zone) {
        let (due, overdue) = (local_time(occurrence.due, tasks), local_time(occurrence.overdue, tasks));
        let _ = writeln!(text, "day {}, due by {due}, overdue from {overdue}", occurrence.day.strftime("%a %Y-%m-%d"));
    }
    for record in records.list.iter().rev().filter(|record| record.task() == Some(&task.id)).take(10) {
        let _ = writeln!(text, "{}", last(record));
    }
    text
}

fn last(record: &Record) -> String {
    let (at, by) = (record.at.strftime("%Y-%m-%d"), &record.by);
    let text = match &record.act {
        Act::Done { note, evidence, .. } => {
            let rest: Vec<&str> = note.iter().chain(evidence).map(String::as_str).collect();
            format!("{at} done by {by} {}", rest.join(" ")).trim_end().to_owned()
        }
        Act::Skipped { reason, .. } => format!("{at} skipped by {by}: {reason}"),
        Act::Override { .. } | Act::OverrideEnded | Act::Restored { .. } | Act::Routed { .. } => String::new(),
    };
    one_line(&text)
}

fn describe(records: &Records, tasks: &Tasks, now: Timestamp) -> String {
    match records.override_at(now) {
        Some((since, Record { by, act: Act::Override { reason, until }, .. })) => {
            let (since, until) = (local_time(since, tasks), local_time(*until, tasks));
            format!("override since {since} until {until} by {}: {}\n", one_line(by), one_line(reason))
        }
        _ => "no override is active\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_a_note_are_not_printed() {
        let act = Act::Done { task: "t".to_owned(), note: Some("a\u{1b}[2Jb\r\nc".to_owned()), evidence: None };
        let record = Record { at: Timestamp::UNIX_EPOCH, by: "x\u{7}".to_owned(), act };
        assert_eq!(last(&record), "1970-01-01 done by x  a [2Jb  c");
    }

    #[test]
    fn only_durations_are_accepted_for_an_override() {
        assert_eq!(lasting("4h").ok(), Some(SignedDuration::from_hours(4)));
        for wrong in ["", "4", "4\u{e9}", "h", "-1h", "15d", "0m", "9999999999999999999h"] {
            assert!(lasting(wrong).is_err(), "{wrong}");
        }
    }
}
