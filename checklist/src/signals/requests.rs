//! The number of requests, compared with a week ago. Checklist: Friday 1, "Check request volume trend".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static VOLUME: Metric = Metric::gauge("checklist:http_requests:rate1d", "Requests per second within a day.", &[]);

static GREW: Threshold = Threshold::above(
    "requests.grew",
    "requests compared with a week ago",
    Unit::Count,
    "1.5 times the requests of a week ago on each of five days, and on one of them 1.5 times those of any day of the three weeks before, needs capacity planning; a month end, a load test or the week after a holiday does not.",
)
.between(1.1, f64::INFINITY)
.warning(1.5);

static FELL: Threshold = Threshold::below(
    "requests.fell",
    "requests compared with a week ago",
    Unit::Count,
    "If half of the requests are missing for longer than a day, something in front of the application is broken, unless there were as few two weeks ago: then the last week was the exception. A holiday is a day.",
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

/// Returns the condition that there are more requests than a week ago on each of five days (each value is of a day, so
/// four days of values), and on one of them than on any day of the 23 days before, so that 30 days of retention are enough. The
/// first of the days compared must be complete.
fn grew(scope: &Scope, limit: &str) -> String {
    let ratio = week_over_week(scope);
    format!(
        "{ratio} > {limit} and min_over_time(({ratio})[4d:1h]) > {limit} and {} > {limit} * {} and {}",
        scope.over("max_over_time", &VOLUME, "4d"),
        scope.over("max_over_time", &VOLUME, "23d@7d"),
        scope.over("count_over_time", &VOLUME, "1h@12d"),
    )
}

/// Returns the condition that there are fewer requests than a week ago, and than two weeks ago where that is known.
/// It must hold for thirty hours, because each value is of a day: a holiday is below the limit for a day, from its noon
/// to the next.
fn fell(scope: &Scope, limit: &str) -> String {
    let ratio = week_over_week(scope);
    let two_weeks_ago = scope.over("last_over_time", &VOLUME, "1h@14d");
    format!(
        "{ratio} < {limit} and max_over_time(({ratio})[30h:1h]) < {limit} and {} unless {} >= {limit} * {two_weeks_ago}",
        scope.over("count_over_time", &VOLUME, "1h@9d"),
        scope.max(&VOLUME)
    )
}

fn enough(volume: &str, limits: &Limits) -> String {
    format!("{volume} * 86400 >= {}", number(limits.value(&FLOOR)))
}

/// A rule test: requests that change by a factor within a week fire, constant ones and few ones do not.
fn changed(factor: f64, limits: &Limits) -> Case {
    let few = 0.9 * limits.value(&FLOOR) / DAY / factor.max(1.0);
    let much = 2.0 * limits.value(&FLOOR).max(1.0) / DAY;
    let other = much * factor;
    // The values change by day, and are judged at the end of the 22nd: until then none is judged for long enough.
    let lasting = if factor > 1.0 { 95 } else { 29 };
    let bend = |before: f64| step(&VOLUME, before, 527 - lasting, before * factor);
    // A week ago was the exception.
    let (begin, length) = (527 - 168 - lasting, lasting + 24);
    let exception = format!("{much}+0x{begin} {}+0x{length} {much}+0x{SAMPLES}", much / factor);
    // A month end, a load test or a holiday: the value of a day is above or below for a day.
    let days = if factor > 1.0 { 72 } else { 24 };
    let short = format!("{much}+0x{} {other}+0x{} {much}+0x{SAMPLES}", 530 - days, days);
    let new = format!("_x340 {much}+0x{} {other}+0x{SAMPLES}", 527 - 341 - lasting);
    let case = Case::new(vec![bend(much)], vec![steady(&VOLUME, much)])
        .hourly()
        .after(hours(528))
        .quiet("does not fire on a few requests", vec![bend(few)])
        .quiet("does not fire when the value of a week ago was an exception", vec![input(&VOLUME, exception)])
        .quiet("does not fire on a change of some days", vec![input(&VOLUME, short)]);
    if factor > 1.0 {
        case.quiet("does not fire in the first weeks of an application", vec![input(&VOLUME, new)])
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
            // Five days are in the condition.
            pending: hours(1),
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
