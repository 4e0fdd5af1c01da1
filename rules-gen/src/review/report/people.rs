//! The part of a report about people: tasks of the period, their records, and what an emergency left undone.

use super::model::{Action, CatchUp, Emergency, Line, TaskRow, Verdict};
use super::period::{Kind, Period};
use checklist::Config;
use checklist::config::Tasks;
use checklist::lines::Line as Written;
use checklist::tasks::Task;
use clients::records::{Act, Record, Records};
use clients::task_status::{TaskStatus, record_of_day, status_of, summary};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Tasks, records and emergencies of a period.
#[derive(Debug, Default)]
pub struct People {
    /// The occurrences of tasks, ordered by day.
    pub tasks: Vec<TaskRow>,
    /// The records of the period.
    pub actions: Vec<Action>,
    pub overrides: Vec<Emergency>,
    /// Problems of the records, for the reader of the report.
    pub remarks: Vec<String>,
    /// The current row of each task, by id. `None` when the records cannot be read.
    occurrence_on: Option<Vec<(String, TaskRow)>>,
}

impl People {
    /// Reads the configured records. Records that cannot be read become a remark, and the tasks "cannot tell".
    pub async fn read(config: &Config, kind: Kind, period: &Period) -> Self {
        let Some(tasks) = &config.tasks else {
            let remarks = vec!["checklist.yaml has no section tasks, so manual tasks are not recorded".to_owned()];
            return Self { remarks, ..Self::default() };
        };
        // Records must not be in the future. The report's time may be in the past, so the limit is the end of
        // representable time, and later records are dropped below.
        let never = Timestamp::MAX - SignedDuration::from_hours(24);
        match Records::read(&tasks.place, never).await {
            Ok(mut records) => {
                // A report about an earlier time leaves out what was recorded later.
                records.list.retain(|record| record.at <= period.until);
                Self::of(tasks, &records, kind, period)
            }
            Err(failure) => Self {
                remarks: vec![format!("the task records cannot be read: {}", failure.message)],
                ..Self::default()
            },
        }
    }

    fn of(tasks: &Tasks, records: &Records, kind: Kind, period: &Period) -> Self {
        let mut people = Self::default();
        if records.rejected > 0 {
            people.remarks.push(format!("{} task records are damaged or not ours, and were ignored", records.rejected));
        }
        let mut occurrence_on = Vec::new();
        for task in &tasks.list {
            let (row, rows) = rows(task, tasks, records, kind, period);
            occurrence_on.extend(row.map(|row| (task.id.clone(), row)));
            people.tasks.extend(rows);
        }
        people.tasks.sort_by(|a, b| (a.day, &a.title, &a.id).cmp(&(b.day, &b.title, &b.id)));
        people.actions = records.list.iter().filter(|record| period.has(record.at)).map(action).collect();
        people.overrides = emergencies(tasks, records, period);
        people.occurrence_on = Some(occurrence_on);
        people
    }

    /// Returns the line of the checklist that a task answers.
    pub fn line(&self, written: &'static Written, id: &str) -> Line {
        let mut line = Line::unjudged(written, vec![id.to_owned()]);
        let row =
            self.occurrence_on.as_ref().and_then(|occurrence_on| occurrence_on.iter().find(|(known, _)| known == id));
        let Some((_, row)) = row else {
            line.verdict = Verdict::CannotTell;
            line.why.push(match self.occurrence_on {
                None => "the task records cannot be read".to_owned(),
                Some(_) => "the task is switched off in checklist.yaml".to_owned(),
            });
            return line;
        };
        line.state = Some(row.state);
        (line.verdict, line.evidence) = match row.state {
            "overdue" => (Verdict::Critical, None),
            "due" => (Verdict::Warning, None),
            _ => (Verdict::Ok, row.at),
        };
        let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
        line.why.push(match row.at {
            Some(_) => format!("{} by {} for {}{note}", row.state, row.by, row.day),
            None => format!("{}, due on {}", row.state, row.day),
        });
        line
    }
}

