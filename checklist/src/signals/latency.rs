//! Request durations from the application's own histogram. Checklist: Monday 1, "Review P99 latency trend (last 7
//! days)".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

/// The histogram, recorded once for all quantiles. Nine rates of raw buckets over a day would load every sample of
/// every bucket of every pod with each evaluation.
pub static BUCKETS: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds_bucket:rate5m",
    "Requests per second by upper bound of their duration within five minutes.",
    &["le"],
);
pub static VOLUME: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:rate5m",
    "Requests per second within five minutes, from the histogram of their duration.",
    &[],
);

pub static SHORT: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate5m",
    "99th percentile of the request duration within five minutes, or a lower one that twenty requests are above.",
    &[],
)
.sparse();
pub static HOURLY: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate1h",
    "99th percentile of the request duration within an hour.",
    &[],
)
.sparse();
pub static DAILY: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p99_rate1d",
    "99th percentile of the request duration within a day.",
    &[],
)
.sparse();

// The objective allows 1% slow requests. At a burn rate of 14.4, 14.4% of the requests are slow, so the 85.6th
// percentile is above the limit. Burn rates are therefore expressed as percentiles of a window, which work with any
// buckets.

pub static FAST_LONG: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p856_rate1h",
    "Request duration that 85.6% of the requests stay below within an hour.",
    &[],
)
.sparse();
pub static FAST_SHORT: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p856_rate5m",
    "Request duration that 85.6% of the requests stay below within five minutes.",
    &[],
)
.sparse();
pub static MIDDLE_LONG: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p94_rate6h",
    "Request duration that 94% of the requests stay below within six hours.",
    &[],
)
.sparse();
pub static MIDDLE_SHORT: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p94_rate30m",
    "Request duration that 94% of the requests stay below within half an hour.",
    &[],
)
.sparse();
pub static SLOW_LONG: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p97_rate1d",
    "Request duration that 97% of the requests stay below within a day.",
    &[],
)
.sparse();
pub static SLOW_SHORT: Metric = Metric::gauge(
    "checklist:http_request_duration_seconds:p97_rate2h",
    "Request duration that 97% of the requests stay below within two hours.",
    &[],
)
.sparse();

static P99: Threshold = Threshold::above(
    "latency.p99",
    "99th percentile of the day",
    Unit::Seconds,
    "The checklist expects less than two seconds.",
)
.between(0.001, f64::INFINITY)
.warning(2.0);

static P99_NOW: Threshold = Threshold::above(
    "latency.p99_now",
    "99th percentile now",
    Unit::Seconds,
    "The checklist expects less than two seconds; users notice ten minutes above it. At least twenty requests must be slower: a few of a nightly report wake nobody.",
)
.between(0.001, f64::INFINITY)
.critical(2.0);

static WORSE: Threshold = Threshold::above(
    "latency.worse",
    "99th percentile compared with the week before",
    Unit::Count,
    "The checklist expects a stable trend: 1.5 times the worst day of the week before is a regression. Compared with a single day, the slowest hundredth of a few thousand requests varies by half without any cause.",
)
.between(1.1, f64::INFINITY)
.warning(1.5);

/// A window of time and how many requests there must be in it. Of a handful one slow request is a quantile: of fewer
/// than these the quantile is unknown, which is neither good nor bad. The slowest hundredth needs a thousand requests
/// to be ten of them; the burn rates need a hundred within an hour, as those of failed requests.
/// Long windows must also have samples in their first half: the slow first minutes of an application are not its hour.
#[derive(Clone, Copy)]
struct Window {
    text: &'static str,
    /// The length of its first half, for windows that must have samples there.
    past: Option<&'static str>,
    seconds: f64,
    requests: f64,
    /// The number of requests that must be above the quantile, which is lower where they are more than its share. Eight
    /// slow requests of a nightly report are a hundredth of all, but wake nobody.
    slow: f64,
}

const fn window(text: &'static str, seconds: f64, requests: f64) -> Window {
    Window { text, past: None, seconds, requests, slow: 0.0 }
}

const fn after(half: &'static str, window: Window) -> Window {
    Window { past: Some(half), ..window }
}

