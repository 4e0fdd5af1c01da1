//! The error rate of the application's requests, over a day and as burn rates of an error budget. Checklist: daily 5,
//! "Check error rate (last 24h)".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static REQUESTS: Metric =
    Metric::gauge("checklist:http_requests:rate5m", "Requests per second within five minutes.", &[]);
pub static ERRORS: Metric =
    Metric::gauge("checklist:http_request_errors:rate5m", "Failed requests per second within five minutes.", &[]);

static RATIO: Threshold = Threshold::above(
    "error_rate.ratio",
    "share of failed requests",
    Unit::Ratio,
    "The checklist expects less than 1% over the last day; this is also the error budget of the burn rates.",
)
// The minimum is above 0, because an objective without any error has no budget that could burn.
.between(0.000_01, 1.0)
.warning(0.01);

static MIN_ERRORS: Threshold = Threshold::above(
    "error_rate.min_errors",
    "failed requests",
    Unit::Count,
    "One failed request in a quiet night is not an error rate: at least ten must have failed within the window.",
)
.between(1.0, f64::INFINITY)
.warning(10.0);

static MIN_REQUESTS: Threshold = Threshold::above(
    "error_rate.min_requests",
    "requests within an hour",
    Unit::Count,
    "With fewer than a hundred requests within an hour an error rate means nothing; longer windows need three, ten and twenty times as many.",
)
.between(1.0, f64::INFINITY)
.warning(100.0);

static MOST: Threshold = Threshold::above(
    "error_rate.now",
    "share of failed requests now",
    Unit::Ratio,
    "If a quarter of the requests fails for three minutes, this alert fires before the burn rate of an hour. Fewer than ten times `error_rate.min_errors` must fail for six minutes: a burst of some seconds is in the rate for five.",
)
.between(0.01, 0.99)
.critical(0.25);

static STOPPED: Threshold = Threshold::below(
    "error_rate.stopped",
    "share of the requests of a week ago",
    Unit::Ratio,
    "On a holiday some hundredths of the usual requests come. Fewer than one in a hundred within a quarter of an hour means that something in front of the application is broken.",
)
.between(0.0001, 0.5)
.warning(0.01);

/// The number of requests that there must have been a week ago.
static STOPPED_FLOOR: Threshold = Threshold::above(
    "error_rate.stopped_floor",
    "requests within half an hour a week ago",
    Unit::Count,
    "Where a thousand requests came within half an hour a week ago, none for a quarter of an hour is no chance.",
)
.between(1.0, f64::INFINITY)
.warning(1_000.0);

/// A window as PromQL writes it, its first half, in seconds, and the number of requests it must have, as a multiple of
/// the requests of an hour.
type Window = (&'static str, &'static str, f64, f64);
const HOURLY: Window = ("1h", "30m@30m", HOUR, 1.0);
const SIX_HOURS: Window = ("6h", "3h@3h", 6.0 * HOUR, 3.0);
const DAILY: Window = ("1d", "12h@12h", DAY, 10.0);
const THREE_DAYS: Window = ("3d", "36h@36h", 3.0 * DAY, 20.0);

/// Returns the condition that a window has enough requests and enough failed ones, and that its first half has samples:
/// the mean of the first minutes of an application says nothing about the whole window.
fn enough(scope: &Scope, limits: &Limits, window: Window) -> String {
    let (text, first_half, seconds, times) = window;
    let count = |metric| format!("{} * {}", scope.over("avg_over_time", metric, text), number(seconds));
    let (errors, requests) = (limits.value(&MIN_ERRORS), times * limits.value(&MIN_REQUESTS));
    let mut requests = format!("{} >= {}", count(&REQUESTS), number(requests));
    // If almost every request of an hour fails, few of them are enough.
    if window == HOURLY {
        requests = format!("({requests} or {} > {})", ratio(scope, text), number(nearly_all(limits)));
    }
    let past = scope.over("count_over_time", &REQUESTS, first_half);
    format!("{} >= {} and {requests} and {past}", count(&ERRORS), number(errors))
}

/// Returns the ratio of errors that counts although there are few requests.
fn nearly_all(limits: &Limits) -> f64 {
    f64::midpoint(share(limits, 14.4), 1.0).max(0.9)
}

