//! Failed authentications by hour, day and week. Checklist: Wednesday 1, "Review failed authentication attempts".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static FAILURES: Metric = Metric::gauge(
    "checklist_auth_failures",
    "Failed authentications in the audit log within the sliding window.",
    &["window"],
);

const HOUR_WINDOW: &[(&str, &[&str])] = &[("window", &["1h"])];
const DAY_WINDOW: &[(&str, &[&str])] = &[("window", &["24h"])];
const WEEK_WINDOW: &[(&str, &[&str])] = &[("window", &["7d"])];
const LONG_WINDOWS: &[(&str, &[&str])] = &[("window", &["24h", "7d"])];

static PER_HOUR: Threshold = Threshold::above(
    "auth_failures.per_hour",
    "failed logins within an hour",
    Unit::Count,
    "Users mistype a few passwords an hour; fifty failures come from a program that guesses passwords or uses a rotated one. Where fifty are usual, the limit is five times what three of four hours of the week do not exceed, and one and a half times the same hour a week ago: on Monday mornings more passwords are mistyped. In the first week it is five times the average hour of the log.",
)
.critical(50.0);

static RISE: Threshold = Threshold::above(
    "auth_failures.rise",
    "failed logins of a day compared with the average day",
    Unit::Count,
    "Three times the average day of the week is outside of the usual variation.",
)
// A day is part of its week, so it is at most seven times the average day.
.between(1.0, 7.0)
.warning(3.0);

/// The number of failures per day below which a rise is ignored.
pub static FLOOR: Threshold = Threshold::above(
    "auth_failures.floor",
    "failed logins within a day",
    Unit::Count,
    "An increase from one failure to three is not worth an alert. Where there were fewer than twenty in the rest of the week, a hundred within the day are.",
)
.between(1.0, f64::INFINITY)
.warning(20.0);

