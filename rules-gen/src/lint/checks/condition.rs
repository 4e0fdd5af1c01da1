//! RG018: alerts without a condition, or with the opposite of the one that was meant.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{conditional, constant, filter, health};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::Expr;

pub(super) static LINT: Lint = Lint {
    id: "RG018",
    title: "no condition, or the wrong way round",
    level: Level::Error,
    text: r#"`up` is 1 while all is well: `up != 0` fires then, and falls silent when the service breaks. Such an alert was published for years as "is down"."#,
    check: Check::Expr(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up != 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
};

fn check(rule: &Rule, ast: &Expr, _: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let watchdog = rule.label("severity").is_some_and(|severity| severity.value == "none");
    if let Some(one) = filter(ast.bare()) {
        if let (Some(a), Some(b)) = (constant(&one.left), constant(&one.right)) {
            report.at(LINT.id, Level::Error, &rule.expr, format!("compares {a} with {b}, which never changes"), "");
        }
        // `up != 0` fires while all is well.
        if let Some(health) = health(one)
            && health.holds_well
            && !health.holds_ill
        {
            let name = health.metric;
            let message = format!("{name} is 1 while all is well: the alert fires then, and is silent when it breaks");
            report.word(LINT.id, Level::Error, &rule.expr, name, message, "compare with 0 the other way round");
        }
    } else if !conditional(ast) && !watchdog {
        let message = "no comparison: it fires whenever the metric is there";
        report.at(LINT.id, Level::Warning, &rule.expr, message, "compare with a limit");
    }
}
