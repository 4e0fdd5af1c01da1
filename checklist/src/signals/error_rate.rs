//! Daily 5, "Check error rate (last 24h)": the application's own counter, over a day and as a budget that burns.

use crate::prelude::*;

/// Requests per second.
pub static REQUESTS: Metric =
    Metric::gauge("checklist:http_requests:rate5m", "Requests per second within five minutes.", &[]);
/// Failed requests per second.
pub static ERRORS: Metric =
    Metric::gauge("checklist:http_request_errors:rate5m", "Failed requests per second within five minutes.", &[]);

static RATIO: Threshold = Threshold::above(
    "error_rate.ratio",
    Unit::Ratio,
    "The checklist expects less than 1% over the last day; this is also the budget of the burn rates.",
)
// Nobody keeps an objective of no error at all, and no rate burns it.
.between(0.000_01, 1.0)
.warning(0.01);

/// Mean ratio of errors within a window; means of rates, so that it does not depend on how often rules run.
fn ratio(scope: &Scope, window: &str) -> String {
    let (errors, requests) =
        (scope.over("avg_over_time", &ERRORS, window), scope.over("avg_over_time", &REQUESTS, window));
    format!("{errors} / ({requests} > 0)")
}

/// Two windows above a multiple of the budget (Google, "The Site Reliability Workbook", chapter 5): the long one
/// shows that it matters, the short one that it still goes on.
fn burns(scope: &Scope, limits: &Limits, factor: f64, long: &str, short: &str) -> String {
    let limit = number(share(limits, factor));
    format!("{} > {limit} and {} > {limit}", ratio(scope, long), ratio(scope, short))
}

/// The share of errors that burns a budget so many times too fast. A large budget is never burnt fourteen times too
/// fast, for no share is above one: there it is half way between the budget and everything.
fn share(limits: &Limits, factor: f64) -> f64 {
    let budget = limits.value(&RATIO);
    (factor * budget).min(f64::midpoint(budget, 1.0))
}

/// A share of errors just above the limit, and one just below it.
fn burning(limit: f64) -> Case {
    let at = |share: f64| vec![steady(&ERRORS, 100.0 * share), steady(&REQUESTS, 100.0)];
    Case::new(at(above(limit)), at(0.8 * limit))
}

fn above(limit: f64) -> f64 {
    limit + 0.2 * limit.min(1.0 - limit)
}

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "error_rate",
    title: "Error rate",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    kind: TargetKind::Traffic,
    metrics: &[&REQUESTS, &ERRORS],
    thresholds: &[&RATIO],
    alerts: &[
        Alert {
            name: "ChecklistErrorRateHigh",
            when: When::History(History {
                expr: |scope, limits, severity| format!("{} > {}", ratio(scope, "1d"), limits.level(&RATIO, severity)),
                threshold: Some(&RATIO),
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(given.limit),
            }),
            pending: minutes(5),
            summary: "Error rate of the last day is too high.",
            description: "{value} of the requests of {{ $labels.target }} failed within the last day; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistErrorBudgetBurnsFast",
            covers: &["ChecklistErrorRateHigh", "ChecklistErrorBudgetBurnsSlowly", "ChecklistErrorBudgetRunsOut"],
            when: When::History(History {
                // A handful of requests is no rate: at least a hundred within the hour.
                expr: |scope, limits, _| {
                    let volume = scope.over("avg_over_time", &REQUESTS, "1h");
                    format!("{} and {volume} * 3600 > 100", burns(scope, limits, 14.4, "1h", "5m"))
                },
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| {
                    let limit = share(given.limits, 14.4);
                    let share = |requests: f64, share: f64| {
                        vec![steady(&ERRORS, requests * share), steady(&REQUESTS, requests)]
                    };
                    burning(limit)
                        .fires("fires on some hundred requests an hour", share(0.1, above(limit)))
                        .quiet("stays quiet on some dozen requests an hour", share(0.02, above(limit)))
                },
            }),
            summary: "Requests fail.",
            description: "{{ $labels.target }} burns its error budget more than 14 times too fast: 2% of a month's budget within an hour.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistErrorBudgetBurns",
            covers: &["ChecklistErrorRateHigh", "ChecklistErrorBudgetBurnsSlowly", "ChecklistErrorBudgetRunsOut"],
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 6.0, "6h", "30m"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(share(given.limits, 6.0)),
            }),
            pending: minutes(15),
            summary: "Many requests fail for hours.",
            description: "{{ $labels.target }} burns its error budget more than 6 times too fast.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistErrorBudgetBurnsSlowly",
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 3.0, "1d", "2h"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(share(given.limits, 3.0)),
            }),
            pending: minutes(60),
            summary: "Requests fail all day.",
            description: "{{ $labels.target }} burns its error budget more than 3 times too fast.",
            ..WARNING
        },
        Alert {
            name: "ChecklistErrorBudgetRunsOut",
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 1.0, "3d", "6h"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(given.limits.value(&RATIO)),
            }),
            pending: hours(3),
            summary: "Error budget runs out.",
            description: "{{ $labels.target }} has failed more often than its budget allows for days.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Error rate",
            description: "Share of failed requests within a day.",
            shown: Shown::Expression(|scope| ratio(scope, "1d"), &[&REQUESTS, &ERRORS]),
            unit: Unit::Ratio,
            threshold: Some(&RATIO),
            ..PANEL
        },
        Panel {
            title: "Error rate of the hour",
            description: "Share of failed requests within an hour.",
            shown: Shown::Expression(|scope| ratio(scope, "1h"), &[&REQUESTS, &ERRORS]),
            unit: Unit::Ratio,
            ..PANEL
        },
    ],
    records: &[
        Record {
            metric: &REQUESTS,
            expr: |traffic| format!("sum(rate({}{{{}}}[5m]))", traffic.requests, traffic.selector),
        },
        Record {
            metric: &ERRORS,
            // Without a failure there may be no series of failures: then it is zero, not unknown.
            expr: |traffic| {
                let (name, own, errors) = (&traffic.requests, &traffic.selector, &traffic.errors);
                format!("sum(rate({name}{{{own}, {errors}}}[5m])) or 0 * sum(rate({name}{{{own}}}[5m]))")
            },
        },
    ],
    runbook: include_str!("error_rate.md"),
    ..BASE
};
