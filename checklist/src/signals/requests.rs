//! Friday 1, "Check request volume trend": this day against the same day a week ago.

use crate::prelude::*;

/// Requests per second over a day.
pub static VOLUME: Metric = Metric::gauge("checklist:http_requests:rate1d", "Requests per second within a day.", &[]);

static GREW: Threshold =
    Threshold::above("requests.grew", Unit::Count, "Half as much again within a week is worth a plan.")
        .between(1.1, f64::INFINITY)
        .warning(1.5);

static FELL: Threshold =
    Threshold::below("requests.fell", Unit::Count, "Half of the requests gone is an outage of someone else.")
        .between(0.01, 1.0)
        .warning(0.5);

fn week_over_week(scope: &Scope) -> String {
    format!("{} / ({} > 0)", scope.max(&VOLUME), scope.over("last_over_time", &VOLUME, "1h@7d"))
}

fn changed(factor: f64) -> Case {
    let bend = step(&VOLUME, 100.0, 180, 100.0 * factor);
    Case::new(vec![bend], vec![steady(&VOLUME, 100.0)]).hourly().after(hours(181))
}

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "requests",
    title: "Request volume",
    cadence: Cadence::Weekly,
    section: "Capacity Planning Review",
    kind: TargetKind::Traffic,
    metrics: &[&VOLUME],
    thresholds: &[&GREW, &FELL],
    alerts: &[
        Alert {
            name: "ChecklistTrafficGrew",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    format!("{} > {}", week_over_week(scope), limits.level(&GREW, severity))
                },
                threshold: Some(&GREW),
                metrics: &[&VOLUME],
                case: |given| changed(1.5 * given.limit),
            }),
            pending: hours(6),
            summary: "Request volume has grown much.",
            description: "{{ $labels.target }} serves {value} times the requests of a week ago.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTrafficFell",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    format!("{} < {}", week_over_week(scope), limits.level(&FELL, severity))
                },
                threshold: Some(&FELL),
                metrics: &[&VOLUME],
                case: |given| changed(0.5 * given.limit),
            }),
            pending: minutes(60),
            summary: "Request volume has fallen much.",
            description: "{{ $labels.target }} serves {value} times the requests of a week ago.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "Request volume",
        description: "Requests per second within a day.",
        shown: Shown::Value(Value::Of(of(&VOLUME))),
        ..PANEL
    }],
    records: &[Record {
        metric: &VOLUME,
        expr: |traffic| format!("sum(rate({}{{{}}}[1d]))", traffic.requests, traffic.selector),
    }],
    runbook: include_str!("requests.md"),
    ..BASE
};
