//! RG019: results with a label `alertname`, which the alert's own name overwrites.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::labels::labels;
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::Expr;

pub(super) static LINT: Lint = Lint {
    id: "RG019",
    title: "the alert overwrites the label alertname of its result",
    level: Level::Error,
    text: "Prometheus replaces the label `alertname` of a result by the name of the rule. Series that differ only in that label become duplicates, the evaluation fails, and the alert never fires.",
    check: Check::Expr(check),
    found: &[Example::Expr(r#"sum by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1d])) > 100"#)],
    fine: &[Example::Expr(
        r#"sum by (alert) (label_replace(count_over_time(ALERTS{alertstate="firing"}[1d]), "alert", "$1", "alertname", "(.*)")) > 100"#,
    )],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let name = "alertname";
    if !ast.selectors().iter().any(|one| one.metric().is_some_and(|metric| metric.starts_with("ALERTS"))) {
        return;
    }
    let result = labels(ast, &context.options.known);
    // With a fixed `alertname`, the series differ in other labels.
    if result.may_have(name) && !result.fixed.contains_key(name) {
        let message =
            format!("the name of the rule replaces the label {name} of the result, and series become duplicates");
        report.at(
            LINT.id,
            Level::Error,
            &rule.expr,
            message,
            "copy it to another label with label_replace(), and aggregate by that one",
        );
    }
}
