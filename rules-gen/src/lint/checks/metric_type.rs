//! RG011: functions for counters on gauges, and the other way round.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::constant;
use crate::lint::metric_facts::Type;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Call, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG011",
    title: "counters and gauges are mixed up",
    level: Level::Error,
    text: "`rate()` of a gauge is noise that rarely reaches a limit; a counter compared with a number is true for ever once it was. An alert on the age of the oldest transaction, taken as a rate, stays at one however long it is open.",
    check: Check::Expr(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: rate(oldest_transaction_duration[5m]) > 120
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
  - alert: Errors
    expr: http_errors_total > 5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: oldest_transaction_duration > 120
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
  - alert: Errors
    expr: increase(http_errors_total[10m]) > 5
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
",
    )],
};

/// Functions on counters.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Functions on gauges.
const OF_GAUGES: [&str; 4] = ["delta", "idelta", "deriv", "predict_linear"];
/// Names that end so are levels by every convention.
const LEVELS: [&str; 8] =
    ["_bytes", "_seconds", "_ratio", "_info", "_percent", "_celsius", "_duration", "_timestamp_seconds"];

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
    if OF_COUNTERS.contains(&function)
        && let Kind::Subquery(subquery) = &argument.kind
        && let Kind::Aggregation(_) = subquery.expr.bare().kind
    {
        let message = format!("{function}() of an aggregation: a reset of one counter looks like a jump of the sum");
        report.word(LINT.id, Level::Error, &rule.expr, function, message, "take the rate first, then aggregate");
    }
    let Some(name) = argument.selector().and_then(Selector::metric) else { return };
    // What is recorded with a colon is a result already; its type is its own affair.
    if name.contains(':') {
        return;
    }
    let kind = context.options.known.kind(name);
    if OF_COUNTERS.contains(&function) {
        let level_by_name = kind.is_none() && LEVELS.iter().any(|ending| name.ends_with(ending));
        if kind == Some(Type::Gauge) || level_by_name {
            let level = if level_by_name { Level::Warning } else { Level::Error };
            let message = format!("{function}() is for counters, {name} is a gauge");
            report.word(LINT.id, level, &rule.expr, function, message, "use delta(), deriv() or the value itself");
        }
    }
    if OF_GAUGES.contains(&function) && kind == Some(Type::Counter) {
        let message = format!("{function}() does not know that the counter {name} begins anew");
        report.word(LINT.id, Level::Warning, &rule.expr, function, message, "use increase() or rate()");
    }
}

/// `x_total > 5`: true for ever once it was.
fn bare_counter(rule: &Rule, part: &Expr, above: &[&Expr], context: &Context<'_>, report: &mut Report<'_>) {
    let Some(one) = part.selector().filter(|one| one.range.is_none()) else { return };
    let Some(name) = one.metric() else { return };
    if !rule.alerts || context.options.known.kind(name) != Some(Type::Counter) || name.contains(':') {
        return;
    }
    let compared = above.iter().rev().find(|parent| !matches!(parent.kind, Kind::Paren(_) | Kind::Aggregation(_)));
    let Some(Kind::Binary(binary)) = compared.map(|parent| &parent.kind) else { return };
    let number = [&binary.left, &binary.right].into_iter().find_map(constant);
    if binary.op.compares() && number.is_some() {
        let message = format!("the counter {name} is compared with a number: it only grows until the process restarts");
        report.word(LINT.id, Level::Warning, &rule.expr, name, message, "compare increase() over a time");
    }
}