const NOW: Window = Window { slow: 20.0, ..window("5m", 300.0, 500.0) };
const THIS_HOUR: Window = after("30m", window("1h", HOUR, 1_000.0));
const THIS_DAY: Window = after("12h", window("1d", DAY, 1_000.0));
const FAST: (Window, Window) = (after("30m", window("1h", HOUR, 100.0)), window("5m", 300.0, 10.0));
const MIDDLE: (Window, Window) = (after("3h", window("6h", 6.0 * HOUR, 300.0)), window("30m", 1_800.0, 30.0));
const SLOW: (Window, Window) = (after("12h", window("1d", DAY, 1_000.0)), window("2h", 2.0 * HOUR, 100.0));

/// Returns the expression of a quantile within a window, without a result when the window has too few requests.
fn quantile(traffic: &crate::targets::Traffic, quantile: f64, window: &Window) -> String {
    let recorded = |metric: &Metric| {
        let series = format!("{metric}{{check=\"latency\", target={:?}}}", traffic.name);
        if window.text == "5m" { series } else { format!("avg_over_time({series}[{}])", window.text) }
    };
    // Prometheus supports `avg_over_time` of native histograms only since a later version than the histograms
    // themselves, so their rate is computed from the raw series.
    let buckets =
        if traffic.native { histogram(traffic, window.text) } else { format!("sum by (le) ({})", recorded(&BUCKETS)) };
    let past = window.past.map(|half| {
        format!(
            " and sum(count_over_time({VOLUME}{{check=\"latency\", target={:?}}}[{half}] offset {half}))",
            traffic.name
        )
    });
    let all = format!("sum({}) * {}", recorded(&VOLUME), number(window.seconds));
    let level = if window.slow > 0.0 {
        let share = ((1.0 - quantile) * 1e6).round() / 1e6;
        format!("scalar(1 - clamp_min({} / ({all}), {}))", number(window.slow), number(share))
    } else {
        quantile.to_string()
    };
    format!(
        "histogram_quantile({level}, {buckets}) >= 0 and {all} >= {}{}",
        number(window.requests),
        past.unwrap_or_default()
    )
}

/// The 99th percentile below which a change is ignored.
static WORSE_FLOOR: Threshold = Threshold::above(
    "latency.worse_floor",
    "99th percentile",
    Unit::Seconds,
    "Below half a second users do not notice that requests take 1.5 times as long.",
)
.between(0.001, f64::INFINITY)
.warning(0.5);

/// Returns the rate of an application's duration histogram within a window.
pub fn histogram(traffic: &crate::targets::Traffic, window: &str) -> String {
    let (name, selector) = (&traffic.duration, &traffic.selector);
    if traffic.native {
        format!("sum(rate({name}{{{selector}}}[{window}]))")
    } else {
        format!("sum by (le) (rate({name}_bucket{{{selector}}}[{window}]))")
    }
}

/// Returns the condition that both windows are above the limit. The long one shows that the burn is significant, the
/// short one that it continues.
fn burns(scope: &Scope, limits: &Limits, long: &'static Metric, short: &'static Metric) -> String {
    let limit = number(limits.value(&P99));
    format!("{} > {limit} and {} > {limit}", scope.max(long), scope.max(short))
}

/// A rule test: both windows must be above the limit, so a burn that is over and one that has just begun do not fire.
fn burning(given: &crate::Given<'_>, long: &'static Metric, short: &'static Metric) -> Case {
    let (slow, fast) = (1.2 * given.limits.value(&P99), 0.8 * given.limits.value(&P99));
    let at = |in_long, in_short| vec![steady(long, in_long), steady(short, in_short)];
    Case::new(at(slow, slow), at(fast, fast))
        .quiet("does not fire when the burn is over", at(slow, fast))
        .quiet("does not fire when the burn has just begun", at(fast, slow))
}