/// Returns the mean ratio of errors within a window. It divides means of rates, so it does not depend on the evaluation
/// interval.
fn ratio(scope: &Scope, window: &str) -> String {
    let (errors, requests) =
        (scope.over("avg_over_time", &ERRORS, window), scope.over("avg_over_time", &REQUESTS, window));
    format!("{errors} / ({requests} > 0)")
}

/// Returns the condition that both windows are above a multiple of the budget (Google, "The Site Reliability Workbook",
/// chapter 5). The long window shows that the burn is significant, the short one that it continues.
fn burns(scope: &Scope, limits: &Limits, factor: f64, long: Window, short: &str) -> String {
    let limit = number(share(limits, factor));
    let (both, volume) = (ratio(scope, short), enough(scope, limits, long));
    format!("{} > {limit} and {both} > {limit} and {volume}", ratio(scope, long.0))
}

/// Returns the error ratio that burns the budget `factor` times too fast. With a large budget this would exceed 1, so
/// the ratio is at most half way between the budget and 1.
fn share(limits: &Limits, factor: f64) -> f64 {
    let budget = limits.value(&RATIO);
    (factor * budget).min(f64::midpoint(budget, 1.0))
}

/// A rule test: a ratio just above the limit fires. A ratio just below, too few failed requests, too few requests, and
/// the first half of the first window of an application do not.
fn burning(limit: f64, limits: &Limits, window: Window) -> Case {
    let (_, _, seconds, times) = window;
    let much =
        1e4 + 100.0 * (limits.value(&MIN_ERRORS) / limit.max(1e-6) + times * limits.value(&MIN_REQUESTS)) / seconds;
    let at = |requests: f64, share: f64| vec![steady(&ERRORS, requests * share), steady(&REQUESTS, requests)];
    let few_errors = 0.9 * limits.value(&MIN_ERRORS) / seconds / above(limit);
    let few_requests = 0.9 * times * limits.value(&MIN_REQUESTS) / seconds;
    let mut case = Case::new(at(much, above(limit)), at(much, 0.8 * limit))
        .quiet("does not fire on a few failed requests", at(few_errors, above(limit)))
        .quiet("does not fire on a few requests", at(few_requests, above(limit)));
    // Windows of days have a sample per hour, shorter ones a sample per minute.
    let half = std::time::Duration::from_secs_f64(seconds / 2.0);
    let pace = if seconds < DAY { minutes(1) } else { hours(1) };
    let first = half.as_secs() / pace.as_secs();
    let late = |rate: f64| format!("_x{first} {rate}+0x{SAMPLES}");
    let new = vec![input(&ERRORS, late(much * above(limit))), input(&REQUESTS, late(much))];
    case = case.after(half).quiet("does not fire on the first half of an application's first window", new);
    case.pace = pace;
    if window == HOURLY {
        let errors = 1.2 * limits.value(&MIN_ERRORS) / seconds;
        let all = at(errors / f64::midpoint(nearly_all(limits), 1.0), f64::midpoint(nearly_all(limits), 1.0));
        case = case.fires("fires when almost all of a few requests fail", all);
    }
    case
}

/// Returns a ratio just above the limit and below 1.
fn above(limit: f64) -> f64 {
    limit + 0.2 * limit.min(1.0 - limit)
}

