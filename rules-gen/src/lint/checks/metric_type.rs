//! RG011: functions for counters on gauges, functions for gauges on counters, and bare counters.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, leaves_the_values};
use crate::lint::metric_facts::Type;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Call, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG011",
    title: "function does not fit the type of the metric",
    level: Level::Error,
    text: "`rate()` of a gauge has no useful meaning: the rate of the age of the oldest transaction is 1 however long it is open. A counter that is compared with a number stays above it until the process restarts. `rate()` of a sum of counters, also of a recorded one, treats the restart of one process as an increase of the whole sum.\n\nThe type is taken from the catalog, a scrape (`--catalog-from`) or a live server. Otherwise it is derived from the name only where that is certain: `_count` and `_total` are used for gauges too.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("rate(oldest_transaction_duration[5m]) > 120"),
        Example::Expr("http_errors_total > 5"),
        Example::Expr("max(sum by (job) (http_errors_total)) > 5"),
        Example::Expr("delta(refused_connections_total[5m]) > 3"),
        Example::Expr("increase(sum(errors_total)[1h:1m]) > 5"),
        Example::Group(
            "
  - record: job:errors:sum
    expr: sum by (job) (errors_total)
  - record: job:errors:rate5m
    expr: rate(job:errors:sum[5m])
",
        ),
    ],
    fine: &[
        Example::Expr("oldest_transaction_duration > 120"),
        Example::Expr("sum by (datname) (pg_stat_activity_count) > 100"),
        Example::Expr("histogram_quantile(0.99, sum by (job) (rate(http_request_duration_seconds[5m]))) > 2"),
        Example::Expr("rate(search_query_time_seconds[5m]) > 1 and rate(search_query_total[5m]) > 0"),
        Example::Expr("increase(errors_total[5m]) > 5 and errors_total > 0"),
        Example::Expr("rate(interface_transmit_bytes[5m]) * 8 > 9e8"),
        Example::Expr("inodes_total > 5"),
        Example::Expr("increase(http_errors_total[10m]) > 5"),
        Example::Expr("count(http_requests_total) > 1000"),
        Example::Expr("count(count by (instance) (http_requests_total)) > 5"),
        Example::Expr("max(count_values by (job) (\"value\", http_requests_total)) > 5"),
        Example::Expr("stddev by (job) (http_requests_total) > 5"),
    ],
};

/// Functions that work on counters only.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Functions that work on gauges only.
const OF_GAUGES: [&str; 4] = ["delta", "idelta", "deriv", "predict_linear"];
/// Endings of names that are gauges by convention. `_seconds` and `_bytes` are missing, because counters may end so
/// too.
const LEVELS: [&str; 9] = [
    "_avail_bytes",
    "_available_bytes",
    "_free_bytes",
    "_ratio",
    "_info",
    "_percent",
    "_celsius",
    "_timestamp",
    "_timestamp_seconds",
];
/// Parts of names that are gauges, whatever the ending: extremes and ages.
const EXTREMES: [&str; 4] = ["oldest", "longest", "age", "lag"];
/// Parts of names that are gauges at the end of a name, or when the name ends in one of [`SIZES`]. Elsewhere they may
/// belong to a counter of what a limit refused: `cx_max_requests`.
const BOUNDS: [&str; 2] = ["max", "min"];
const SIZES: [&str; 5] = ["_duration", "_seconds", "_milliseconds", "_bytes", "_size"];
/// Functions whose result is one of the values of their range, or between them.
const WINDOWS: [&str; 4] = ["max_over_time", "min_over_time", "avg_over_time", "last_over_time"];
/// Parts of names that are counters when the name ends in `_total`. Other names with that ending are often gauges that
/// mean "in total".
const EVENTS: [&str; 19] = [
    "error",
    "errors",
    "failure",
    "failures",
    "failed",
    "requests",
    "timeouts",
    "exceptions",
    "panics",
    "restarts",
    "dropped",
    "rejected",
    "retries",
    "denied",
    "drop",
    "drops",
    "crashes",
    "kills",
    "evictions",
];

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| {
        if let Kind::Call(call) = &part.kind {
            of_call(rule, call, context, report);
        }
        bare_counter(rule, part, above, context, report);
    });
}

