//! Writes the noise report as a text table and as Markdown.

use super::model::{Alert, Report};
use crate::terminal;
use checklist::Unit;

const HEAD: [&str; 11] = [
    "alert",
    "severity",
    "noise",
    "episodes",
    "series",
    "firing",
    "median",
    "flaps",
    "outside hours",
    "silenced",
    "active",
];

fn rows(report: &Report) -> Vec<Vec<String>> {
    let percent = |share: f64| format!("{:.0}%", share * 100.0);
    let row = |alert: &Alert| {
        let statistics = &alert.statistics;
        vec![
            alert.alert.clone(),
            alert.severity.clone(),
            format!("{:.1}", alert.noise),
            statistics.episodes.to_string(),
            statistics.series.to_string(),
            Unit::Seconds.human(statistics.firing_seconds),
            Unit::Seconds.human(statistics.median_seconds),
            statistics.flaps.to_string(),
            percent(alert.outside_hours),
            alert.silenced.map_or("-".to_owned(), percent),
            alert.active.map_or("-".to_owned(), |active| active.to_string()),
        ]
    };
    std::iter::once(HEAD.map(str::to_owned).to_vec()).chain(report.alerts.iter().map(row)).collect()
}

fn title(report: &Report) -> String {
    let episodes: usize = report.alerts.iter().map(|alert| alert.statistics.episodes).sum();
    let minutes = "%Y-%m-%dT%H:%MZ";
    format!(
        "{episodes} episodes of {} alerts from {} to {}, hours of {}",
        report.alerts.len(),
        report.start.strftime(minutes),
        report.end.strftime(minutes),
        report.time_zone
    )
}

/// Writes the report as a table for a terminal.
pub fn table(report: &Report) -> String {
    let mut text = format!("{}\n", title(report));
    if !report.alerts.is_empty() {
        text += &format!("\n{}", terminal::table(&rows(report), &[1]));
    }
    text + &report.warnings.iter().map(|warning| format!("\n- {warning}\n")).collect::<String>()
}

/// Writes the report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# Noise\n\n{}\n", title(report));
    if !report.alerts.is_empty() {
        text += &format!("\n{}", terminal::markdown(&rows(report)));
    }
    text + &report.warnings.iter().map(|warning| format!("\n- {warning}\n")).collect::<String>()
}
