//! Writes a report as one printable HTML page with its charts. It has no script and loads nothing from other servers.

use super::markdown::{day, ended, notified, started, time};
use super::model::{Line, Reading, Report, Trend, Verdict};
use super::period::seconds;
use super::svg;
use checklist::spaced;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Writes the report as an HTML page.
pub fn html(report: &Report) -> String {
    let title = format!("{} - {}", report.title, day(report, report.until));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // A page that is opened from a disk has no server that could send this header.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(include_str!("report.css"))) }
            }
            body {
                main {
                    h1 { (title) }
                    p.dim { (time(report, report.from)) " to " (time(report, report.until)) " (" (report.zone) ")" }
                    (summary(report))
                    (lines(report))
                    (alerts(report))
                    (people(report))
                    (trends(report))
                    (capacity(report))
                    (actions(report))
                    @if !report.remarks.is_empty() {
                        h2 { "About this report" }
                        ul { @for remark in &report.remarks { li { (remark) } } }
                    }
                }
            }
        }
    }
    .into_string()
}

fn summary(report: &Report) -> Markup {
    let count = |verdict: Verdict| report.lines.iter().filter(|line| line.verdict == verdict).count();
    html! {
        p.tiles {
            @for verdict in [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::CannotTell] {
                span.tile.(class(verdict)) { b { (count(verdict)) } " " (verdict.word()) }
            }
            span.tile { b { (report.alerts.len()) } " alerts" }
        }
    }
}

fn lines(report: &Report) -> Markup {
    let sections = report.lines.chunk_by(|a, b| a.section == b.section);
    html! {
        @for lines in sections {
            // Tasks of people have no values, so their table has no columns for them.
            @let measured = lines.iter().any(|line| !line.readings.is_empty());
            h2 { (lines[0].section) }
            table {
                thead {
                    tr {
                        th.narrow { "Verdict" }
                        @if measured { th.quarter { "Line" } th { "Value" } th.limit { "Limit" } } @else { th { "Line" } }
                        th.time { "As of" }
                    }
                }
                @for line in lines { (line_row(report, line, measured)) }
            }
        }
    }
}

fn line_row(report: &Report, line: &Line, measured: bool) -> Markup {
    let class = if line.mark().trim().is_empty() { "dim" } else { class(line.verdict) };
    let rows = line.readings.len().max(1);
    let never = if line.state.is_some() { "-" } else { "never" };
    html! {
        tbody {
            tr {
                td.verdict.(class) rowspan=(rows) { (line.mark()) " " (line.word()) }
                td rowspan=(rows) { @if let Some(number) = line.number { (number) ". " } (line.text) }
                @if measured { (reading_cells(line.readings.first())) }
                td rowspan=(rows) data-is="as of" { (line.evidence.map_or_else(|| never.to_owned(), |at| time(report, at))) }
            }
            @for reading in line.readings.iter().skip(1) { tr.more { (reading_cells(Some(reading))) } }
            @if !line.why.is_empty() {
                tr.why { td {} td colspan=(if measured { 4 } else { 2 }) { @for why in &line.why { div { (why) } } } }
            }
        }
    }
}

fn reading_cells(reading: Option<&Reading>) -> Markup {
    html! {
        @if let Some(reading) = reading {
            td { b.(class(reading.verdict)) { (reading.human) } " " (reading.name) " " span.dim { (reading.target) " " (reading.of) } }
            td data-is="limit" { @if reading.limit.is_empty() { "-" } @else { (reading.limit) } }
        } @else { td {} td {} }
    }
}

fn alerts(report: &Report) -> Markup {
    html! {
        h2 { "Alerts" }
        @if let Some(why) = &report.alerts_unknown { p { "The list may be incomplete: " (why) "." } }
        @if report.alerts.is_empty() {
            p { @if report.alerts_unknown.is_some() { "No alert is recorded." } @else { "No alerts triggered." } }
        } @else {
            table {
                thead { tr { th.quarter { "Alert" } th.narrow { "Severity" } th { "Target" } th.time { "Start" } th.time { "End" } th.narrow { "Notified" } } }
                @for alert in &report.alerts {
                    tr {
                        td { (spaced(&alert.alert)) }
                        td.verdict.(if alert.severity == "critical" { "critical" } else { "warning" }) { (alert.severity) }
                        td { (alert.target) " " span.dim { (alert.of) } }
                        td data-is="from" { (started(report, alert)) }
                        td data-is="to" { (ended(report, alert)) }
                        td data-is="notified" { (notified(alert)) }
                    }
                }
            }
            p.dim { "The receivers are those of the generated routes; silences in Alertmanager are not taken into account." }
        }
    }
}

