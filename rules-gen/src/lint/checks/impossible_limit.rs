//! RG022: comparisons with a limit outside of the values that the metric can have.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{constant, filter, health, leaves_the_values};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Binary, BinaryOp, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG022",
    title: "threshold outside the range of the metric",
    level: Level::Error,
    text: "A timestamp is not an age, and `up` is 0 or 1: with a threshold outside the possible values an alert never fires, or always does. An empty result has no number of series: `count(x) == 0` is never true, `absent(x)` is. A ratio is 1 at most and a percentage 100 at most; for metrics that are not in the catalog this is an info, because a name may be misleading.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("last_backup_timestamp_seconds > 86400"),
        Example::Expr("probe_success == 2"),
        Example::Expr("disk_used_ratio > 80"),
        Example::Expr("start_timestamp_seconds < 1000"),
        Example::Expr(r#"count(up{job="x"} == 1) == 0"#),
        Example::Expr("sum(count by (job) (up)) < 1"),
        Example::Expr("group(requests) == 0"),
        Example::Expr("absent(requests) > 1"),
        Example::Expr("count_over_time(requests[5m]) <= 0"),
        Example::Expr("count(requests or vector(0)) == 0"),
        Example::Expr("count(requests) == 0 or absent(requests)"),
    ],
    fine: &[
        Example::Expr("time() - last_backup_timestamp_seconds > 86400"),
        Example::Expr("avg by (name) (certificate_expiration_timestamp_seconds - time()) < 21 * 24 * 3600"),
        Example::Expr("brokers_up < 3"),
        Example::Expr("count(last_backup_timestamp_seconds > 0) < 3"),
        Example::Expr("process_cpu_percent > 200"),
        Example::Expr("disk_used_ratio > 0.8"),
        Example::Expr("time() - last_backup_timestamp_seconds > 3600 and last_backup_timestamp_seconds > 1"),
        Example::Expr("last_backup_timestamp_seconds < 1"),
        Example::Expr("(count(up == 1) or vector(0)) == 0"),
        Example::Expr("(count(up) - count(up == 1)) == 0"),
        Example::Expr("count by (job) (up == 1) < 2"),
        Example::Expr("absent(requests) == 1"),
    ],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| {
        if let Kind::Binary(one) = &part.kind {
            domain(rule, one, report);
        }
        if let Some(one) = filter(part) {
            number_of_series(rule, part, one, above, report);
        }
    });
    if let Some(health) = filter(ast.bare()).filter(|_| rule.alerts).and_then(health)
        && !health.true_while_healthy
        && !health.true_while_unhealthy
    {
        let message = format!("{} is 0 or 1, so this is never true", health.metric);
        // The name of another metric may be misleading.
        let level = if health.certain { Level::Error } else { Level::Warning };
        report.word(LINT.id, level, &rule.expr, health.metric, message, "== 0");
    }
}

/// Returns the least and the largest value of an expression that counts series or samples. It has no value where there
/// is nothing to count.
fn bounds(side: &Expr) -> Option<(f64, f64)> {
    match &side.bare().kind {
        Kind::Aggregation(one) => match one.op.text.as_str() {
            "count" => Some((1.0, f64::INFINITY)),
            "group" => Some((1.0, 1.0)),
            "max" | "min" | "avg" => bounds(&one.expr),
            "sum" => bounds(&one.expr).map(|(least, _)| (least, f64::INFINITY)),
            _ => None,
        },
        Kind::Call(call) => match call.function.text.as_str() {
            "count_over_time" => Some((1.0, f64::INFINITY)),
            "present_over_time" | "absent" | "absent_over_time" => Some((1.0, 1.0)),
            _ => None,
        },
        _ => None,
    }
}

