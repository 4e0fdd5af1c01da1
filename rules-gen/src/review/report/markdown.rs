//! Writes a report as Markdown, in the form of the daily report and the weekly task list of the written checklist.

use super::model::{Incident, Line, Report, TaskRow, Verdict};
use checklist::Cadence;
use checklist::spaced;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Writes the report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("## {} - {}\n\n", report.title, day(report, report.until));
    let _ = writeln!(text, "{} to {} ({})\n", time(report, report.from), time(report, report.until), report.zone);
    status(&mut text, report);
    alerts(&mut text, report);
    people(&mut text, report);
    trends(&mut text, report);
    capacity(&mut text, report);
    text += "### Notes\n";
    let mut notes: Vec<String> =
        report.lines.iter().flat_map(|line| line.why.iter().map(|why| format!("{}: {why}", line.text))).collect();
    notes.extend(report.remarks.iter().cloned());
    list(&mut text, &notes, "Nothing to note");
    text += "\n### Actions Taken\n";
    let actions: Vec<String> = report
        .actions
        .iter()
        .map(|a| format!("{} {} by {} {}", time(report, a.at), [a.what, &a.subject].join(" ").trim(), a.by, a.note))
        .collect();
    list(&mut text, &actions, "No action is recorded");
    text += "\nPrepared by: rules-gen report\n";
    text
}

fn status(text: &mut String, report: &Report) {
    let mut section = "";
    for line in &report.lines {
        if line.section != section {
            section = line.section;
            let _ = writeln!(text, "### {section}\n");
        }
        let _ = writeln!(text, "- [{}] {}{}", line.mark(), safe(line.text), values(report, line));
        if report.lines.iter().skip_while(|l| !std::ptr::eq(*l, line)).nth(1).is_none_or(|next| next.section != section)
        {
            text.push('\n');
        }
    }
}

/// Returns the text behind a line of the checklist: its values with their limits, and the time of the last look.
fn values(report: &Report, line: &Line) -> String {
    let mut parts: Vec<String> = line
        .readings
        .iter()
        .map(|r| {
            let limit = if r.limit.is_empty() { String::new() } else { format!(" ({})", r.limit) };
            let mark = if r.verdict == Verdict::Ok { "" } else { "**" };
            let of = [r.target.as_str(), r.of.as_str()].join(" ");
            format!("{} {} {mark}{}{mark}{limit}", safe(of.trim()), safe(&r.name), safe(&r.human))
        })
        .collect();
    if line.verdict != Verdict::Ok {
        parts.insert(0, format!("**{}**", line.verdict.word()));
    }
    parts.push(match (line.evidence, line.state) {
        (Some(at), _) => format!("as of {}", time(report, at)),
        (None, Some(state)) => state.to_owned(),
        (None, None) => "never checked".to_owned(),
    });
    format!(" - {}", parts.join("; "))
}

fn alerts(text: &mut String, report: &Report) {
    *text += "### Alerts\n";
    if let Some(why) = &report.alerts_unknown {
        *text += &format!("- The list may be incomplete: {why}\n\n");
    }
    if report.alerts.is_empty() {
        *text +=
            if report.alerts_unknown.is_some() { "- No alert is recorded\n\n" } else { "- No alerts triggered\n\n" };
        return;
    }
    *text += "\n| alert | severity | target | start | end | notified |\n|---|---|---|---|---|---|\n";
    for alert in &report.alerts {
        let target = [alert.target.as_str(), alert.of.as_str()].join(" ");
        let row = [
            spaced(&alert.alert),
            alert.severity.clone(),
            target.trim().to_owned(),
            started(report, alert),
            ended(report, alert),
            notified(alert),
        ];
        let _ = writeln!(text, "| {} |", row.map(|cell| safe(&cell)).join(" | "));
    }
    text.push('\n');
}

/// Writes when an alert began.
pub fn started(report: &Report, alert: &Incident) -> String {
    let before = if alert.from_before { "before " } else { "" };
    format!("{before}{}", time(report, alert.start))
}

/// Writes when an alert ended, or that it still fires.
pub fn ended(report: &Report, alert: &Incident) -> String {
    alert.end.map_or_else(|| "still firing".to_owned(), |end| time(report, end))
}

/// Writes which receiver was notified, or which alert inhibited the notification.
pub fn notified(alert: &Incident) -> String {
    match &alert.held_back {
        Some(by) => format!("suppressed by {}", spaced(by)),
        None => alert.notified.clone(),
    }
}

