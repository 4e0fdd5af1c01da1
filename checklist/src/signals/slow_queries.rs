//! Statements that are slow on average, and queries that do not end. Checklist: Monday 3, "Review slow queries".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

const STATEMENT: &[&str] = &["database", "queryid"];

pub static TRACKED: Metric = Metric::gauge(
    "checklist_postgres_statements_tracked",
    "Whether the server keeps statistics of statements that the role can read, by pg_stat_statements (1), or not (0).",
    &[],
);
pub static CALLS: Metric =
    Metric::counter("checklist_postgres_statement_calls_total", "Executions of the statement.", STATEMENT).sparse();
pub static SECONDS: Metric =
    Metric::counter("checklist_postgres_statement_seconds_total", "Seconds spent executing the statement.", STATEMENT)
        .sparse();
pub static LONGEST: Metric = Metric::gauge(
    "checklist_postgres_longest_query_start_timestamp_seconds",
    "Unix time at which the longest running query of the database began.",
    &["database"],
)
.sparse();

/// Also a parameter of the probe's query.
pub static MEAN: Threshold = Threshold::above(
    "slow_queries.mean",
    "mean time of a statement",
    Unit::Seconds,
    "Users notice a statement that takes a second on average.",
)
.between(0.001, f64::INFINITY)
.warning(1.0);

static RUNNING: Threshold = Threshold::above(
    "slow_queries.running",
    "time of the longest running query",
    Unit::Seconds,
    "An online query that runs for five minutes has lost its client or lacks an index.",
)
.warning(5.0 * MINUTE);

static SLOWER: Threshold = Threshold::above(
    "slow_queries.slower",
    "mean time compared with the week before",
    Unit::Count,
    "Twice the time of the week before comes from a changed plan or a larger table.",
)
.between(1.1, f64::INFINITY)
.warning(2.0);

/// The mean duration below which a change is ignored.
static FLOOR: Threshold = Threshold::above(
    "slow_queries.floor",
    "mean time of a statement",
    Unit::Seconds,
    "Below a tenth of a second users do not notice the difference.",
)
.warning(0.1);

/// The number of calls below which a mean is ignored. Also a parameter of the probe's query.
pub static MIN_CALLS: Threshold = Threshold::above(
    "slow_queries.min_calls",
    "calls within an hour",
    Unit::Count,
    "A dump, a report or a migration calls a statement a few times; twenty calls an hour come from users. There must have been as many five hours before: a nightly report or load has not been running for so long.",
)
.warning(20.0);

/// Returns the condition that a window has enough calls.
fn enough(scope: &Scope, limits: &Limits, window: &str) -> String {
    format!("{} >= {}", scope.over("increase", &CALLS, window), number(limits.value(&MIN_CALLS)))
}

/// Returns the mean seconds of a call within a window.
fn mean(scope: &Scope, window: &str) -> String {
    let (seconds, calls) = (scope.over("increase", &SECONDS, window), scope.over("increase", &CALLS, window));
    format!("{seconds} / ({calls} > 0)")
}

