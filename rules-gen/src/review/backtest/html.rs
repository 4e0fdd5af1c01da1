//! A backtest as one HTML page with a chart for each alert. The page has no script and loads nothing from other
//! servers.

use super::output::{remarks, rows, title};
use super::replay::{BUCKETS, Curve};
use super::report::{Alert, Report};
use crate::server::Labels;
use checklist::Unit;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 160.0;
/// The largest number of curves in one chart. Label sets that fired come first.
const CURVES: usize = 12;

/// Writes the whole page.
pub fn page(report: &Report) -> String {
    let rows = rows(report);
    let shown = report.alerts.iter().filter(|alert| alert.statistics.episodes > 0 || !alert.curves.is_empty());
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Backtest" }
                style { (PreEscaped(include_str!("backtest.css"))) }
            }
            body {
                h1 { "Backtest" }
                p { (title(report)) }
                @if rows.len() > 1 { (table(&rows)) }
                @let remarks = remarks(report);
                @if !remarks.is_empty() {
                    h2 { "Notes" }
                    ul { @for remark in remarks { li { (remark) } } }
                }
                @for alert in shown { (section(report, alert)) }
            }
        }
    };
    format!("{}\n", whole.into_string())
}

fn table(rows: &[Vec<String>]) -> Markup {
    html! {
        table {
            @for (at, row) in rows.iter().enumerate() {
                tr { @for cell in row { @if at == 0 { th { (cell) } } @else { td { (cell) } } } }
            }
        }
    }
}

fn section(report: &Report, alert: &Alert) -> Markup {
    let statistics = &alert.statistics;
    html! {
        h2 { (alert.alert) " " small { (alert.severity()) } }
        p { code { (alert.expr) } " for " (Unit::Seconds.human(alert.for_seconds)) ", kept for " (Unit::Seconds.human(alert.keep_firing_for_seconds)) }
        p { (statistics.episodes) " episodes, " (statistics.pages) " pages, " (Unit::Seconds.human(statistics.firing_seconds)) " firing" }
        (chart(report, alert))
    }
}

fn chart(report: &Report, alert: &Alert) -> Markup {
    let (start, end) = (report.start.as_millisecond() as f64, report.end.as_millisecond() as f64);
    let x = |at: f64| (at - start) / (end - start).max(1.0) * WIDTH;
    let curves = chosen(alert);
    let limit = alert.compared.as_ref().map(|compared| compared.limit).filter(|_| !curves.is_empty());
    let values = curves.iter().flat_map(|(_, curve, _)| curve.iter().flatten()).flat_map(|(low, high)| [*low, *high]);
    let values = values.chain(limit).filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let y = move |value: f64| {
        let span = if high > low { high - low } else { 1.0 };
        HEIGHT - 8.0 - (value.clamp(low, high) - low) / span * (HEIGHT - 24.0)
    };
    let label = format!("{}: values and times of firing", alert.alert);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 18.0)) role="img" aria-label=(label) {
            @for fired in &alert.episodes {
                @let from = x(fired.begin.as_millisecond() as f64);
                @let width = (x(fired.end.as_millisecond() as f64) - from).max(1.0);
                rect.fired x=(format!("{from:.1}")) y="0" width=(format!("{width:.1}")) height=(HEIGHT) {
                    title { (shown(&fired.labels)) " from " (fired.begin) " to " (fired.end) }
                }
            }
            @for (labels, curve, is_hot) in &curves {
                path.curve.hot[*is_hot] d=(path(curve, &y)) { title { (shown(labels)) } }
            }
            @if let Some(limit) = limit {
                line.limit x1="0" x2=(WIDTH) y1=(format!("{:.1}", y(limit))) y2=(format!("{:.1}", y(limit))) {}
                text x="4" y=(format!("{:.1}", y(limit) - 3.0)) { "limit " (limit) }
            }
            @if high.is_finite() { text x=(WIDTH - 4.0) y="12" text-anchor="end" { (short(high)) } }
            text x="4" y=(HEIGHT + 13.0) { (report.start) }
            text x=(WIDTH - 4.0) y=(HEIGHT + 13.0) text-anchor="end" { (report.end) }
        }
        @if alert.curves.len() > curves.len() { p { (curves.len()) " of " (alert.curves.len()) " series are drawn." } }
    }
}

/// Returns the curves of a chart and whether each fired. Label sets that fired come first, and at most [`CURVES`] are
/// returned.
fn chosen(alert: &Alert) -> Vec<(&Labels, &Curve, bool)> {
    let mut curves: Vec<(&Labels, &Curve, bool)> = alert
        .curves
        .iter()
        .map(|(labels, curve)| (labels, curve, alert.episodes.iter().any(|fired| fired.labels == *labels)))
        .collect();
    curves.sort_by_key(|(_, _, is_hot)| !is_hot);
    curves.truncate(CURVES);
    curves
}

fn path(curve: &Curve, y: &impl Fn(f64) -> f64) -> String {
    let (mut path, mut pen) = (String::new(), false);
    for (at, bucket) in curve.iter().enumerate() {
        let Some((low, high)) = bucket.filter(|(low, high)| low.is_finite() && high.is_finite()) else {
            pen = false;
            continue;
        };
        let x = (at as f64 + 0.5) / BUCKETS as f64 * WIDTH;
        // Writing to a String cannot fail. A single sample is drawn as a short stroke, because a path of one point is
        // invisible.
        let _ = write!(path, "{}{x:.1} {:.1}", if pen { "L" } else { "M" }, y(high));
        let _ = write!(path, "L{:.1} {:.1}", x + 0.5, y(low));
        pen = true;
    }
    path
}

fn short(value: f64) -> String {
    if value.abs() >= 1e6 || (value != 0.0 && value.abs() < 1e-3) {
        format!("{value:.2e}")
    } else {
        format!("{value:.3}")
    }
}

fn shown(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
