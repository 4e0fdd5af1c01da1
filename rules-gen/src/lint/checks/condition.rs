//! RG018: alerts without a condition, or with an inverted condition.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::expr::{conditional, constant, filter, health, matchers};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG018",
    title: "no condition, or an inverted one",
    level: Level::Error,
    text: r"`up` is 1 while a target works: an alert with `up != 0` fires then, and resolves when the target fails. An alert without a comparison fires whenever its metric exists.",
    check: Check::Expr(check),
    found: &[
        Example::Group(
            r"
  - alert: ServiceDown
    expr: up != 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
        ),
        Example::Expr("pg_up == 1"),
        Example::Expr("sum by (pod) (endpoint_state{state=\"invalid\"})"),
        Example::Expr("changes(process_start_time_seconds[5m])"),
        Example::Expr("absent(vector(1))"),
        Example::Expr("absent(sum(requests) or vector(0))"),
    ],
    fine: &[
        Example::Expr("vector(1)"),
        Example::Expr("topic_info{ready!=\"True\"}"),
        Example::Expr("count by (name) (index_info{indexrelname=~\".*ccnew.*\"})"),
        Example::Expr("ALERTS{alertname=\"Other\", alertstate=\"firing\"}"),
        Example::Expr("brokers_up == 2"),
        Example::Expr("not_up == 1"),
        Example::Expr("link_not_up > 0"),
        Example::Expr("cluster_scale_up == 1"),
        Example::Expr("data_clean_up == 1"),
        Example::Expr("probe_not_success == 1"),
        Example::Expr("clock_seconds_passed > 1"),
        Example::Rules(SERVICE_DOWN),
    ],
};

/// Labels that every target has. A matcher on one of them is not a condition.
const OF_TARGETS: [&str; 8] = ["job", "instance", "namespace", "pod", "service", "endpoint", "container", "cluster"];

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    ast.walk(&mut |part, _| {
        if let Kind::Call(call) = &part.kind
            && call.function.text == "absent"
            && call.args.first().is_some_and(always)
        {
            let message = "absent() of an expression that always has a result never has one itself".to_owned();
            report.part(LINT.id, Level::Error, &rule.expr, part.span, message, "leave out vector() within absent()");
        }
    });
    let Some(one) = filter(ast.bare()) else {
        // An alert that always fires is meant to be a dead man's switch.
        if !conditional(ast) && !is_switch(rule, ast) && !tests_presence(ast) {
            let message = "the expression has no comparison, so the alert fires whenever the metric exists";
            report.at(LINT.id, Level::Warning, &rule.expr, message, "compare with a threshold");
        }
        return;
    };
    if let (Some(a), Some(b)) = (constant(&one.left), constant(&one.right)) {
        report.at(
            LINT.id,
            Level::Error,
            &rule.expr,
            format!("the comparison of {a} and {b} has always the same result"),
            "",
        );
    }
    // `up != 0` fires while the target is up.
    if let Some(health) = health(one)
        && health.true_while_healthy
        && !health.true_while_unhealthy
    {
        let name = health.metric;
        let message = format!("{name} is 1 while everything works: the alert fires then, and not during a fault");
        // The name of another metric may be misleading.
        let level = if health.certain { Level::Error } else { Level::Warning };
        report.word(LINT.id, level, &rule.expr, name, message, "invert the comparison with 0");
    }
}

/// Whether an expression has a result even if no series exists.
fn always(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call(call) => call.function.text == "vector",
        Kind::Binary(one) => one.op == BinaryOp::Or && (always(&one.left) || always(&one.right)),
        Kind::Aggregation(one) => {
            ["sum", "max", "min", "avg", "count", "group"].contains(&one.op.text.as_str()) && always(&one.expr)
        }
        _ => false,
    }
}

fn is_switch(rule: &Rule, ast: &Expr) -> bool {
    let none = rule.label("severity").is_some_and(|severity| severity.value == "none");
    none || matches!(&ast.bare().kind, Kind::Call(call) if call.function.text == "vector")
}

/// Whether the expression reads series that exist only when something is wrong: `ALERTS`, or a metric with a matcher on
/// one of its own labels (`topic_info{ready!="True"}`), directly, counted or aggregated.
fn tests_presence(ast: &Expr) -> bool {
    match &ast.bare().kind {
        Kind::Selector(one) => {
            let own = |name: &str| !OF_TARGETS.contains(&name);
            one.metric().is_some_and(|name| name.starts_with("ALERTS")) || matchers(one).any(|m| own(&m.name.text))
        }
        Kind::Aggregation(one) if ["max", "min", "group", "count"].contains(&one.op.text.as_str()) => {
            tests_presence(&one.expr)
        }
        // Info metrics are always 1, so their sum is their number.
        Kind::Aggregation(one) if one.op.text == "sum" => {
            let fact = |one: &Selector| one.metric().is_some_and(|name| name.ends_with("_info"));
            one.expr.bare().selector().is_some_and(fact) && tests_presence(&one.expr)
        }
        Kind::Call(call) if ["label_replace", "label_join"].contains(&call.function.text.as_str()) => {
            call.args.first().is_some_and(tests_presence)
        }
        Kind::Call(call) if ["last_over_time", "present_over_time"].contains(&call.function.text.as_str()) => {
            call.args.first().is_some_and(tests_presence)
        }
        // A join keeps only series that both sides have.
        Kind::Binary(one) if !one.op.is_set() => tests_presence(&one.left) || tests_presence(&one.right),
        Kind::Binary(one) if one.op == BinaryOp::And => tests_presence(&one.left) || tests_presence(&one.right),
        _ => false,
    }
}