/// Returns the row with the current state of a task, and its rows of the period.
fn rows(task: &Task, tasks: &Tasks, records: &Records, kind: Kind, period: &Period) -> (Option<TaskRow>, Vec<TaskRow>) {
    let date = |at: Timestamp| at.to_zoned_datetime(tasks.zone.clone()).date();
    let (from, until) = (date(period.from), date(period.until));
    let occurrence = status_of(task, tasks, records, period.until);
    let open = occurrence.as_ref().map(|(occurrence, status)| (occurrence.day, *status));
    let days = std::iter::successors(task.rule.next(from), |day| task.rule.next(*day)).take_while(|day| *day <= until);
    let mut rows: Vec<TaskRow> =
        days.filter(|day| *day >= tasks.since).map(|day| row(task, day, open, tasks, records)).collect();
    // A task that is open from before the period, or falls due within the next period of the same length.
    let ahead = match kind {
        Kind::Daily => until.checked_add(1.day()),
        Kind::Weekly => until.checked_add(1.week()),
        Kind::Monthly => until.checked_add(1.month()),
        Kind::Quarterly => until.checked_add(3.months()),
    };
    if let Some((day, _)) = open.filter(|(day, _)| *day <= from || (*day > until && ahead.is_ok_and(|end| *day <= end)))
    {
        rows.push(row(task, day, open, tasks, records));
    }
    // The current state: the open occurrence, or else the last one that was answered.
    let now = match open {
        Some((day, TaskStatus::Ahead)) => {
            let last = task.rule.last(until).filter(|last| *last >= tasks.since);
            let recorded = last.map(|last| row(task, last, open, tasks, records)).filter(|row| row.at.is_some());
            Some(recorded.unwrap_or_else(|| row(task, day, open, tasks, records)))
        }
        Some((day, _)) => Some(row(task, day, open, tasks, records)),
        None => None,
    };
    (now, rows)
}

fn row(task: &Task, day: Date, open: Option<(Date, TaskStatus)>, tasks: &Tasks, records: &Records) -> TaskRow {
    let record = record_of_day(task, day, tasks, records);
    let (state, note) = match (record, open) {
        (Some(record), _) => summary(record),
        (None, Some((open, status))) if open == day => (status.as_str(), String::new()),
        (None, _) => ("missed", String::new()),
    };
    TaskRow {
        id: task.id.clone(),
        title: task.title.clone(),
        cadence: task.cadence.as_str(),
        day,
        state,
        by: record.map(|record| record.by.clone()).unwrap_or_default(),
        at: record.map(|record| record.at),
        note,
    }
}

fn action(record: &Record) -> Action {
    let (what, note) = summary(record);
    let passed = |passed: bool, why: &Option<String>| match (passed, why) {
        (true, _) => "good".to_owned(),
        (false, why) => format!("NOT good: {}", why.as_deref().unwrap_or("no reason is recorded")),
    };
    let (subject, note) = match &record.act {
        Act::Done { task, .. } | Act::Skipped { task, .. } => (task.clone(), note),
        Act::Restored { backup, passed: good, why, .. } => (backup.clone(), passed(*good, why)),
        Act::Routed { alertmanager, level, passed: good, why, .. } => {
            (format!("{alertmanager} {level}"), passed(*good, why))
        }
        Act::Override { .. } | Act::OverrideEnded => (String::new(), note),
    };
    Action { at: record.at, by: record.by.clone(), what, subject, note }
}

/// Returns the emergency overrides that touch the period, and earlier ones that left something undone.
fn emergencies(tasks: &Tasks, records: &Records, period: &Period) -> Vec<Emergency> {
    let mut all: Vec<Emergency> = Vec::new();
    for record in &records.list {
        match &record.act {
            Act::Override { reason, until } => match all.last_mut().filter(|last| last.until >= record.at) {
                Some(last) => last.until = *until,
                None => all.push(Emergency {
                    from: record.at,
                    until: *until,
                    by: record.by.clone(),
                    reason: reason.clone(),
                    skipped: Vec::new(),
                }),
            },
            Act::OverrideEnded => {
                if let Some(last) = all.last_mut().filter(|last| last.until >= record.at) {
                    last.until = record.at;
                }
            }
            _ => {}
        }
    }
    for emergency in &mut all {
        emergency.skipped = undone(tasks, records, emergency, period.until);
    }
    let touches = |emergency: &Emergency| emergency.from <= period.until && emergency.until > period.from;
    let owes = |emergency: &Emergency| emergency.skipped.iter().any(|task| task.caught_up.is_none());
    all.retain(|emergency| touches(emergency) || owes(emergency));
    all
}