fn of_call(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let function = call.function.text.as_str();
    let Some(argument) = call.args.iter().map(Expr::bare).find(|arg| !matches!(arg.kind, Kind::Number(_))) else {
        return;
    };
    let counters = OF_COUNTERS.contains(&function);
    let fix = "compute the rate first, then aggregate";
    if counters
        && let Kind::Subquery(subquery) = &argument.kind
        && let Kind::Aggregation(_) = subquery.expr.bare().kind
    {
        let message =
            format!("{function}() of an aggregation: the reset of one counter appears as an increase of the whole sum");
        report.part(LINT.id, Level::Error, &rule.expr, call.function.span, message, fix);
    }
    let Some(name) = argument.selector().and_then(Selector::metric) else { return };
    if counters && context.recordings.exprs(name).any(|of| sums_counters(of, context)) {
        let message = format!(
            "{function}() of {name}, which is a recorded sum of counters: the reset of one counter appears as an increase"
        );
        report.part(LINT.id, Level::Error, &rule.expr, call.function.span, message, fix);
    }
    // The type of a recorded series is not known by its name.
    if name.contains(':') {
        return;
    }
    let kind = context.options.known.get(name).and_then(|fact| fact.kind);
    let parts = |words: &[&str]| name.split('_').any(|part| words.contains(&part));
    if counters {
        let counts = ["_total", "_count", "_sum", "_bucket"].iter().any(|ending| name.ends_with(ending));
        let last = name.rsplit('_').next().unwrap_or_default();
        let bound = parts(&BOUNDS) && (BOUNDS.contains(&last) || SIZES.iter().any(|ending| name.ends_with(ending)));
        let level_by_name =
            LEVELS.iter().any(|ending| name.ends_with(ending)) || ((bound || parts(&EXTREMES)) && !counts);
        if kind == Some(Type::Gauge) || (kind.is_none() && level_by_name) {
            let level = if kind.is_none() { Level::Warning } else { Level::Error };
            let message = format!("{function}() is for counters, but {name} is a gauge");
            let fix = "use delta(), deriv() or the value itself";
            report.part(LINT.id, level, &rule.expr, call.function.span, message, fix);
        }
    }
    if OF_GAUGES.contains(&function) && (kind == Some(Type::Counter) || (kind.is_none() && name.ends_with("_total"))) {
        let message = format!("{function}() does not handle resets of the counter {name}");
        report.part(LINT.id, Level::Warning, &rule.expr, call.function.span, message, "use increase() or rate()");
    }
}

/// Whether a recording rule sums counters without a rate.
fn sums_counters(of: &Expr, context: &Context<'_>) -> bool {
    let Kind::Aggregation(one) = &of.bare().kind else { return false };
    let counter = |name: &str| {
        let kind = context.options.known.get(name).and_then(|fact| fact.kind);
        kind == Some(Type::Counter) || (kind.is_none() && (name.ends_with("_total") || name.ends_with("_bucket")))
    };
    one.op.text == "sum" && one.expr.bare().selector().and_then(Selector::metric).is_some_and(counter)
}

/// Reports a counter that is compared directly, such as `x_errors_total > 5`: once true, it stays true, and
/// `x_total < 5` stays false. A comparison that only guards another condition (`and x_total > 0`) is not reported.
fn bare_counter(rule: &Rule, part: &Expr, above: &[&Expr], context: &Context<'_>, report: &mut Report<'_>) {
    // The result lies between the values in the range, so it has the metric's limits.
    let window =
        |parent: &&Expr| matches!(&parent.kind, Kind::Call(call) if WINDOWS.contains(&call.function.text.as_str()));
    let in_window = above.last().is_some_and(window);
    let Some(one) = part.selector().filter(|one| one.range.is_none() || in_window) else { return };
    if one.modifiers.offset.is_some() {
        return;
    }
    let Some(name) = one.metric().filter(|name| rule.alerts && !name.contains(':')) else { return };
    let counter = match context.options.known.get(name).and_then(|fact| fact.kind) {
        Some(kind) => kind == Type::Counter,
        None => name.ends_with("_total") && name.split('_').any(|part| EVENTS.contains(&part)),
    };
    // These keep the values of the counter, or add them up.
    let passed = |parent: &&&Expr| match &parent.kind {
        Kind::Paren(_) => true,
        Kind::Aggregation(one) => !leaves_the_values(one),
        _ => window(parent),
    };
    let mut outwards = above.iter().rev().filter(|parent| !passed(parent));
    let Some(Kind::Binary(binary)) = outwards.next().map(|parent| &parent.kind).filter(|_| counter) else { return };
    let ordered =
        matches!(binary.op, BinaryOp::Greater | BinaryOp::GreaterOrEqual | BinaryOp::Less | BinaryOp::LessOrEqual);
    let limit = ordered && constant(&binary.right).is_some();
    let guard = outwards.any(|parent| matches!(&parent.kind, Kind::Binary(one) if one.op.is_set()));
    if limit && !guard {
        let message = format!("the counter {name} is compared with a number, but it grows until the process restarts");
        report.part(
            LINT.id,
            Level::Warning,
            &rule.expr,
            part.span,
            message,
            "compare its increase() over a time range",
        );
    }
}
