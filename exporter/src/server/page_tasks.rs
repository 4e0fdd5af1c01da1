//! The page of human tasks: the calendar of the week, the tasks that are due or overdue, and the last records.

use crate::server::page::page;
use checklist::Config;
use checklist::config::Tasks;
use checklist::tasks::Task;
use clients::records::{Act, Record, Records};
use clients::task_status::{TaskStatus, local_time, record_of_day, status_of, summary};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};
use std::time::Duration;

/// Seconds after which the browser reloads the page. Records change only a few times a week, and reading them from a
/// bucket takes one request for each record.
const REFRESH: u32 = 300;
/// Deadline for reading the records, so that a bucket that does not answer cannot hold up a request.
const DEADLINE: Duration = Duration::from_secs(10);
/// Number of records shown below the tasks.
const LAST: usize = 20;

/// Renders the page at `now`. Without a section `tasks:` in checklist.yaml the page says so.
pub async fn overview(config: &Config, now: Timestamp) -> String {
    let Some(tasks) = &config.tasks else {
        return whole(&html! { p.summary { "checklist.yaml has no section tasks." } });
    };
    let read = tokio::time::timeout(DEADLINE, Records::read(&tasks.place, now)).await;
    let records = match read {
        Ok(Ok(records)) => records,
        Ok(Err(failure)) => return cannot(&failure.message),
        Err(_) => return cannot("reading the task records timed out."),
    };
    whole(&body(tasks, &records, now))
}

/// Renders the page for the case that the records cannot be read.
pub fn cannot(why: &str) -> String {
    whole(&html! { p.cannot { "Cannot tell: " (why) } })
}

fn whole(body: &Markup) -> String {
    page("Manual tasks", REFRESH, &html! { p.summary { a href="/" { "All checks" } } h1 { "Manual tasks" } (body) })
}

fn body(tasks: &Tasks, records: &Records, now: Timestamp) -> Markup {
    let mut occurrences: Vec<_> = tasks
        .list
        .iter()
        .filter_map(|task| status_of(task, tasks, records, now).map(|(at, status)| (task, at, status)))
        .collect();
    occurrences.sort_by_key(|(_, at, status)| (std::cmp::Reverse(*status), at.day));
    let count = |wanted: TaskStatus| occurrences.iter().filter(|(_, _, status)| *status == wanted).count();
    let last = records.list.iter().rev().filter(|record| record.task().is_some()).take(LAST);
    html! {
        p.summary {
            b { (count(TaskStatus::Overdue)) } " overdue, " b { (count(TaskStatus::Due)) } " due, " b { (count(TaskStatus::Open)) } " open; "
            (local_time(now, tasks))
        }
        @if records.rejected > 0 {
            p.cannot { (records.rejected) " task records cannot be read; the log lists them." }
        }
        @if let Some((since, Record { by, act: Act::Override { reason, until }, .. })) = records.override_at(now) {
            p.not { "Emergency override since " (local_time(since, tasks)) " until " (local_time(*until, tasks)) " by " (by) ": " (reason) }
        }
        h2 { "This week" }
        (week(tasks, records, now))
        h2 { "Every task" }
        table {
            tr { th { "Task" } th { "When" } th { "Day" } th { "State" } th { "Until" } }
            @for (task, at, status) in &occurrences {
                tr {
                    td {
                        details {
                            summary { (task.title) " " span.target { (task.id) } }
                            ol { @for step in &task.steps { li { (step) } } }
                        }
                    }
                    td { (task.rule) ", " (task.minutes) " min" }
                    td.day { (at.day.strftime("%a %Y-%m-%d")) }
                    td.verdict.(class(*status)) { (status.as_str()) }
                    td.day data-is="until" { (local_time(at.due, tasks)) }
                }
            }
        }
        h2 { "Last records" }
        table {
            tr { th { "When" } th { "Task" } th { "What" } th { "By" } th { "Note" } }
            @for record in last {
                tr {
                    td.day { (local_time(record.at, tasks)) }
                    td { (record.task().unwrap_or_default()) }
                    td { (summary(record).0) }
                    td data-is="by" { (record.by) }
                    td { (note(record)) }
                }
            }
        }
    }
}

/// Renders the calendar from Monday to Sunday of the present week.
fn week(tasks: &Tasks, records: &Records, now: Timestamp) -> Markup {
    let today = now.to_zoned_datetime(tasks.zone.clone()).date();
    let monday = today.checked_sub(i64::from(today.weekday().since(Weekday::Monday)).days()).unwrap_or(today);
    let days = (0..7_i64).filter_map(|n| monday.checked_add(n.days()).ok());
    html! {
        table {
            tr { th { "Day" } th { "Task" } th { "State" } th { "Note" } }
            @for day in days {
                @let here: Vec<&Task> = tasks.list.iter().filter(|task| task.rule.is_on(day)).collect();
                @let name = html! { (day.strftime("%a %Y-%m-%d")) @if day == today { " " b { "today" } } };
                @if here.is_empty() { tr { td.day { (name) } td {} td {} td {} } }
                @for task in &here {
                    @let (class, word, note) = occurrence(task, day, now, tasks, records);
                    tr { td.day { (name) } td { (task.title) } td.verdict.(class) { (word) } td { (note) } }
                }
            }
        }
    }
}