/// Returns the tasks that were skipped with a reason during an emergency, or fell due in it and were not done.
fn undone(tasks: &Tasks, records: &Records, emergency: &Emergency, until: Timestamp) -> Vec<CatchUp> {
    let end = emergency.until.min(until);
    let date = |at: Timestamp| at.to_zoned_datetime(tasks.zone.clone()).date();
    let mut undone = Vec::new();
    for task in &tasks.list {
        let during = |at: Timestamp| emergency.from <= at && at <= end;
        let of_task = || records.list.iter().filter(|record| record.task() == Some(&task.id));
        let skipped = of_task().find_map(|record| match &record.act {
            Act::Skipped { reason, .. } if during(record.at) => Some(format!("skipped: {reason}")),
            _ => None,
        });
        let is_done = |record: &&Record| matches!(record.act, Act::Done { .. });
        let first = date(emergency.from).max(tasks.since);
        let mut fell = Vec::new();
        let mut day = first.yesterday().ok().and_then(|before| task.rule.next(before));
        while let Some(one) = day.filter(|day| *day <= date(end)) {
            fell.push(one);
            day = task.rule.next(one);
        }
        let done_before =
            |day: Date| of_task().filter(is_done).any(|r| r.at <= end && task.is_done(day, &[r.at], &tasks.zone));
        let missed: Vec<String> =
            fell.into_iter().filter(|day| !done_before(*day)).map(|day| day.to_string()).collect();
        let missed = (!missed.is_empty()).then(|| format!("not done on {}", missed.join(", ")));
        let Some(how) = skipped.or(missed) else { continue };
        let caught_up = of_task().filter(is_done).map(|record| record.at).find(|at| *at > emergency.from);
        undone.push(CatchUp { task: task.id.clone(), title: task.title.clone(), how, caught_up });
    }
    undone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn people(records: &[(&str, Act)], until: &str, kind: Kind) -> People {
        let yaml = "tasks: {timeZone: Europe/Berlin, since: 2026-01-01, directory: /nowhere}";
        let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|error| panic!("{error}"));
        let tasks = config.tasks.clone().unwrap_or_else(|| panic!("tasks"));
        let record = |(when, act): &(&str, Act)| Record { at: at(when), by: "ann".to_owned(), act: act.clone() };
        let records = Records { list: records.iter().map(record).collect(), ..Records::default() };
        let period = Period::until(kind, at(until), &tasks.zone).unwrap_or_else(|error| panic!("{error}"));
        People::of(&tasks, &records, kind, &period)
    }

    fn done(task: &str) -> Act {
        Act::Done { task: task.to_owned(), note: Some("all well".to_owned()), evidence: None }
    }

    fn skipped(task: &str) -> Act {
        Act::Skipped { task: task.to_owned(), reason: "fire".to_owned() }
    }

    #[test]
    fn occurrences_are_done_skipped_missed_open_or_ahead() {
        let records =
            [("2026-11-06T10:00:00Z", done("capacity_sheet")), ("2026-11-13T10:00:00Z", skipped("capacity_sheet"))];
        let people = people(&records, "2026-11-24T08:00:00Z", Kind::Monthly);
        let sheet: Vec<_> = people.tasks.iter().filter(|row| row.id == "capacity_sheet").collect();
        let states: Vec<_> = sheet.iter().map(|row| (row.day.to_string(), row.state)).collect();
        let expected =
            [("2026-10-30", "missed"), ("2026-11-06", "done"), ("2026-11-13", "skipped"), ("2026-11-20", "overdue")];
        assert_eq!(states, expected.map(|(day, state)| (day.to_owned(), state)));
        assert_eq!(sheet[1].note, "all well");
        assert!(
            people
                .tasks
                .iter()
                .any(|row| row.id == "backup_verification" && row.state == "ahead" || row.state == "overdue")
        );
    }

    #[test]
    fn tasks_skipped_during_an_emergency_are_listed_until_they_are_done() {
        let over = |until: &str| Act::Override { reason: "the region is down".to_owned(), until: at(until) };
        let mut records = vec![
            ("2026-11-09T06:00:00Z", over("2026-11-09T10:00:00Z")),
            ("2026-11-09T07:00:00Z", skipped("audit_review")),
            ("2026-11-09T09:00:00Z", over("2026-11-09T20:00:00Z")),
            ("2026-11-09T12:00:00Z", Act::OverrideEnded),
        ];
        let kind = Kind::Daily;
        let left = people(&records, "2026-11-24T08:00:00Z", kind).overrides;
        assert_eq!((left.len(), left[0].until), (1, at("2026-11-09T12:00:00Z")));
        let how: Vec<&str> = left[0].skipped.iter().map(|task| task.how.as_str()).collect();
        assert_eq!(how, ["skipped: fire", "not done on 2026-11-09"], "the audit of the quarter fell on the same day");
        records.push(("2026-11-20T12:00:00Z", done("audit_review")));
        let left = people(&records, "2026-11-24T08:00:00Z", kind).overrides;
        assert!(left[0].skipped[0].caught_up.is_some() && left[0].skipped[1].caught_up.is_none());
        records.push(("2026-11-21T12:00:00Z", done("security_audit")));
        assert_eq!(people(&records, "2026-11-24T08:00:00Z", kind).overrides, []);
        assert_eq!(people(&records, "2026-11-09T20:00:00Z", kind).actions.len(), 4);
    }
}