pub static SIGNAL: Signal = Signal {
    id: "latency",
    title: "Latency",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    stake: Stake::Live,
    kind: TargetKind::Traffic,
    metrics: &[
        &VOLUME,
        &BUCKETS,
        &SHORT,
        &HOURLY,
        &DAILY,
        &FAST_LONG,
        &FAST_SHORT,
        &MIDDLE_LONG,
        &MIDDLE_SHORT,
        &SLOW_LONG,
        &SLOW_SHORT,
    ],
    thresholds: &[&P99, &P99_NOW, &WORSE, &WORSE_FLOOR],
    alerts: &[
        Alert {
            name: "ChecklistLatencyHighNow",
            covers: &["ChecklistLatencyHigh", "ChecklistLatencyBudgetBurnsSlowly", "ChecklistLatencyWorse"],
            when: When::Beyond(Value::Of(of(&SHORT)), &P99_NOW),
            pending: minutes(10),
            summary: "The P99 latency is too high.",
            description: "The P99 latency of {{ $labels.target }} within five minutes is {value}; the limit is {limit}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistLatencyHigh",
            when: When::Beyond(Value::Of(of(&HOURLY)), &P99),
            // A slow quarter of an hour after a deployment stays in the hour for 75 minutes.
            pending: minutes(75),
            summary: "The P99 latency of the last hour is too high.",
            description: "The P99 latency of {{ $labels.target }} within an hour was {value}; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistLatencyBudgetBurnsFast",
            covers: &[
                "ChecklistLatencyBudgetBurns",
                "ChecklistLatencyHigh",
                "ChecklistLatencyBudgetBurnsSlowly",
                "ChecklistLatencyWorse",
            ],
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, &FAST_LONG, &FAST_SHORT),
                threshold: None,
                metrics: &[&FAST_LONG, &FAST_SHORT],
                case: |given| burning(given, &FAST_LONG, &FAST_SHORT),
            }),
            summary: "The latency budget burns fast (1h window).",
            description: "One in seven requests of {{ $labels.target }} took {{ $value | humanizeDuration }} or more within the hour. At this rate the budget of slow requests of a month is used up within two days.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistLatencyBudgetBurns",
            covers: &["ChecklistLatencyHigh", "ChecklistLatencyBudgetBurnsSlowly", "ChecklistLatencyWorse"],
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, &MIDDLE_LONG, &MIDDLE_SHORT),
                threshold: None,
                metrics: &[&MIDDLE_LONG, &MIDDLE_SHORT],
                case: |given| burning(given, &MIDDLE_LONG, &MIDDLE_SHORT),
            }),
            pending: minutes(15),
            summary: "The latency budget burns (6h window).",
            description: "One in seventeen requests of {{ $labels.target }} took {{ $value | humanizeDuration }} or more within six hours. At this rate the budget of slow requests of a month is used up within five days.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistLatencyBudgetBurnsSlowly",
            when: When::History(History {
                expr: |scope, limits, _| burns(scope, limits, &SLOW_LONG, &SLOW_SHORT),
                threshold: None,
                metrics: &[&SLOW_LONG, &SLOW_SHORT],
                case: |given| burning(given, &SLOW_LONG, &SLOW_SHORT),
            }),
            pending: minutes(60),
            summary: "The latency budget burns slowly (1d window).",
            description: "One in thirty-three requests of {{ $labels.target }} took {{ $value | humanizeDuration }} or more within a day, three times as many as the budget allows.",
            ..WARNING
        },
        Alert {
            name: "ChecklistLatencyWorse",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let before = scope.over("max_over_time", &DAILY, "7d@7d");
                    let (now, floor) = (scope.max(&DAILY), number(limits.value(&WORSE_FLOOR)));
                    format!("{now} / {before} > {} and {now} > {floor}", limits.level(&WORSE, severity))
                },
                threshold: Some(&WORSE),
                metrics: &[&DAILY],
                case: |given| {
                    let usual = given.limits.value(&WORSE_FLOOR).max(0.001);
                    let high = 1.2 * usual * given.limit;
                    let bend = |before: f64| step(&DAILY, before, 180, 2.0 * before * given.limit);
                    Case::new(vec![bend(usual)], vec![steady(&DAILY, 2.0 * usual)])
                        .hourly()
                        .after(hours(181))
                        .quiet("does not fire below a noticeable latency", vec![bend(0.4 * usual / given.limit)])
                        .quiet(
                            "does not fire when only one day of the week before was faster",
                            vec![input(&DAILY, format!("{high}+0x9 {usual}+0x19 {high}+0x{SAMPLES}"))],
                        )
                },
            }),
            pending: hours(6),
            summary: "Requests are slower than in the week before.",
            description: "The P99 latency of {{ $labels.target }} within a day is {value} times that of the worst day of the week before.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Requests with a duration",
            description: "Requests per second in the histogram; below some hundred an hour the percentiles are not evaluated.",
            query: PanelQuery::Value(Value::Of(of(&VOLUME))),
            ..PANEL
        },
        Panel {
            title: "P99 latency",
            description: "Duration that 99 of 100 requests stay below, within an hour.",
            query: PanelQuery::Value(Value::Of(of(&HOURLY))),
            threshold: Some(&P99),
            ..PANEL
        },
        Panel {
            title: "P99 latency now",
            description: "Duration that 99 of 100 requests stay below, within five minutes.",
            query: PanelQuery::Value(Value::Of(of(&SHORT))),
            threshold: Some(&P99_NOW),
            ..PANEL
        },
        Panel {
            title: "P99 latency of a day",
            description: "Duration that 99 of 100 requests stay below, within a day; compare it with the week before.",
            query: PanelQuery::Value(Value::Of(of(&DAILY))),
            unit: Some(Unit::Seconds),
            ..PANEL
        },
        Panel {
            title: "Latency of the burn rates",
            description: "Percentiles of the burn rate windows; an alert fires while both windows of a pair are above the line.",
            query: PanelQuery::Expression(
                |scope| {
                    scope.named(
                        "percentile",
                        &[
                            (&FAST_LONG, "p85.6 of 1h"),
                            (&FAST_SHORT, "p85.6 of 5m"),
                            (&MIDDLE_LONG, "p94 of 6h"),
                            (&MIDDLE_SHORT, "p94 of 30m"),
                            (&SLOW_LONG, "p97 of 1d"),
                            (&SLOW_SHORT, "p97 of 2h"),
                        ],
                    )
                },
                &[&FAST_LONG, &FAST_SHORT, &MIDDLE_LONG, &MIDDLE_SHORT, &SLOW_LONG, &SLOW_SHORT],
            ),
            legend: &["target", "percentile"],
            threshold: Some(&P99),
            ..PANEL
        },
    ],
    records: &[
        Record { metric: &BUCKETS, expr: |traffic| histogram(traffic, "5m") },
        Record {
            metric: &VOLUME,
            expr: |traffic| {
                let (name, own) = (&traffic.duration, &traffic.selector);
                if traffic.native {
                    format!("histogram_count({})", histogram(traffic, "5m"))
                } else {
                    format!("sum(rate({name}_bucket{{{own}, le=\"+Inf\"}}[5m]))").replace("{, ", "{")
                }
            },
        },
        Record { metric: &SHORT, expr: |traffic| quantile(traffic, 0.99, &NOW) },
        Record { metric: &HOURLY, expr: |traffic| quantile(traffic, 0.99, &THIS_HOUR) },
        Record { metric: &DAILY, expr: |traffic| quantile(traffic, 0.99, &THIS_DAY) },
        Record { metric: &FAST_LONG, expr: |traffic| quantile(traffic, 0.856, &FAST.0) },
        Record { metric: &FAST_SHORT, expr: |traffic| quantile(traffic, 0.856, &FAST.1) },
        Record { metric: &MIDDLE_LONG, expr: |traffic| quantile(traffic, 0.94, &MIDDLE.0) },
        Record { metric: &MIDDLE_SHORT, expr: |traffic| quantile(traffic, 0.94, &MIDDLE.1) },
        Record { metric: &SLOW_LONG, expr: |traffic| quantile(traffic, 0.97, &SLOW.0) },
        Record { metric: &SLOW_SHORT, expr: |traffic| quantile(traffic, 0.97, &SLOW.1) },
    ],
    runbook: include_str!("latency.md"),
    ..BASE
};