/// Reports a comparison that no number of series can fulfil.
#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
fn number_of_series(rule: &Rule, part: &Expr, one: &Binary, above: &[&Expr], report: &mut Report<'_>) {
    let Some(((least, most), limit)) = bounds(&one.left).zip(constant(&one.right)) else { return };
    let never = match one.op {
        BinaryOp::Equal => limit < least || limit > most,
        BinaryOp::NotEqual => limit == least && limit == most,
        _ => never(one.op, limit, least, most),
    };
    if !never {
        return;
    }
    // Then the rest of the expression may be what the alert is for.
    let is_a_part =
        |parent: &&Expr| matches!(&parent.kind, Kind::Binary(one) if matches!(one.op, BinaryOp::Or | BinaryOp::Unless));
    let level = if above.iter().any(is_a_part) { Level::Info } else { Level::Error };
    let value = if most > least { "at least 1" } else { "1" };
    let message = format!("this is never true: a value here is {value}, and an empty result has no value");
    let fix = "absent(x) finds missing series, and (count(x) or vector(0)) == 0 a number of none";
    report.part(LINT.id, level, &rule.expr, part.span, message, fix);
}

/// Whether an ordered comparison is false for all values from `least` to `most`.
fn never(op: BinaryOp, limit: f64, least: f64, most: f64) -> bool {
    match op {
        BinaryOp::Greater => limit >= most,
        BinaryOp::GreaterOrEqual => limit > most,
        BinaryOp::Less => limit <= least,
        BinaryOp::LessOrEqual => limit < least,
        _ => false,
    }
}

/// Whether an expression returns values of the metric itself, and not a count, a rate or the like.
fn is_value(mut side: &Expr) -> bool {
    loop {
        side = match &side.kind {
            Kind::Selector(_) => return true,
            Kind::Aggregation(one) if !leaves_the_values(one) => one.expr.bare(),
            Kind::Call(call) => {
                let windows = ["min", "max", "avg", "last", "first", "quantile"];
                match (call.args.last(), call.function.text.strip_suffix("_over_time")) {
                    (Some(arg), Some(what)) if windows.contains(&what) => arg.bare(),
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
}

/// Endings of metric names that are timestamps in seconds.
const TIMESTAMPS: [&str; 3] = ["_timestamp_seconds", "_start_time_seconds", "_boot_time_seconds"];
/// Other names of timestamps: the ends of certificates.
const CERTIFICATES: [&str; 3] = ["probe_ssl_earliest_cert_expiry", "x509_cert_not_after", "x509_cert_not_before"];

fn domain(rule: &Rule, one: &Binary, report: &mut Report<'_>) {
    let Some(limit) = constant(&one.right).filter(|_| one.op.compares()) else { return };
    let side = one.left.bare();
    let names: Vec<&str> = side.selectors().into_iter().filter_map(Selector::metric).collect();
    let [name] = names.as_slice() else { return };
    if !is_value(side) {
        return;
    }
    let ours = name.starts_with("checklist_");
    // Other exporters have metrics whose names break the conventions: shares in percent, ratios above one.
    let by_name = if ours { Level::Error } else { Level::Info };
    let never = |least: f64, most: f64| never(one.op, limit, least, most);
    let share = name.ends_with("_ratio") && never(0.0, 1.0);
    // A mean over time of 0 and 1 compared with a percentage.
    let health = ["up", "probe_success"].contains(name) && matches!(side.kind, Kind::Call(_)) && never(0.0, 1.0);
    // The usage of several CPU cores exceeds 100 percent.
    let percent = name.ends_with("_percent") && !name.contains("cpu") && never(0.0, 100.0);
    let level = if health {
        Level::Error
    } else if share || percent {
        by_name
    // 1e8 seconds are a day in 1973. No timestamp is that early, but ages are that small. Zero often means that there
    // is not a timestamp, and a comparison with 0 or 1 asks whether there is one.
    } else if (TIMESTAMPS.iter().any(|ending| name.ends_with(ending)) || CERTIFICATES.contains(name))
        && limit.abs() < 1e8
        && limit.abs() > 1.0
        && !matches!(one.op, BinaryOp::Equal | BinaryOp::NotEqual)
    {
        Level::Error
    } else {
        return;
    };
    let message = format!("{name} {} {limit} compares with a value that the metric cannot have", one.op);
    report.word(
        LINT.id,
        level,
        &rule.expr,
        name,
        message,
        "check the unit: a ratio is 1 at most, an age is time() minus the timestamp",
    );
}
