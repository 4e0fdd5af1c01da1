//! RG019: results with a label `alertname`, which the alert's own name overwrites.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::{matchers, whole};
use crate::lint::labels::{Labels, labels};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use promql::{Expr, Kind, MatchOp, Matcher, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG019",
    title: "the alert overwrites the label alertname of its result",
    level: Level::Error,
    text: "Prometheus replaces the label `alertname` of a result by the name of the rule. Series that differ only in that label become duplicates, the evaluation fails, and the alert never fires. `label_replace()` can copy the label to another one before; the selector must then leave out the alert itself.",
    check: Check::Expr(check),
    found: &[
        Example::Expr(r#"sum by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1d])) > 100"#),
        Example::Expr(r#"label_replace(ALERTS{alertstate="firing"}, "original", "$1", "alertname", "(.*)")"#),
        Example::Expr(
            r#"sum by (alertname) (label_replace(ALERTS{alertname!="Example"}, "original", "$1", "alertname", "(.*)")) > 1"#,
        ),
    ],
    fine: &[
        Example::Expr(
            r#"sum by (alert) (label_replace(count_over_time(ALERTS{alertstate="firing"}[1d]), "alert", "$1", "alertname", "(.*)")) > 100"#,
        ),
        Example::Expr(
            r#"label_replace(ALERTS{alertstate="firing", alertname!="Example"}, "original", "$1", "alertname", "(.*)")"#,
        ),
        Example::Expr(r#"label_join(ALERTS{alertname=~"Disk.*"}, "original", "-", "alertname", "alertstate") == 1"#),
    ],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let name = "alertname";
    let selectors = ast.selectors();
    let of_alerts = |one: &&&Selector| one.metric().is_some_and(|metric| metric.starts_with("ALERTS"));
    let mut of_alerts = selectors.iter().filter(of_alerts).peekable();
    if of_alerts.peek().is_none() {
        return;
    }
    let result = labels(ast, &context.options.known);
    // The alert's own series would be copied too, in place of the series that they come from.
    if copied(ast, &result) && of_alerts.all(|one| leaves_out(one, &rule.name.value)) {
        return;
    }
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

/// Whether the result has a label with a copy of `alertname`.
fn copied(ast: &Expr, result: &Labels<'_>) -> bool {
    let mut copied = false;
    ast.walk(&mut |part, _| {
        let Kind::Call(call) = &part.kind else { return };
        let texts: Vec<&str> = call.args.iter().map(text).collect();
        copied |= match (call.function.text.as_str(), texts.as_slice()) {
            ("label_replace", [_, target, _, source, ..]) => *source == "alertname" && is_other(target, result),
            ("label_join", [_, target, _, sources @ ..]) => sources.contains(&"alertname") && is_other(target, result),
            _ => false,
        };
    });
    copied
}

/// Whether the result keeps this label, and the alert does not overwrite it.
fn is_other(label: &str, result: &Labels<'_>) -> bool {
    label != "alertname" && result.may_have(label)
}

/// Returns the text of a literal.
fn text(expr: &Expr) -> &str {
    match &expr.bare().kind {
        Kind::String(text) => text,
        _ => "",
    }
}

/// Whether a selector does not select the series of the alert with this name.
fn leaves_out(selector: &Selector, alert: &str) -> bool {
    let misses = |matcher: &Matcher| {
        let matches = whole(&matcher.value).is_some_and(|pattern| pattern.is_match(alert));
        match matcher.op {
            MatchOp::Equal => *matcher.value != *alert,
            MatchOp::NotEqual => *matcher.value == *alert,
            MatchOp::Regex => !matches,
            MatchOp::NotRegex => matches,
        }
    };
    matchers(selector).any(|matcher| matcher.name.text == "alertname" && misses(matcher))
}
