//! RG016: divisions by a value that is zero while nothing happens.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{conditional, constant, filter, function, is_scalar};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG016",
    title: "division by a value that can be zero",
    level: Level::Warning,
    text: "Without traffic a rate is zero, and 0 / 0 is NaN. A comparison with `>` or `<` drops NaN, but a sum or an average does not: one instance without traffic makes the result NaN for all of them, and the alert cannot fire. A comparison with `!=` is always true for NaN. Where 0 means \"no limit\" (`container_spec_memory_limit_bytes`), the quotient is +Inf, which is above every threshold.\n\nA plain quotient compared with `>` or `<` is not reported.",
    check: Check::Expr(check),
    found: &[
        Example::Expr("avg by (job) (rate(errors_total[5m]) / rate(requests_total[5m])) > 0.1"),
        Example::Expr("sum by (job) (rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])) * 1000 > 500"),
        Example::Expr("avg_over_time((rate(a_total[5m]) / rate(b_total[5m]))[1h:1m]) > 1"),
        Example::Expr("rate(a_total[5m]) / rate(b_total[5m]) != 1"),
        Example::Expr("container_memory_working_set_bytes / container_spec_memory_limit_bytes > 0.9"),
    ],
    fine: &[
        Example::Expr("avg by (job) (rate(errors_total[5m]) / (rate(requests_total[5m]) > 0)) > 0.1"),
        Example::Expr("sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.1"),
        Example::Expr("rate(hits_total[5m]) / (rate(hits_total[5m]) + rate(misses_total[5m])) < 0.5"),
        Example::Expr("max by (job) (rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])) > 1"),
        Example::Expr("sum(rate(a_total[5m]) / clamp_min(rate(b_total[5m]), 1)) > 1"),
        Example::Expr("avg(rate(a_total[5m]) / rate(b_total[5m]) and rate(b_total[5m]) > 0) > 1"),
        Example::Expr("container_memory_working_set_bytes / (container_spec_memory_limit_bytes > 0) > 0.9"),
        Example::Expr("container_memory_working_set_bytes / container_spec_memory_limit_bytes > 0.9 < +Inf"),
        Example::Expr("(container_memory_working_set_bytes / container_spec_memory_limit_bytes != Inf) > 0.9"),
    ],
};

/// Metrics that are 0 when there is no limit.
const ZERO_IS_UNLIMITED: [&str; 3] =
    ["container_spec_memory_limit_bytes", "redis_memory_max_bytes", "redis_config_maxmemory"];
/// Aggregations that return `NaN` if one of their values is `NaN`. `max` and `min` skip it.
const SPOILED: [&str; 5] = ["sum", "avg", "stddev", "stdvar", "quantile"];

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    ast.walk(&mut |part, above| {
        let Kind::Binary(one) = &part.kind else { return };
        if one.op != BinaryOp::Div || is_scalar(&one.right) || guarded(&one.right, above) {
            return;
        }
        if let Some(name) = unlimited(&one.right)
            .filter(|_| rule.alerts && fires_when_infinite(above) && !above.iter().any(|parent| drops_infinity(parent)))
        {
            let message =
                format!("{name} is 0 where no limit is set: the quotient is +Inf, which is above every threshold");
            report.part(LINT.id, Level::Warning, &rule.expr, one.right.span, message, "divide by (... > 0)");
        } else if let Some(by) = is_rate(&one.right).then(|| spoiled_by(above)).flatten() {
            let message =
                format!("0 / 0 is NaN when there is no traffic, and {by} of it is NaN for all other series too");
            report.part(LINT.id, Level::Warning, &rule.expr, one.right.span, message, "divide by (... > 0)");
        }
    });
}

/// Whether the divisor contains a rate, which is zero when nothing happens.
fn is_rate(divisor: &Expr) -> bool {
    let mut rates = false;
    divisor.walk(&mut |part, _| {
        rates |= function(part).is_some_and(|name| ["rate", "irate", "increase", "delta"].contains(&name));
    });
    rates
}

/// Whether something keeps the divisor above zero: a comparison, `clamp_min`, an added number, or `and`.
fn guarded(divisor: &Expr, above: &[&Expr]) -> bool {
    let mut floor = false;
    divisor.walk(&mut |part, _| {
        floor |= function(part) == Some("clamp_min");
        floor |= matches!(&part.kind, Kind::Binary(one) if one.op == BinaryOp::Add
            && (constant(&one.left).is_some() || constant(&one.right).is_some()));
    });
    let and = |parent: &&Expr| matches!(&parent.kind, Kind::Binary(one) if one.op == BinaryOp::And && conditional(&one.right));
    floor || conditional(divisor) || above.iter().any(and)
}

fn unlimited(divisor: &Expr) -> Option<&str> {
    divisor.selectors().into_iter().filter_map(Selector::metric).find(|name| ZERO_IS_UNLIMITED.contains(name))
}

/// Whether the next comparison around the quotient is `>` or `>=` with a number.
fn fires_when_infinite(above: &[&Expr]) -> bool {
    let comparison = above.iter().rev().find_map(|parent| match &parent.kind {
        Kind::Binary(one) if one.op.compares() => Some(one),
        _ => None,
    });
    comparison.is_some_and(|one| {
        matches!(one.op, BinaryOp::Greater | BinaryOp::GreaterOrEqual) && constant(&one.right).is_some()
    })
}

/// Whether a comparison drops +Inf: `< +Inf` or `!= +Inf`.
fn drops_infinity(parent: &Expr) -> bool {
    filter(parent).is_some_and(|one| {
        matches!(one.op, BinaryOp::Less | BinaryOp::NotEqual) && constant(&one.right) == Some(f64::INFINITY)
    })
}

/// Returns what `NaN` makes wrong: an aggregation, a function over a range, or `!=`, which is always true for `NaN`.
fn spoiled_by(above: &[&Expr]) -> Option<String> {
    for parent in above.iter().rev() {
        match &parent.kind {
            Kind::Aggregation(one) => {
                let name = one.op.text.as_str();
                return SPOILED.contains(&name).then(|| format!("{name}()"));
            }
            Kind::Call(call) => {
                if let Some(what) = call.function.text.strip_suffix("_over_time") {
                    return SPOILED.contains(&what).then(|| format!("{what}_over_time()"));
                }
            }
            Kind::Binary(one) if one.op.compares() => {
                let differs = one.op == BinaryOp::NotEqual && constant(&one.right).is_some();
                return differs.then(|| "!=".to_owned());
            }
            Kind::Binary(one) if one.op.is_set() => return None,
            _ => {}
        }
    }
    None
}