pub static SIGNAL: Signal = Signal {
    id: "error_rate",
    title: "Error rate",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Traffic,
    metrics: &[&REQUESTS, &ERRORS],
    thresholds: &[&RATIO, &MOST, &MIN_ERRORS, &MIN_REQUESTS, &STOPPED, &STOPPED_FLOOR],
    alerts: &[
        Alert {
            name: "ChecklistErrorRateHigh",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let limit = limits.level(&RATIO, severity);
                    // After an outage on Friday the ratio of the day rises once more on Saturday, when there are fewer
                    // requests. Requests must have failed within six hours, too.
                    let (day, lately) = (ratio(scope, "1d"), ratio(scope, "6h"));
                    format!("{day} > {limit} and {lately} > {limit} and {}", enough(scope, limits, DAILY))
                },
                threshold: Some(&RATIO),
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| {
                    let case = burning(given.limit, given.limits, DAILY);
                    // Four bad hours, and none since.
                    let requests = 1e4 + given.limits.value(&MIN_ERRORS) / given.limit.max(1e-6);
                    let errors = requests * (6.0 * given.limit).min(1.0);
                    let over = vec![input(&ERRORS, format!("{errors}+0x3 0+0x{SAMPLES}")), steady(&REQUESTS, requests)];
                    case.quiet("does not fire on an outage that has been over for hours", over)
                },
            }),
            pending: minutes(5),
            summary: "The error rate of the last day is too high.",
            description: "{value} of the requests of {{ $labels.target }} failed within the last day; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRequestsFail",
            covers: &[
                "ChecklistErrorBudgetBurnsFast",
                "ChecklistErrorBudgetBurns",
                "ChecklistErrorRateHigh",
                "ChecklistErrorBudgetBurnsSlowly",
                "ChecklistErrorBudgetRunsOut",
            ],
            when: When::History(History {
                // A burst of some seconds, as at a restart or from one client, is in the rate for five minutes. A few errors
                // must last for six: three minutes ago there were enough, too, and this must hold for three minutes.
                expr: |scope, limits, severity| {
                    let (errors, requests) = (scope.max(&ERRORS), scope.max(&REQUESTS));
                    let before = scope.over("last_over_time", &ERRORS, "5m@3m");
                    let (limit, least) = (limits.level(&MOST, severity), limits.value(&MIN_ERRORS));
                    format!(
                        "{errors} / ({requests} > 0) > {limit} and ({errors} * 300 >= {} or {before} * 300 >= {1} and {errors} * 300 >= {1})",
                        number(10.0 * least),
                        number(least),
                    )
                },
                threshold: Some(&MOST),
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| {
                    let least = given.limits.value(&MIN_ERRORS).max(1.0) / 300.0;
                    let at = |errors: f64, share: f64| vec![steady(&ERRORS, errors), steady(&REQUESTS, errors / share)];
                    let (late, much) = (|rate: f64| format!("_x3 {rate}+0x{SAMPLES}"), 15.0 * least);
                    let many = vec![input(&ERRORS, late(much)), input(&REQUESTS, late(much / above(given.limit)))];
                    // Five minutes long, until the alert would fire.
                    let burst = vec![
                        input(&ERRORS, format!("0+0x3 {0}+0x4 0+0x{SAMPLES}", 2.0 * least)),
                        steady(&REQUESTS, 2.0 * least / above(given.limit)),
                    ];
                    let case = Case::new(many, at(much, 0.8 * given.limit))
                        .after(minutes(3))
                        .fires("fires when some requests fail for six minutes", at(2.0 * least, above(given.limit)))
                        .quiet("does not fire on a few failed requests", at(0.9 * least, above(given.limit)))
                        .quiet("does not fire on a burst of some seconds", burst);
                    Case { sampled: Some(minutes(1)), ..case }
                },
            }),
            pending: minutes(3),
            keep_firing: minutes(10),
            summary: "Many requests fail now.",
            description: "{value} of the requests of {{ $labels.target }} failed within five minutes; the limit is {limit}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistRequestsStopped",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let now = scope.over("max_over_time", &REQUESTS, "15m");
                    // The quietest minutes around this time, a week ago. The clocks may have changed since by an hour.
                    let before = scope.over("min_over_time", &REQUESTS, "3h@166h30m");
                    let (limit, least) = (limits.level(&STOPPED, severity), number(limits.value(&STOPPED_FLOOR)));
                    format!("{now} / {before} < {limit} and {before} * 1800 >= {least}")
                },
                threshold: Some(&STOPPED),
                metrics: &[&REQUESTS],
                case: |given| {
                    let usual = 2.0 * given.limits.value(&STOPPED_FLOOR).max(1.0) / 1800.0;
                    let (count, rest) = (170 * 12, 90 + given.pending.as_secs() / 300);
                    let falls =
                        |before: f64, now: f64| vec![input(&REQUESTS, format!("{before}+0x{count} {now}+0x{rest}"))];
                    // A week before the end of the test they have begun forty minutes ago.
                    let (begun, end) = (count + rest - 2016 - 8, 2016 + 8);
                    let opens = vec![input(&REQUESTS, format!("0+0x{begun} {usual}+0x600 0+0x{}", end - 600))];
                    Case::new(falls(usual, 0.0), falls(usual, usual))
                        .sampled_often()
                        .after(hours(170))
                        .quiet("does not fire on a holiday", falls(usual, 1.2 * usual * given.limit))
                        .quiet("does not fire where few come", falls(0.4 * usual, 0.0))
                        .quiet("does not fire before work begins, an hour later after the clocks have changed", opens)
                },
            }),
            pending: minutes(5),
            summary: "The requests have stopped.",
            description: "Application {{ $labels.target }} gets {value} of the requests of a week ago at this time; the limit is {limit}. Look at what is in front of it: DNS, load balancer, certificate.",
            ..WARNING
        },
        Alert {
            name: "ChecklistErrorBudgetBurnsFast",
            covers: &[
                "ChecklistErrorBudgetBurns",
                "ChecklistErrorRateHigh",
                "ChecklistErrorBudgetBurnsSlowly",
                "ChecklistErrorBudgetRunsOut",
            ],
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 14.4, HOURLY, "5m"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(share(given.limits, 14.4), given.limits, HOURLY),
            }),
            keep_firing: minutes(10),
            summary: "The error budget burns fast (1h window).",
            description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.target }} failed within the hour. At this rate the error budget of a month is used up within two days.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistErrorBudgetBurns",
            covers: &["ChecklistErrorRateHigh", "ChecklistErrorBudgetBurnsSlowly", "ChecklistErrorBudgetRunsOut"],
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 6.0, SIX_HOURS, "30m"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(share(given.limits, 6.0), given.limits, SIX_HOURS),
            }),
            pending: minutes(15),
            summary: "The error budget burns (6h window).",
            description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.target }} failed within six hours. At this rate the error budget of a month is used up within five days.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistErrorBudgetBurnsSlowly",
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 3.0, DAILY, "2h"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(share(given.limits, 3.0), given.limits, DAILY),
            }),
            pending: minutes(60),
            summary: "The error budget burns slowly (1d window).",
            description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.target }} failed within a day, three times as many as the error budget allows.",
            ..WARNING
        },
        Alert {
            name: "ChecklistErrorBudgetRunsOut",
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, 1.0, THREE_DAYS, "6h"),
                threshold: None,
                metrics: &[&REQUESTS, &ERRORS],
                case: |given| burning(given.limits.value(&RATIO), given.limits, THREE_DAYS),
            }),
            pending: hours(3),
            summary: "The error rate exceeds the error budget (3d window).",
            description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.target }} failed within three days, more than the error budget allows.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Error rate",
            description: "Share of failed requests within a day.",
            query: PanelQuery::Expression(|scope| ratio(scope, "1d"), &[&REQUESTS, &ERRORS]),
            threshold: Some(&RATIO),
            ..PANEL
        },
        Panel {
            title: "Error rate now",
            description: "Share of failed requests within five minutes.",
            query: PanelQuery::Expression(
                |scope| format!("{} / ({} > 0)", scope.max(&ERRORS), scope.max(&REQUESTS)),
                &[&REQUESTS, &ERRORS],
            ),
            threshold: Some(&MOST),
            ..PANEL
        },
        Panel {
            title: "Error rate of the last hour",
            description: "Share of failed requests within an hour.",
            query: PanelQuery::Expression(|scope| ratio(scope, "1h"), &[&REQUESTS, &ERRORS]),
            unit: Some(Unit::Ratio),
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
            // Without failures there may be no series of failed requests. The rate is then 0 and not unknown.
            expr: |traffic| {
                let (name, own, errors) = (&traffic.requests, &traffic.selector, &traffic.errors);
                format!("sum(rate({name}{{{own}, {errors}}}[5m])) or 0 * sum(rate({name}{{{own}}}[5m]))")
            },
        },
    ],
    runbook: include_str!("error_rate.md"),
    ..BASE
};
