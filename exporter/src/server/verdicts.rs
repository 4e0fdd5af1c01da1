//! The verdicts of all checks as printed by `check` and returned by `/api/v1/checks`.

use crate::run::job::Job;
use crate::run::state::State;
use crate::run::time::unix_now;
use checklist::{Severity, Verdict};
use clap::ValueEnum;
use clients::failure::one_line;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Output format of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for a terminal.
    Table,
    /// One JSON object, the same as `/api/v1/checks`.
    Json,
    /// A Markdown table, for issues and chats.
    Markdown,
    /// JUnit XML, for the test view of a CI server.
    Junit,
}

/// Writes the verdicts of all jobs in a format.
pub fn write(jobs: &[Arc<Job>], format: Format) -> String {
    let rows: Vec<Row> = jobs.iter().map(|job| Row::of(&job.state(), unix_now())).collect();
    match format {
        Format::Table => table(&rows),
        Format::Json => format!("{:#}\n", json(jobs)),
        Format::Markdown => markdown(&rows),
        Format::Junit => junit(&rows),
    }
}

/// The verdict of one check.
struct Row {
    check: &'static str,
    target: String,
    verdict: Verdict,
    /// The findings, or the reason why the check could not be made.
    why: String,
    /// The examined objects, and the worst values beside their limits.
    seen: String,
    seconds: f64,
}

impl Row {
    /// Returns the findings or the failure, then the evidence: no verdict is shown without its evidence.
    fn words(&self) -> String {
        let parts = [&self.why, &self.seen].into_iter().filter(|part| !part.is_empty());
        parts.map(|part| one_line(part)).collect::<Vec<_>>().join(" | ")
    }

    fn of(state: &State, now: f64) -> Self {
        Self {
            check: state.check.signal.id,
            target: one_line(&state.check.target),
            verdict: state.verdict(now),
            why: state.why(),
            seen: state.seen(),
            seconds: state.history.back().map_or(0.0, |run| run.seconds),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let (check, target) = (width(|row| row.check.len(), 5), width(|row| row.target.len(), 6));
    let mut text = format!("{:<check$}  {:<target$}  {:<11}  SEEN\n", "CHECK", "TARGET", "VERDICT");
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Passed => row.verdict.to_string(),
            other => other.as_str().to_uppercase(),
        };
        let line = format!("{:<check$}  {:<target$}  {verdict:<11}  {}", row.check, row.target, row.words());
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn markdown(rows: &[Row]) -> String {
    let mut text = "| check | target | verdict | seen |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let seen = markdown_text(&row.words());
        let mark = if row.verdict == Verdict::Passed { "" } else { "**" };
        let target = markdown_text(&row.target);
        text += &format!("| {} | {target} | {mark}{}{mark} | {seen} |\n", row.check, row.verdict);
    }
    text
}

/// Escapes text for a table cell, so that nothing in it is markup of Markdown, HTML or a chat.
fn markdown_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let begins_word = !before.is_alphanumeric();
        before = c;
        match c {
            // Chats read @channel as a mention. An @ within a word, as in an e-mail address, is none.
            '@' if begins_word => safe.push_str("&#64;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

/// Writes JUnit XML. A warning or critical verdict is a failure, a check that could not be made is an error.
fn junit(rows: &[Row]) -> String {
    let mut suite = TestSuite::new("checklist");
    suite.add_test_cases(rows.iter().map(|row| {
        let mut status = match row.verdict {
            Verdict::Passed => TestCaseStatus::success(),
            Verdict::Warning | Verdict::Critical => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Verdict::CannotTell => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        if row.verdict != Verdict::Passed {
            status.set_message(row.words());
        }
        let mut case = TestCase::new(row.target.as_str(), status);
        case.set_system_out(row.words());
        case.set_classname(row.check).set_time(Duration::try_from_secs_f64(row.seconds).unwrap_or_default());
        case
    }));
    let mut report = quick_junit::Report::new("checklist-exporter check");
    report.add_test_suite(suite);
    // Writing to memory cannot fail.
    report.to_string().unwrap_or_default()
}

/// Returns every check as JSON. `/api/v1/checks` returns the same.
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
                "what": reading.what,
                "value": reading.value,
                "warning": reading.limits.at(Severity::Warning),
                "critical": reading.limits.at(Severity::Critical),
                "whose": reading.whose,
                "human": reading.unit.human(reading.value),
            })
        })
        .collect();
    let seen: Vec<Value> =
        state.evidence.seen().map(|(object, count)| json!({"object": object.as_str(), "count": count})).collect();
    let unseen: Vec<Value> = state
        .evidence
        .unseen()
        .map(|gap| json!({"object": gap.object.as_str(), "reason": gap.reason.as_str(), "count": gap.count}))
        .collect();
    json!({
        "check": signal.id,
        "target": state.check.target,
        "title": signal.title,
        "cadence": signal.cadence.as_str(),
        "section": signal.section,
        "verdict": state.verdict(now).as_str(),
        "why": state.why(),
        "seen": state.seen(),
        "evidence": {"seen": seen, "unseen": unseen, "since": state.evidence.since(), "gaps": state.evidence.gaps()},
        "readings": readings,
        "lastRun": state.history.back().map(|run| run.at),
        "lastSuccess": state.last_success(),
        "intervalSeconds": state.check.interval.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_servers_is_escaped_for_markdown_and_chat() {
        for (text, written) in [
            ("<!channel> <script>", "&lt;!channel&gt; &lt;script&gt;"),
            ("@here see a@b.example", "&#64;here see a@b.example"),
            ("[x](http://y) | `z` **b**", "\\[x\\](http://y) \\| \\`z\\` \\*\\*b\\*\\*"),
            ("&lt;", "&amp;lt;"),
        ] {
            assert_eq!(markdown_text(text), written);
        }
    }
}