fn people(text: &mut String, report: &Report) {
    if !report.days.is_empty() {
        let _ = writeln!(text, "### Operations Tasks - Week of {}\n\n#### Daily\n", day(report, report.from));
        for row in &report.days {
            let weekday = row.until.to_zoned_datetime(report.clock.clone()).strftime("%a");
            let word = if row.verdict == Verdict::Ok { String::new() } else { format!(" **{}**", row.verdict.word()) };
            let _ = writeln!(
                text,
                "- [{}] {weekday}: Health check, 24 hours to {}{word}",
                row.verdict.mark(),
                time(report, row.until)
            );
        }
        text.push('\n');
    } else if !report.tasks.is_empty() {
        *text += "### Tasks\n\n";
    }
    for cadence in Cadence::ALL {
        let mut rows = report.tasks.iter().filter(|row| row.cadence == cadence.as_str()).peekable();
        if rows.peek().is_some() {
            let mut name = cadence.to_string();
            name.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
            let _ = writeln!(text, "#### {name}\n");
            rows.for_each(|row| task(text, row));
            text.push('\n');
        }
    }
    for emergency in &report.overrides {
        let (from, until) = (time(report, emergency.from), time(report, emergency.until));
        let _ = writeln!(
            text,
            "### Emergency override {from} to {until}\n\n{} ({})\n",
            safe(&emergency.reason),
            safe(&emergency.by)
        );
        for task in &emergency.skipped {
            let mark = if task.caught_up.is_some() { "x" } else { " " };
            let when = task
                .caught_up
                .map_or_else(|| "to catch up on".to_owned(), |at| format!("caught up on {}", time(report, at)));
            let _ = writeln!(text, "- [{mark}] {}: {}, {when}", safe(&task.title), safe(&task.how));
        }
        text.push('\n');
    }
}

fn task(text: &mut String, row: &TaskRow) {
    let mark = if row.state == "done" { "x" } else { " " };
    let state = if row.state == "done" { String::new() } else { format!(" **{}**", row.state) };
    let by = if row.by.is_empty() { String::new() } else { format!(" by {}", row.by) };
    let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
    let weekday = row.day.strftime("%a");
    let _ = writeln!(text, "- [{mark}] {weekday} {}: {}{state}{}", row.day, safe(&row.title), safe(&(by + &note)));
}

fn trends(text: &mut String, report: &Report) {
    if report.trends.is_empty() {
        return;
    }
    *text += "### Trends\n\n| value | of | mean | before | change |\n|---|---|---|---|---|\n";
    for trend in &report.trends {
        let [mean, before, change] = &trend.human;
        let _ = writeln!(text, "| {} | {} | {mean} | {before} | {change} |", safe(trend.title), safe(&trend.of));
    }
    text.push('\n');
}

fn capacity(text: &mut String, report: &Report) {
    let Some(capacity) = &report.capacity else { return };
    let _ = writeln!(
        text,
        "### Capacity\n\nFrom {} days; intervals contain {:.0}% of the future values.\n",
        capacity.history_days,
        capacity.level * 100.0
    );
    if capacity.resources.is_empty() {
        *text += "No resource has a history.\n\n";
        return;
    }
    *text += "| resource | now | 3 months | 6 months | 12 months | limits (seasonal; not before; linear) |\n|---|---|---|---|---|---|\n";
    for resource in &capacity.resources {
        let unit = |value: f64| resource.unit_kind.human(value);
        let name = format!("{} {} {}", resource.kind, resource.target, resource.of);
        let now = resource.current.map_or_else(|| "no value".to_owned(), unit);
        let mut cells = vec![safe(name.trim()), now];
        match &resource.refused {
            Some(why) => cells.extend([format!("cannot tell: {}", safe(why)), String::new(), String::new()]),
            None => cells.extend(resource.ahead.iter().map(|a| {
                format!("{} ({} to {}), linear {}", unit(a.seasonal), unit(a.low), unit(a.high), unit(a.linear))
            })),
        }
        let limits: Vec<String> = resource
            .limits
            .iter()
            .map(|l| format!("{} {}: {}; {}; {}", l.name, unit(l.value), l.seasonal, l.earliest, l.linear))
            .collect();
        cells.push(if limits.is_empty() { "no limit is configured".to_owned() } else { limits.join("<br>") });
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
    for resource in &capacity.resources {
        if let Some((seasonal, linear)) = resource.error {
            let name = format!("{} {} {}", resource.kind, resource.target, resource.of);
            let (seasonal, linear) = (seasonal * 100.0, linear * 100.0);
            let _ = writeln!(
                text,
                "- {}: error on the last two weeks as a test set: seasonal {seasonal:.1}%, linear {linear:.1}%",
                safe(name.trim())
            );
        }
    }
    if capacity.left_out > 0 {
        let _ = writeln!(text, "- {} resources further from their limits are not listed", capacity.left_out);
    }
    text.push('\n');
}

fn list(text: &mut String, items: &[String], nothing: &str) {
    if items.is_empty() {
        let _ = writeln!(text, "- {nothing}");
    }
    for item in items {
        let _ = writeln!(text, "- {}", safe(item.trim()));
    }
}

/// Writes a time in the report's zone: `2026-11-24 09:00 CET`.
pub fn time(report: &Report, at: Timestamp) -> String {
    at.to_zoned_datetime(report.clock.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// Writes a day in the report's zone.
pub fn day(report: &Report, at: Timestamp) -> String {
    at.to_zoned_datetime(report.clock.clone()).strftime("%Y-%m-%d").to_string()
}

/// Escapes text from outside for Markdown: it cannot become markup, split a table cell, or begin a line.
pub fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_text_is_escaped_in_markdown() {
        assert_eq!(safe("<script>`|\n# x"), "&lt;script&gt;\\`\\| \\# x");
        assert_eq!(safe("[a](javascript:x) ![b] **c** a_b"), "\\[a\\](javascript:x) \\!\\[b\\] \\*\\*c\\*\\* a\\_b");
    }
}
