//! RG021: `absent()` where the absence of series is normal.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{BinaryOp, Call, Expr, Kind, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG021",
    title: "absent() that fires without a fault",
    level: Level::Error,
    text: "`absent()` without `for` fires whenever Prometheus or the target restarts. `absent()` of a metric that has series only during a fault fires while everything works.",
    check: Check::Expr(check),
    found: &[Example::Rules(
        r#"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: absent(up{job="api"})
    labels:
      severity: warning
    annotations:
      summary: Something is wrong.
      description: Look at the dashboard.
"#,
    )],
    fine: &[
        Example::Expr(r#"absent(up{job="api"})"#),
        Example::Rules(
            r#"
groups:
- name: example
  rules:
  - alert: ServiceGone
    expr: absent_over_time(up{job="api"}[10m])
    labels: {severity: warning}
    annotations: {summary: The service is gone., description: Look at the dashboard.}
"#,
        ),
    ],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    // `absent()` joined by `and` or `unless` is only one of several conditions, and does not fire alone.
    let one_of_several = |above: &[&Expr]| {
        above.iter().any(
            |parent| matches!(&parent.kind, Kind::Binary(one) if matches!(one.op, BinaryOp::And | BinaryOp::Unless)),
        )
    };
    ast.walk(&mut |part, above| match &part.kind {
        Kind::Call(call) if call.function.text.starts_with("absent") && rule.alerts && !one_of_several(above) => {
            absence(rule, call, context, report);
        }
        _ => {}
    });
}

fn absence(rule: &Rule, call: &Call, context: &Context<'_>, report: &mut Report<'_>) {
    let of = call.args.first().map(Expr::bare);
    // absent_over_time() waits by its range.
    let range = of.and_then(Expr::selector).and_then(|one| one.range.as_ref()?.seconds());
    let waits = range.is_some_and(|range| range >= 2.0 * context.options.scrape_interval);
    if rule.pending == 0.0 && !waits {
        let message = "absent() without `for` fires at every restart of Prometheus or of the target".to_owned();
        report.word(LINT.id, Level::Warning, &rule.expr, "absent", message, "set `for` to a few scrape intervals");
    }
    let name = of.and_then(Expr::selector).and_then(Selector::metric);
    if let Some(name) = name.filter(|name| context.options.known.get(name).is_some_and(|fact| fact.sparse)) {
        let message = format!("{name} has no series while everything works, so absent() fires then");
        report.word(
            LINT.id,
            Level::Error,
            &rule.expr,
            name,
            message,
            "alert on the result of the check instead, for example checklist_check_last_success_timestamp_seconds",
        );
    }
}