fn people(report: &Report) -> Markup {
    html! {
        @if !report.days.is_empty() {
            h2 { "Health check of each day" }
            p.tiles {
                @for row in &report.days {
                    span.tile.(class(row.verdict)) {
                        (row.until.to_zoned_datetime(report.clock.clone()).strftime("%a %d %b")) " " (row.verdict.mark()) " " (row.verdict.word())
                    }
                }
            }
        }
        @if !report.tasks.is_empty() {
            h2 { "Tasks" }
            table {
                thead { tr { th.narrow { "State" } th.day { "Day" } th.quarter { "Task" } th.narrow { "By" } th { "Note" } } }
                @for row in &report.tasks {
                    tr {
                        td.verdict.(state_class(row.state)) { (row.state) }
                        td { (row.day.strftime("%a %Y-%m-%d")) }
                        td { (row.title) " " span.dim { (row.cadence) } }
                        td data-is="by" { (row.by) }
                        td { (row.note) }
                    }
                }
            }
        }
        @for emergency in &report.overrides {
            h2 { "Emergency override" }
            p { (time(report, emergency.from)) " to " (time(report, emergency.until)) " by " (emergency.by) ": " (emergency.reason) }
            @if emergency.skipped.is_empty() { p { "No task was skipped." } } @else {
                table {
                    thead { tr { th.quarter { "Skipped" } th { "How" } th.time { "Caught up on" } } }
                    @for task in &emergency.skipped {
                        tr {
                            td { (task.title) }
                            td { (task.how) }
                            td.verdict.(if task.caught_up.is_some() { "ok" } else { "warning" }) {
                                (task.caught_up.map_or_else(|| "not yet".to_owned(), |at| time(report, at)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn trends(report: &Report) -> Markup {
    html! {
        @if !report.trends.is_empty() {
            h2 { "Trends" }
            p.dim { "Mean of this period and of the previous one; the dotted line is the start of this period." }
        }
        div.charts {
            @for trend in &report.trends {
                figure {
                    figcaption {
                        b { (trend.title) } " " span.dim { (trend.of) } " "
                        (trend.human[0]) span.dim { ", before " (trend.human[1]) ", change " } (trend.human[2])
                    }
                    @if moves(trend) { (svg::trend_chart(trend, [report.before, report.from, report.until].map(seconds), &report.clock)) }
                }
            }
        }
    }
}

/// Whether a trend changes at all. A constant value needs no chart.
fn moves(trend: &Trend) -> bool {
    let mut values = trend.points.iter().map(|(_, value)| *value);
    values.next().is_some_and(|first| values.any(|value| (value - first).abs() > first.abs() * 1e-6))
}

fn capacity(report: &Report) -> Markup {
    let Some(capacity) = &report.capacity else { return html! {} };
    html! {
        h2 { "Capacity" }
        p.dim {
            "Three, six and twelve months ahead from " (capacity.history_days) " days; the interval should contain "
            (format!("{:.0}%", capacity.level * 100.0)) " of the future values."
            @if capacity.left_out > 0 { " " (capacity.left_out) " resources further from their limits are not listed." }
        }
        @if capacity.resources.is_empty() { p { "No resource has a history." } }
        @for resource in &capacity.resources {
            @let unit = |value: f64| resource.unit_kind.human(value);
            figure.resource {
                figcaption {
                    b { (resource.kind) " " (resource.target) } " " span.dim { (resource.of) } " "
                    (resource.current.map_or_else(|| "no value".to_owned(), unit))
                    @if let Some(growth) = resource.growth_per_day { span.dim { ", " (if growth < 0.0 { "" } else { "+" }) (unit(growth)) " a day" } }
                    @if let Some((seasonal, linear)) = resource.error {
                        span.dim { (format!(", error on the last two weeks {:.1}% seasonal, {:.1}% linear", seasonal * 100.0, linear * 100.0)) }
                    }
                }
                @if let Some(why) = &resource.refused { p.cannot { "Cannot tell: " (why) "." } }
                @if let Some(chart) = svg::outlook(resource, &report.clock) { (chart) }
                @if !resource.ahead.is_empty() {
                    table {
                        thead { tr { th { "Ahead" } th { "Day" } th { "Seasonal" } th { "Interval" } th { "Linear" } } }
                        @for ahead in &resource.ahead {
                            tr {
                                td { (ahead.months) " months" } td { (ahead.day) } td { (unit(ahead.seasonal)) }
                                td { (unit(ahead.low)) " to " (unit(ahead.high)) } td { (unit(ahead.linear)) }
                            }
                        }
                    }
                }
                @if resource.limits.is_empty() { p.dim { "No limit is configured." } } @else {
                    table {
                        thead { tr { th { "Limit" } th { "Value" } th { "Met, seasonal" } th { "Not before" } th { "Met, linear" } } }
                        @for limit in &resource.limits {
                            tr {
                                td { (limit.name) } td { (unit(limit.value)) } td { (limit.seasonal) }
                                td { (limit.earliest) } td { (limit.linear) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn actions(report: &Report) -> Markup {
    html! {
        h2 { "Actions taken" }
        @if report.actions.is_empty() { p { "No action is recorded." } } @else {
            table {
                thead { tr { th.time { "When" } th.quarter { "What" } th.narrow { "By" } th { "Note" } } }
                @for action in &report.actions {
                    tr {
                        td { (time(report, action.at)) } td { (action.what) " " (action.subject) }
                        td data-is="by" { (action.by) } td { (action.note) }
                    }
                }
            }
        }
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::CannotTell => "cannot",
        Verdict::Critical => "critical",
    }
}

fn state_class(state: &str) -> &'static str {
    match state {
        "done" => "ok",
        "overdue" | "missed" => "critical",
        "due" | "skipped" => "warning",
        _ => "dim",
    }
}
