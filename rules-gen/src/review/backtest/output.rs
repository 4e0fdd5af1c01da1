//! Writes a backtest as a text table and as Markdown.

use super::report::{Alert, Report};
use crate::review::statistics::{Statistics, bars};
use crate::terminal;
use checklist::Unit;
use std::fmt::Write as _;

const HEAD: [&str; 11] =
    ["alert", "severity", "series", "episodes", "pages", "a week", "firing", "median", "p95", "flaps", "pages by hour"];

/// Returns the head of the table, and the rows of every alert that fired or was swept.
pub(super) fn rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for alert in report.alerts.iter().filter(|alert| is_listed(alert)) {
        rows.push(row(&name(report, alert), alert.severity(), &alert.statistics, alert.covered_seconds));
        for tried in &alert.sweep {
            let sign = match (&alert.recommendation, tried.within_budget) {
                (Some(best), _) if *best == tried.value => "* ",
                (_, Some(false)) => "! ",
                _ => "  ",
            };
            let name = format!("  {sign}{}", tried.value);
            rows.push(row(&name, "", &tried.statistics, alert.covered_seconds));
        }
    }
    rows
}

/// Returns the alert's name. If another alert has the same name and severity, the check or the group follows in
/// brackets.
fn name(report: &Report, alert: &Alert) -> String {
    let same = |other: &&Alert| other.alert == alert.alert && other.severity() == alert.severity();
    if report.alerts.iter().filter(same).count() < 2 {
        return alert.alert.clone();
    }
    format!("{} ({})", alert.alert, alert.labels.get("check").unwrap_or(&alert.group))
}

/// Whether an alert has rows in the table.
fn is_listed(alert: &Alert) -> bool {
    alert.statistics.episodes > 0 || !alert.sweep.is_empty()
}

fn row(name: &str, severity: &str, statistics: &Statistics, covered: f64) -> Vec<String> {
    // A rate for a week needs a week of history: one page in three hours is not 56 pages a week.
    let weeks = covered / (7.0 * 86_400.0);
    let weekly = if weeks >= 1.0 { format!("{:.1}", statistics.pages as f64 / weeks) } else { "-".to_owned() };
    let open = if statistics.still_firing > 0 { "+" } else { "" };
    vec![
        name.to_owned(),
        severity.to_owned(),
        statistics.series.to_string(),
        statistics.episodes.to_string(),
        statistics.pages.to_string(),
        weekly,
        format!("{}{open}", Unit::Seconds.human(statistics.firing_seconds)),
        Unit::Seconds.human(statistics.median_seconds),
        Unit::Seconds.human(statistics.p95_seconds),
        statistics.flaps.to_string(),
        bars(&statistics.pages_by_hour),
    ]
}

/// Returns the heading of a backtest: how many alerts, which range, and how many never fired.
pub(super) fn title(report: &Report) -> String {
    let quiet = report.alerts.iter().filter(|alert| alert.statistics.episodes == 0).count();
    format!(
        "{} alerts from {} to {}, every {}, hours of {}; {quiet} never fired",
        report.alerts.len(),
        report.start.strftime("%Y-%m-%dT%H:%MZ"),
        report.end.strftime("%Y-%m-%dT%H:%MZ"),
        Unit::Seconds.human(report.step_seconds),
        report.time_zone
    )
}

/// Returns the warnings, one sentence each. A warning that several alerts share is returned once, with their names.
pub(super) fn remarks(report: &Report) -> Vec<String> {
    let failed = report.failed.iter();
    let mut remarks: Vec<String> = failed.map(|one| format!("{} was not replayed: {}", one.alert, one.why)).collect();
    remarks.extend(report.warnings.iter().cloned());
    let mut shared: Vec<(&str, Vec<&str>)> = Vec::new();
    for alert in &report.alerts {
        for warning in &alert.warnings {
            match shared.iter_mut().find(|(known, _)| known == warning) {
                Some((_, names)) => names.push(&alert.alert),
                None => shared.push((warning, vec![&alert.alert])),
            }
        }
    }
    remarks.extend(shared.into_iter().map(|(warning, mut names)| {
        names.dedup();
        match names.as_slice() {
            [first, _, _, ..] => format!("{first} and {} others: {warning}", names.len() - 1),
            few => format!("{}: {warning}", few.join(", ")),
        }
    }));
    for alert in &report.alerts {
        let severity = alert.severity();
        let advice = alert.advice(report.budget.as_deref());
        remarks.extend(advice.map(|advice| format!("{} {severity}: {advice}", alert.alert).replace(" :", ":")));
    }
    remarks
}

/// Writes a backtest as a table for a terminal.
pub fn table(report: &Report) -> String {
    let mut text = format!("{}\n", title(report));
    let rows = rows(report);
    if rows.len() > 1 {
        text += &format!("\n{}", terminal::table(&rows, &[1, 10]));
    }
    let remarks = remarks(report);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks {
        let _ = writeln!(text, "- {remark}");
    }
    text
}

/// Writes a backtest as Markdown, for the description of a pull request.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# Backtest\n\n{}\n", title(report));
    let rows = rows(report);
    if rows.len() > 1 {
        text += &format!("\n{}", terminal::markdown(&rows));
    }
    let remarks = remarks(report);
    if !remarks.is_empty() {
        text += "\n## Notes\n\n";
        text += &remarks.iter().map(|remark| format!("- {remark}\n")).collect::<String>();
    }
    text
}
