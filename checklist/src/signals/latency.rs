//! Monday 1, "Review P99 latency trend (last 7 days)": the application's own histogram.

use crate::prelude::*;

/// P99 within five minutes.
pub static SHORT: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate5m",
    "99th percentile of the request duration within five minutes.",
    &[],
);
/// P99 within an hour.
pub static HOURLY: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate1h",
    "99th percentile of the request duration within an hour.",
    &[],
);
/// P99 within a day.
pub static DAILY: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate1d",
    "99th percentile of the request duration within a day.",
    &[],
);

static P99: Threshold =
    Threshold::above("latency.p99", Unit::Seconds, "The checklist expects less than two seconds.").warning(2.0);

static P99_NOW: Threshold = Threshold::above(
    "latency.p99_now",
    Unit::Seconds,
    "The checklist expects less than two seconds; ten minutes above it are felt by users.",
)
.critical(2.0);

static WORSE: Threshold = Threshold::above(
    "latency.worse",
    Unit::Count,
    "The checklist expects a stable trend: half as much again as a week ago is none.",
)
.warning(1.5);

fn p99(traffic: &crate::config::Traffic, window: &str) -> String {
    let (name, selector) = (&traffic.duration, &traffic.selector);
    let histogram = if traffic.native {
        format!("sum(rate({name}{{{selector}}}[{window}]))")
    } else {
        format!("sum by (le) (rate({name}_bucket{{{selector}}}[{window}]))")
    };
    // Without a request the quantile is not a number: unknown, not good.
    format!("histogram_quantile(0.99, {histogram}) >= 0")
}

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "latency",
    title: "Latency",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    kind: TargetKind::Traffic,
    metrics: &[&SHORT, &HOURLY, &DAILY],
    thresholds: &[&P99, &P99_NOW, &WORSE],
    alerts: &[
        Alert {
            name: "ChecklistLatencyHighNow",
            when: When::Beyond(Value::Of(of(&SHORT)), &P99_NOW),
            pending: minutes(10),
            summary: "Requests are slow.",
            description: "The slowest hundredth of the requests of {{ $labels.target }} takes {value}; the limit is {limit}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistLatencyHigh",
            when: When::Beyond(Value::Of(of(&HOURLY)), &P99),
            pending: minutes(30),
            summary: "Requests have been slow for an hour.",
            description: "The slowest hundredth of the requests of {{ $labels.target }} took {value} within an hour; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistLatencyWorse",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let before = scope.over("last_over_time", &DAILY, "1h@7d");
                    format!("{} / {before} > {}", scope.max(&DAILY), limits.level(&WORSE, severity))
                },
                threshold: Some(&WORSE),
                metrics: &[&DAILY],
                case: |given| {
                    let bend = step(&DAILY, 0.2, 180, 0.4 * given.limit);
                    Case::new(vec![bend], vec![steady(&DAILY, 0.2)]).hourly().after(hours(181))
                },
            }),
            pending: hours(6),
            summary: "Requests are slower than a week ago.",
            description: "The slowest hundredth of the requests of {{ $labels.target }} takes {value} times as long as a week ago.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "P99 latency",
        description: "Duration that 99 of 100 requests stay below, within an hour.",
        shown: Shown::Value(Value::Of(of(&HOURLY))),
        unit: Unit::Seconds,
        threshold: Some(&P99),
        ..PANEL
    }],
    records: &[
        Record { metric: &SHORT, expr: |traffic| p99(traffic, "5m") },
        Record { metric: &HOURLY, expr: |traffic| p99(traffic, "1h") },
        Record { metric: &DAILY, expr: |traffic| p99(traffic, "1d") },
    ],
    runbook: include_str!("latency.md"),
    ..BASE
};
