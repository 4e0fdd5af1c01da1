//! The number of requests, compared with a week ago. Checklist: Friday 1, "Check request volume trend".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static VOLUME: Metric = Metric::gauge("checklist:http_requests:rate1d", "Requests per second within a day.", &[]);

static GREW: Threshold = Threshold::above(
    "requests.grew",
    "requests compared with a week ago",
    Unit::Count,
    "1.5 times the requests of a week ago, and of each of the three weeks before, needs capacity planning; a month end or the week after a holiday does not.",
)
.between(1.1, f64::INFINITY)
.warning(1.5);

static FELL: Threshold = Threshold::below(
    "requests.fell",
    "requests compared with a week ago",
    Unit::Count,
    "If half of the requests are missing, something in front of the application is broken, unless there were as few two weeks ago: then the last week was the exception.",
)
.between(0.01, 1.0)
.warning(0.5);

/// The number of requests per day below which a ratio is ignored.
static FLOOR: Threshold = Threshold::above(
    "requests.floor",
    "requests of a day",
    Unit::Count,
    "With fewer than a thousand requests a day, single users change the volume; there must have been more a week ago or now.",
)
.warning(1_000.0);

/// Returns the number of requests divided by that of a week ago.
fn week_over_week(scope: &Scope) -> String {
    format!("{} / ({} > 0)", scope.max(&VOLUME), before(scope))
}

fn before(scope: &Scope) -> String {
    scope.over("last_over_time", &VOLUME, "1h@7d")
}

/// Returns the condition that there are more requests than a week ago and than on any day of the 23 days before, so
/// that 30 days of retention are enough. The day a week ago must be complete.
fn grew(scope: &Scope, limit: &str) -> String {
    format!(
        "{} > {limit} and {} > {limit} * {} and {}",
        week_over_week(scope),
        scope.max(&VOLUME),
        scope.over("max_over_time", &VOLUME, "23d@7d"),
        scope.over("count_over_time", &VOLUME, "1h@8d"),
    )
}

/// Returns the condition that there are fewer requests than a week ago, and than two weeks ago where that is known.
fn fell(scope: &Scope, limit: &str) -> String {
    let two_weeks_ago = scope.over("last_over_time", &VOLUME, "1h@14d");
    format!("{} < {limit} unless {} >= {limit} * {two_weeks_ago}", week_over_week(scope), scope.max(&VOLUME))
}

fn enough(volume: &str, limits: &Limits) -> String {
    format!("{volume} * 86400 >= {}", number(limits.value(&FLOOR)))
}

/// A rule test: requests that change by a factor within a week fire, constant ones and few ones do not.
fn changed(factor: f64, limits: &Limits) -> Case {
    let bend = |before: f64| step(&VOLUME, before, 350, before * factor);
    let few = 0.9 * limits.value(&FLOOR) / DAY / factor.max(1.0);
    let much = 100.0 + limits.value(&FLOOR);
    // A week ago was the exception.
    let exception = format!("{much}+0x149 {}+0x99 {much}+0x{SAMPLES}", much / factor);
    let new = format!("_x165 {much}+0x184 {}+0x{SAMPLES}", much * factor);
    let case = Case::new(vec![bend(much)], vec![steady(&VOLUME, much)])
        .hourly()
        .after(hours(351))
        .quiet("does not fire on a few requests", vec![bend(few)])
        .quiet("does not fire when the value of a week ago was an exception", vec![input(&VOLUME, exception)]);
    if factor > 1.0 {
        case.quiet("does not fire on the eighth day of an application", vec![input(&VOLUME, new)])
    } else {
        case
    }
}

pub static SIGNAL: Signal = Signal {
    id: "requests",
    title: "Request volume",
    cadence: Cadence::Weekly,
    section: "Capacity Planning Review",
    kind: TargetKind::Traffic,
    metrics: &[&VOLUME],
    thresholds: &[&GREW, &FELL, &FLOOR],
    alerts: &[
        Alert {
            name: "ChecklistTrafficGrew",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let enough = enough(&scope.max(&VOLUME), limits);
                    format!("{} and {enough}", grew(scope, &limits.level(&GREW, severity)))
                },
                threshold: Some(&GREW),
                metrics: &[&VOLUME],
                case: |given| changed(1.5 * given.limit, given.limits),
            }),
            pending: hours(6),
            summary: "The request volume has grown.",
            description: "Application {{ $labels.target }} serves {{ $value | printf \"%.2f\" }} times as many requests as a week ago.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTrafficFell",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let enough = enough(&before(scope), limits);
                    format!("{} and {enough}", fell(scope, &limits.level(&FELL, severity)))
                },
                threshold: Some(&FELL),
                metrics: &[&VOLUME],
                case: |given| changed(0.5 * given.limit, given.limits),
            }),
            pending: minutes(60),
            summary: "The request volume has dropped.",
            description: "Application {{ $labels.target }} serves {{ $value | printf \"%.2f\" }} times as many requests as a week ago.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "Request volume",
        description: "Requests per second within a day.",
        query: PanelQuery::Value(Value::Of(of(&VOLUME))),
        ..PANEL
    }],
    records: &[Record {
        metric: &VOLUME,
        expr: |traffic| format!("sum(rate({}{{{}}}[1d]))", traffic.requests, traffic.selector),
    }],
    runbook: include_str!("requests.md"),
    ..BASE
};
