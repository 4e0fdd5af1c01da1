//! Audit lines in the logs of the application's pods. Checklist: Wednesday 3, "Verify audit logging is working".

use crate::prelude::*;

const SOURCE: &[&str] = &["namespace", "selector"];

pub static LINES: Metric =
    Metric::counter("checklist_audit_log_lines_total", "Audit lines read from the logs of the pods.", SOURCE);
pub static SEEN: Metric = Metric::gauge(
    "checklist_audit_log_seen",
    "Whether the logs of the pods contain an audit line of the last hour, or contained one since the exporter started (1), or not (0).",
    SOURCE,
);
pub static LAST: Metric = Metric::gauge(
    "checklist_audit_log_last_line_timestamp_seconds",
    "Unix time of the newest audit line in the logs of the pods.",
    SOURCE,
)
.sparse();

static SILENCE: Threshold = Threshold::above(
    "pod_logs.silence",
    "age of the newest audit line",
    Unit::Seconds,
    "The checklist expects audit lines within the last hour, at hours that usually have some. A holiday looks the same, so a silence of any length is a warning.",
)
// The silence is compared with the same hours a week ago, so longer limits make no sense.
.between(5.0 * MINUTE, DAY)
.warning(HOUR);

static USUAL: Threshold = Threshold::above(
    "pod_logs.usual",
    "audit lines in the same hour a week ago",
    Unit::Count,
    "A night without audit lines is normal: a week ago there must have been ten in the hour before and in the hour after this time (clocks change, and opening hours vary).",
)
.between(1.0, f64::INFINITY)
.warning(10.0);

pub static SIGNAL: Signal = Signal {
    id: "pod_logs",
    title: "Audit lines in pod logs",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::PodLogs,
    interval: minutes(5),
    timeout: seconds(60),
    max_series: 100,
    looks: &[Looks::at_some(Object::Log)],
    metrics: &[&LINES, &SEEN, &LAST],
    thresholds: &[&SILENCE, &USUAL],
    alerts: &[
        Alert {
            name: "ChecklistAuditLinesMissing",
            // No weekend with two holidays lasts for five days; lines that stop by day fire the other alert. A window and
            // no wait, which would begin anew with every scrape that is missed.
            at_once: Some(When::Zero(of(&SEEN))),
            when: When::History(History {
                expr: |scope, _, _| {
                    let past = scope.over("count_over_time", &SEEN, "1d@4d");
                    format!("{} == 0 and {past}", scope.over("max_over_time", &SEEN, "5d"))
                },
                threshold: None,
                metrics: &[&SEEN],
                case: |_| {
                    let gap = input(&SEEN, format!("0+0x20 stale _x2 0+0x{}", crate::condition::history::SAMPLES));
                    let weekend = input(&SEEN, format!("0+0x10 1 0+0x{}", crate::condition::history::SAMPLES));
                    Case::new(vec![steady(&SEEN, 0.0)], vec![steady(&SEEN, 1.0)])
                        .hourly()
                        .after(hours(96))
                        .fires("fires although scrapes were missed", vec![gap])
                        .quiet("does not fire after a weekend without lines", vec![weekend])
                },
            }),
            pending: hours(1),
            summary: "Pods write no audit lines.",
            description: "No pod {{ $labels.selector }} in {{ $labels.namespace }} has written an audit line for five days.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditLinesSilent",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let usual = scope.around_a_week_ago("increase", &LINES, "1h", limits.value(&USUAL));
                    // A new exporter knows the lines of an hour only.
                    let last = scope.over("last_over_time", &LAST, "1d");
                    format!("time() - {last} > {} and {usual}", limits.level(&SILENCE, severity))
                },
                threshold: Some(&SILENCE),
                metrics: &[&LAST, &LINES],
                case: |given| {
                    let usual = 2.0 * given.limits.value(&USUAL).max(1.0);
                    let pace = usual / 12.0;
                    // Lines for a week and four hours; the limit is reached when the lead is over.
                    let (count, end) = (172 * 12, 172 * 3600);
                    let rest = given.limit / 300.0 + given.pending.as_secs_f64() / 300.0 + 90.0;
                    let stops = input(&LAST, format!("0+300x{count} {end}+0x{rest:.0}"));
                    let continues = input(&LAST, format!("0+300x{:.0}", f64::from(count) + rest));
                    let lines =
                        |pace: f64| input(&LINES, format!("0+{pace}x{count} {}+0x{rest:.0}", pace * f64::from(count)));
                    let until = (given.limit / 300.0).ceil();
                    let moved = input(&LAST, format!("0+300x{count} {end}+0x{until:.0} stale"));
                    let case = Case::new(vec![stops.clone(), lines(pace)], vec![continues, lines(pace)])
                        .fires("fires although the exporter was replaced", vec![moved, lines(pace)]);
                    case.sampled_often()
                        .after(hours(172) + std::time::Duration::from_secs_f64(given.limit))
                        .quiet("does not fire in a night as quiet as a week ago", vec![stops, lines(pace / 10.0)])
                },
            }),
            summary: "Pods stopped writing audit lines.",
            description: "The newest audit line of pods {{ $labels.selector }} in {{ $labels.namespace }} is {value} old although there usually are some at this hour; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Audit lines",
            description: "Audit lines per second in the logs of the pods.",
            query: PanelQuery::Expression(|scope| scope.over("rate", &LINES, "$__rate_interval"), &[&LINES]),
            legend: &["namespace", "selector"],
            ..PANEL
        },
        Panel {
            title: "Audit lines seen",
            description: "Whether the logs of the pods contain audit lines.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&SEEN))),
            legend: SOURCE,
            ..PANEL
        },
        Panel {
            title: "Newest audit line",
            description: "Time since the newest audit line in the logs of the pods.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            legend: SOURCE,
            ..PANEL
        },
    ],
    access: &[Access::Kubernetes("", "pods", &["list"]), Access::Kubernetes("", "pods/log", &["get"])],
    runbook: include_str!("pod_logs.md"),
    ..BASE
};
