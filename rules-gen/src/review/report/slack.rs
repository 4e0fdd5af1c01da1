//! Writes a report as a message for Slack's incoming webhooks, in Block Kit. Slack allows 50 blocks, 3,000 characters
//! in a section, and 150 characters in a header.

use super::markdown::{day, ended, notified, started, time};
use super::model::{Line, Report, Verdict};
use checklist::spaced;
use serde_json::{Value, json};

/// The largest number of blocks in a message.
const MOST_BLOCKS: usize = 50;
/// The largest number of characters in a section.
const MOST_TEXT: usize = 3_000;
/// The largest number of characters in a header.
const MOST_HEADER: usize = 150;
/// The largest number of characters in one item of a list. Longer notes are cut.
const MOST_ITEM: usize = 400;

/// Returns the body of the request.
pub fn message(report: &Report) -> Value {
    let title = cut(&format!("{} - {}", report.title, day(report, report.until)), MOST_HEADER);
    let count = |verdict: Verdict| report.lines.iter().filter(|line| line.verdict == verdict).count();
    let summary = format!(
        "*{}* ok, *{}* warning, *{}* critical, *{}* cannot tell; *{}* alerts from {} to {}",
        count(Verdict::Ok),
        count(Verdict::Warning),
        count(Verdict::Critical),
        count(Verdict::CannotTell),
        report.alerts.len(),
        time(report, report.from),
        time(report, report.until)
    );
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": title}}), section(&summary)];
    let bad: Vec<&Line> = report.lines.iter().filter(|line| line.verdict != Verdict::Ok).collect();
    blocks.extend(part(
        "Lines",
        bad.iter().map(|line| {
            let why = line.why.join("; ");
            format!("*{}* {}: {}", line.verdict.word(), safe(line.text), safe(&why))
        }),
    ));
    blocks.extend(part(
        "Alerts",
        report.alerts.iter().map(|alert| {
            let who = safe(&notified(alert));
            let target = [alert.target.as_str(), alert.of.as_str()].join(" ");
            let (start, end) = (started(report, alert), ended(report, alert));
            format!(
                "*{}* {} {}: {start} to {end}, {who}",
                safe(&alert.severity),
                safe(&spaced(&alert.alert)),
                safe(target.trim())
            )
        }),
    ));
    let late = report.tasks.iter().filter(|row| matches!(row.state, "open" | "due" | "overdue" | "missed"));
    blocks.extend(part("Tasks", late.map(|row| format!("*{}* {} ({})", row.state, safe(&row.title), row.day))));
    let owed = report.overrides.iter().flat_map(|o| &o.skipped).filter(|task| task.caught_up.is_none());
    blocks.extend(part(
        "To catch up on after the emergency",
        owed.map(|t| format!("{}: {}", safe(&t.title), safe(&t.how))),
    ));
    blocks.extend(part(
        "Actions",
        report.actions.iter().map(|a| {
            let what = [a.what, &safe(&a.subject)].join(" ");
            format!("{} {} by {} {}", time(report, a.at), what.trim(), safe(&a.by), safe(&a.note))
        }),
    ));
    let limits = report.capacity.iter().flat_map(|capacity| &capacity.resources).flat_map(|resource| {
        resource.limits.iter().map(move |limit| {
            let name = format!("{} {} {}", resource.kind, resource.target, resource.of);
            format!("{}, {}: {} (linear {})", safe(name.trim()), limit.name, limit.seasonal, limit.linear)
        })
    });
    blocks.extend(part("Limits that will be reached", limits));
    blocks.extend(part("About this report", report.remarks.iter().map(|remark| safe(remark))));
    if blocks.len() > MOST_BLOCKS {
        blocks.truncate(MOST_BLOCKS - 1);
        blocks.push(section("_More in the full report._"));
    }
    // `text` is shown in notifications, and by clients that do not support blocks.
    json!({"text": title, "blocks": blocks})
}

/// Returns a heading and its items, in as many sections as the limit requires.
fn part(heading: &str, items: impl Iterator<Item = String>) -> Vec<Value> {
    let mut texts: Vec<String> = Vec::new();
    for item in items {
        let item = format!("• {}", cut(item.trim(), MOST_ITEM));
        match texts.last_mut() {
            Some(text) if text.chars().count() + item.chars().count() < MOST_TEXT => *text += &format!("\n{item}"),
            Some(_) => texts.push(item),
            None => texts.push(format!("*{heading}*\n{item}")),
        }
    }
    texts.iter().map(|text| section(text)).collect()
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(text, MOST_TEXT)}})
}

/// Escapes the three characters that Slack requires, so that a text cannot mention people or contain links.
fn safe(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Backquotes are replaced, so that a text cannot become code. Asterisks, underscores and tildes only change the
    // look.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('`', "'")
}

/// Cuts a text to a number of characters, and never inside an escape.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    if let Some(at) = short.rfind('&').filter(|at| !short[*at..].contains(';')) {
        short.truncate(at);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::report::model::{Action, SCHEMA};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    fn report(actions: usize, note: &str) -> Report {
        let action = |_| Action {
            at: Timestamp::UNIX_EPOCH,
            by: "<!channel>".to_owned(),
            what: "done",
            subject: "a".to_owned(),
            note: note.to_owned(),
        };
        Report {
            schema: SCHEMA,
            cadence: "daily",
            title: "Daily Operations Report",
            before: Timestamp::UNIX_EPOCH,
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            zone: "UTC".to_owned(),
            clock: TimeZone::UTC,
            lines: Vec::new(),
            days: Vec::new(),
            alerts_unknown: None,
            alerts: Vec::new(),
            tasks: Vec::new(),
            actions: (0..actions).map(action).collect(),
            overrides: Vec::new(),
            trends: Vec::new(),
            capacity: None,
            remarks: Vec::new(),
        }
    }

    #[test]
    fn a_slack_report_of_any_length_stays_within_the_limits_of_block_kit() {
        for (actions, note) in [(0, String::new()), (40, "&<>".repeat(2_000)), (3_000, "word ".repeat(100))] {
            let message = message(&report(actions, &note));
            let blocks = message["blocks"].as_array().unwrap_or_else(|| panic!("{message}"));
            assert!((2..=MOST_BLOCKS).contains(&blocks.len()), "{}", blocks.len());
            for block in blocks {
                let text = block["text"]["text"].as_str().unwrap_or_default();
                let most = if block["type"] == "header" { MOST_HEADER } else { MOST_TEXT };
                assert!(!text.is_empty() && text.chars().count() <= most, "{}", text.len());
            }
            assert_eq!(actions > 1_000, message.to_string().contains("More in the full report"));
        }
    }

    #[test]
    fn a_note_cannot_mention_slack_users() {
        let text = message(&report(1, "<!here> & <https://x|y>")).to_string();
        assert!(
            !text.contains("<!") && text.contains("&lt;!channel&gt;") && text.contains("&lt;https://x|y&gt;"),
            "{text}"
        );
        assert_eq!(cut("abc&amp;def", 6), "abc…");
    }
}