pub static SIGNAL: Signal = Signal {
    id: "auth_failures",
    title: "Failed authentications",
    cadence: Cadence::Weekly,
    section: "Security Check",
    stake: Stake::Live,
    kind: TargetKind::Application,
    interval: minutes(1),
    timeout: seconds(20),
    max_series: 10,
    looks: &[Looks::at_any(Object::Event)],
    metrics: &[&FAILURES],
    thresholds: &[&PER_HOUR, &RISE, &FLOOR],
    alerts: &[
        Alert {
            name: "ChecklistAuthFailures",
            at_once: Some(When::Beyond(Value::Of(of(&FAILURES).with(HOUR_WINDOW)), &PER_HOUR)),
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let window = |window| scope.max_of(&of(&FAILURES).with(window));
                    let (hour, week) = (window(HOUR_WINDOW), window(WEEK_WINDOW));
                    let limit = limits.level(&PER_HOUR, severity);
                    // Three of four hours have fewer. Unlike the mean, an attack of a day does not raise it.
                    let usual = format!("quantile_over_time(0.75, ({hour})[7d:1h])");
                    let past = scope.over_of("count_over_time", &of(&FAILURES).with(HOUR_WINDOW), "1h@7d");
                    let same_hour = scope.over_of("max_over_time", &of(&FAILURES).with(HOUR_WINDOW), "2h@167h");
                    format!(
                        "{hour} > {limit} unless ({hour} <= 5 * {usual} and {past}) unless {hour} <= 1.5 * {same_hour} \
                         unless ignoring (window) ({hour} <= ignoring (window) 5 * {week} / 168 unless ignoring (window) {past})"
                    )
                },
                threshold: Some(&PER_HOUR),
                metrics: &[&FAILURES],
                case: |given| {
                    // Values by the hour: of a week ago and of now.
                    let hour = |before: f64, now: f64| step(&FAILURES, before, 170, now).with("window", "1h");
                    let (many, few) = (given.limit + 1.0, given.limit);
                    let usual = |times: f64| steady(&FAILURES, 168.0 / 5.0 * times * many).with("window", "7d");
                    let new = input(&FAILURES, format!("_x171 {many}+0x{SAMPLES}")).with("window", "1h");
                    let at_first = |times: f64| vec![new.clone(), usual(times)];
                    let twice = format!("0+0x99 {}+0x1 0+0x68 {many}+0x{SAMPLES}", 600.0 * many);
                    let twice = vec![input(&FAILURES, twice).with("window", "1h"), usual(3.0)];
                    Case::new(vec![hour(0.15 * many, many), usual(0.9)], vec![hour(0.0, few), usual(0.0)])
                        .hourly()
                        .after(hours(171))
                        .fires("fires without history", at_first(0.9))
                        .fires("fires when there was a larger attack days ago", twice)
                        .quiet("does not fire where that many are usual", vec![hour(0.25 * many, many)])
                        .quiet("does not fire where that many are usual, in the first week", at_first(1.1))
                        .quiet(
                            "does not fire where as many failed at this hour a week ago",
                            vec![hour(0.7 * many, many)],
                        )
                },
            }),
            summary: "Many authentications fail.",
            description: "{value} authentications failed within an hour on {{ $labels.target }}; the limit is {limit}. Someone may be guessing passwords.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAuthFailuresRising",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let window = |window| scope.max_of(&of(&FAILURES).with(window));
                    format!(
                        // The rest of the week must have failures, too, unless the day has many. In the first week of
                        // the log the week consists of fewer days.
                        "{day} / ignoring (window) ({week} / 7) > {rise} and ignoring (window) {day} > {floor} \
                         and ignoring (window) (({week} - ignoring (window) {day}) >= {floor} or {day} >= 5 * {floor}) \
                         and ignoring (window) {past}",
                        day = window(DAY_WINDOW),
                        week = window(WEEK_WINDOW),
                        rise = limits.level(&RISE, severity),
                        floor = number(limits.value(&FLOOR)),
                        past = scope.over_of("count_over_time", &of(&FAILURES).with(WEEK_WINDOW), "1h@7d"),
                    )
                },
                threshold: Some(&RISE),
                metrics: &[&FAILURES],
                case: |given| {
                    let since = |hour: u64, window: &str, count: f64| {
                        input(&FAILURES, format!("_x{hour} {count}+0x{SAMPLES}")).with("window", window)
                    };
                    let window = |window, count| since(1, window, count);
                    let day = 2.0 * given.limits.value(&FLOOR) + 10.0;
                    let quiet = vec![window("24h", day), window("7d", 7.0 * day)];
                    // Six days with just enough failures, and a day far above the limit.
                    let rest = given.limits.value(&FLOOR) + 1.0;
                    let much = 2.0 * rest * given.limit.max(1.0) / (7.0 - given.limit).max(0.01) + day;
                    let rises = vec![window("24h", much), window("7d", much + rest)];
                    let many = vec![window("24h", much + 5.0 * rest), window("7d", much + 5.0 * rest)];
                    let few = vec![window("24h", 4.0 * (rest - 1.0)), window("7d", 4.0 * (rest - 1.0))];
                    let new = vec![since(24, "24h", much), since(24, "7d", much + rest)];
                    Case::new(rises, quiet)
                        .without(&["window"])
                        .hourly()
                        .after(hours(169))
                        .fires("fires when there were none before", many)
                        .quiet("does not fire on a few where there were none", few)
                        .quiet("does not fire in the first week", new)
                },
            }),
            pending: minutes(15),
            summary: "Failed authentications are increasing.",
            description: "Failed authentications of the last day on {{ $labels.target }} are {value} times the average day of the week.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Failed authentications in the last hour",
            description: "Failed authentications within an hour.",
            query: PanelQuery::Value(Value::Of(of(&FAILURES).with(HOUR_WINDOW))),
            legend: &["target", "window"],
            threshold: Some(&PER_HOUR),
            ..PANEL
        },
        Panel {
            title: "Failed authentications",
            description: "Failed authentications within a day and a week.",
            query: PanelQuery::Value(Value::Of(of(&FAILURES).with(LONG_WINDOWS))),
            legend: &["target", "window"],
            ..PANEL
        },
    ],
    access: &[
        Access::SqlColumns("audit_events", &["event_type", "timestamp"]),
        Access::SqlIndex("audit_events", &["event_type", "timestamp"]),
    ],
    runbook: include_str!("auth_failures.md"),
    ..BASE
};