/// Returns the state of a task on a day: the CSS class, a word, and a note.
fn occurrence(
    task: &Task,
    day: Date,
    now: Timestamp,
    tasks: &Tasks,
    records: &Records,
) -> (&'static str, &'static str, Markup) {
    if let Some(record) = record_of_day(task, day, tasks, records) {
        let word = summary(record).0;
        let class = if word == "done" { "passed" } else { "cannot" };
        return (class, word, html! { (record.by) ": " (note(record)) });
    }
    if day < tasks.since {
        return ("", "not counted", html! {});
    }
    match status_of(task, tasks, records, now) {
        Some((occurrence, status)) if occurrence.day == day => (class(status), status.as_str(), html! {}),
        _ if day > now.to_zoned_datetime(tasks.zone.clone()).date() => ("", TaskStatus::Ahead.as_str(), html! {}),
        _ => ("not", "not done", html! {}),
    }
}

/// Renders the note of a record, with a link to its evidence if that is a URL.
fn note(record: &Record) -> Markup {
    let Act::Done { note, evidence: Some(evidence), .. } = &record.act else { return html! { (summary(record).1) } };
    let address = evidence.starts_with("https://") || evidence.starts_with("http://");
    html! {
        (note.as_deref().unwrap_or_default()) " "
        @if address { a href=(evidence) rel="noreferrer" { (evidence) } } @else { (evidence) }
    }
}

const fn class(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Overdue | TaskStatus::Due => "not",
        TaskStatus::Open => "cannot",
        TaskStatus::Ahead => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_week_shows_done_skipped_and_overdue_tasks_and_escapes_notes() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |text: &str| text.parse::<Timestamp>();
        let record = |task: &str, when: &str, reason: Option<&str>| -> anyhow::Result<String> {
            let task = task.to_owned();
            let act = match reason {
                Some(reason) => Act::Skipped { task, reason: reason.to_owned() },
                None => Act::Done {
                    task,
                    note: Some("<script>alert(1)</script>".to_owned()),
                    evidence: Some("https://wiki/?a=\"b\"".to_owned()),
                },
            };
            Ok(serde_json::to_string(&Record { at: at(when)?, by: "ann & bob".to_owned(), act })? + "\n")
        };
        let lines = record("runbook_update", "2026-11-23T10:00:00Z", None)?
            + &record("alert_review", "2026-11-23T11:00:00Z", Some("a \"fire\""))?;
        std::fs::write(folder.path().join("records.jsonl"), lines)?;
        let yaml =
            format!("tasks: {{timeZone: Europe/Berlin, since: 2026-01-01, directory: {}}}", folder.path().display());
        let config = Config::parse("checklist.yaml", &yaml)?;
        let page = overview(&config, at("2026-11-24T09:00:00Z")?).await;
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("a &quot;fire&quot;") && page.contains("ann &amp; bob"));
        assert!(page.contains("Tue 2026-11-24 <b>today</b>") && page.contains("skipped") && page.contains("overdue"));
        assert!(
            page.contains("Mon 2026-11-23</td><td>Alert routing test</td><td class=\"verdict cannot\">open"),
            "its grace is not over: {page}"
        );
        assert!(page.contains("<a href=\"https://wiki/?a=&quot;b&quot;\" rel=\"noreferrer\">"), "{page}");
        assert!(page.contains("<li>Run its tests</li>"), "the steps are there");
        // The task becomes due at ten on the next working day: on Sunday it is not late, on Monday the list of every
        // task shows it as due.
        let sunday = overview(&config, at("2026-11-29T09:00:00Z")?).await;
        assert!(sunday.contains("Alert routing test</td><td class=\"verdict cannot\">open"), "{sunday}");
        let monday = overview(&config, at("2026-11-30T10:00:00Z")?).await;
        let row = monday.split_once("Alert routing test <span").map_or("", |(_, rest)| rest);
        let row = row.split("</tr>").next().unwrap_or_default();
        assert!(row.contains("<td class=\"verdict not\">due"), "{monday}");
        Ok(())
    }

    #[tokio::test]
    async fn unreadable_task_records_are_reported_and_not_shown_as_no_tasks() -> anyhow::Result<()> {
        let config = Config::parse("checklist.yaml", "tasks: {since: 2026-01-01, directory: /nowhere/at/all}")?;
        assert!(overview(&config, Timestamp::now()).await.contains("Cannot tell"));
        Ok(())
    }
}