pub static SIGNAL: Signal = Signal {
    id: "slow_queries",
    title: "Slow queries",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    kind: TargetKind::Server,
    looks: &[Looks::at_any(Object::Statement), Looks::at_any(Object::Session)],
    metrics: &[&TRACKED, &CALLS, &SECONDS, &LONGEST],
    thresholds: &[&MEAN, &RUNNING, &SLOWER, &FLOOR, &MIN_CALLS],
    alerts: &[
        Alert {
            name: "ChecklistQueryRunsLong",
            when: When::Beyond(Value::Age(of(&LONGEST)), &RUNNING),
            pending: seconds(0),
            summary: "A query runs for too long.",
            description: "A query in database {{ $labels.database }} of {{ $labels.target }} has been running for {value}; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistStatementsNotTracked",
            when: When::Zero(of(&TRACKED)),
            pending: minutes(60),
            summary: "Statement statistics are not available.",
            description: "PostgreSQL {{ $labels.target }} has no statement statistics that the exporter can read, so slow statements are not detected.",
            ..WARNING
        },
        Alert {
            name: "ChecklistStatementSlow",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let (mean, limit) = (mean(scope, "1h"), limits.level(&MEAN, severity));
                    let (now, before) = (enough(scope, limits, "1h"), enough(scope, limits, "1h@5h"));
                    format!("{mean} > {limit} and {now} and {before}")
                },
                threshold: Some(&MEAN),
                metrics: &[&SECONDS, &CALLS],
                case: |given| {
                    let enough = given.limits.value(&MIN_CALLS).max(1.0);
                    let many = 10.0 * enough;
                    // After an hour, three times as many calls as there must be, and as many in each hour from then on.
                    let since = |metric, mean: f64| {
                        let (calls, a_minute) = (3.0 * enough * mean, enough * mean / 20.0);
                        input(metric, format!("_x60 0 {calls}+{a_minute}x{SAMPLES}"))
                    };
                    let of_calls = |mean: f64| vec![since(&SECONDS, mean), since(&CALLS, 1.0)];
                    // Like a dump's single COPY that takes a minute.
                    let dump =
                        vec![step(&SECONDS, 2400.0, 370, 2400.0 + 60.0 * given.limit), step(&CALLS, 40.0, 370, 41.0)];
                    // Calls for four hours until now.
                    let report = |a_minute: f64| format!("_x200 0+{a_minute}x{SAMPLES}");
                    let report = vec![input(&SECONDS, report(2.0 * many * given.limit)), input(&CALLS, report(many))];
                    // The counters of another server are higher, and its mean is above the limit.
                    let other = |metric, mean: f64, before: f64| {
                        let a_minute = enough * mean / 10.0;
                        input(metric, format!("0+{a_minute}x380 {}+{a_minute}x{SAMPLES}", 1000.0 * enough * before))
                    };
                    let failover =
                        vec![other(&SECONDS, 0.1 * given.limit, 10.0 * given.limit), other(&CALLS, 1.0, 1.0)];
                    Case::new(of_calls(2.0 * given.limit), of_calls(0.5 * given.limit))
                        .after(hours(6))
                        .quiet("does not fire on a statement that a dump calls once", dump)
                        .quiet("does not fire on a load of four hours", report)
                        .quiet("does not fire in the hour after a failover", failover)
                },
            }),
            // After a failover the counters are those of another server, and their difference is in the hour.
            pending: minutes(75),
            summary: "A statement is slow on average.",
            description: "Statement {{ $labels.queryid }} in database {{ $labels.database }} of {{ $labels.target }} took {value} on average within an hour; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistStatementSlower",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let (now, before) = (mean(scope, "1d"), mean(scope, "1d@7d"));
                    let (ratio, floor) = (limits.level(&SLOWER, severity), number(limits.value(&FLOOR)));
                    let (much, usual) = (enough(scope, limits, "1d"), enough(scope, limits, "1d@7d"));
                    format!("({now}) / ({before}) > {ratio} and {now} > {floor} and {much} and {usual}")
                },
                threshold: Some(&SLOWER),
                metrics: &[&SECONDS, &CALLS],
                case: |given| {
                    let slow = 2.0 * given.limits.value(&FLOOR).max(0.001);
                    // Three times as many calls in a day as must be.
                    let hourly = given.limits.value(&MIN_CALLS).max(1.0) / 8.0;
                    let (calls, before) = (line(&CALLS, 0.0, hourly), hourly * slow);
                    // The growth is so steep that the limit is crossed between the second and the third hour.
                    let after = before * (1.0 + 24.0 * (given.limit - 1.0) / 2.5);
                    // Eight days at the old pace, then a steeper line.
                    let bend = input(&SECONDS, format!("0+{before}x192 {}+{after}x200", before * 193.0));
                    Case::new(vec![bend, calls.clone()], vec![line(&SECONDS, 0.0, before), calls])
                        .hourly()
                        .after(hours(196))
                },
            }),
            pending: minutes(60),
            summary: "A statement has become slower.",
            description: "Statement {{ $labels.queryid }} in database {{ $labels.database }} of {{ $labels.target }} takes {value} times as long as a week ago.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Slowest statements",
            description: "Mean duration of a call, for the ten slowest statements; pg_stat_statements has the query of an id.",
            query: PanelQuery::Expression(|scope| format!("topk(10, {})", mean(scope, "1h")), &[&SECONDS, &CALLS]),
            legend: &["database", "queryid"],
            threshold: Some(&MEAN),
            ..PANEL
        },
        Panel {
            title: "Statements tracked",
            description: "Whether the server keeps statistics of statements.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&TRACKED))),
            ..PANEL
        },
        Panel {
            title: "Longest running query",
            description: "How long the oldest active query of each database has been running.",
            query: PanelQuery::Value(Value::Age(of(&LONGEST))),
            legend: &["database"],
            threshold: Some(&RUNNING),
            ..PANEL
        },
    ],
    access: &[Access::SqlRole("pg_read_all_stats")],
    runbook: include_str!("slow_queries.md"),
    ..BASE
};
