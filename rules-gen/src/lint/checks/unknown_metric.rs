//! RG010: metrics, labels and label values that do not exist.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::expr::matchers;
use crate::lint::metric_facts::{FEW, OF_TARGETS};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use checklist::yaml::hint;
use promql::{Expr, MatchOp, Matcher, Selector};

pub(super) static LINT: Lint = Lint {
    id: "RG010",
    title: "unknown metric, label or value",
    level: Level::Error,
    text: "An alert on a metric that does not exist never fires, nor does one on a label or a value that the metric does not have. The metrics of checklist-exporter are always known; for all others, give a scrape with `--catalog-from`, or a server with `--live`.",
    check: Check::Expr(check),
    found: &[Example::Expr("checklist_check_pased == 0")],
    fine: &[Example::Expr("checklist_check_passed == 0")],
};

fn check(rule: &Rule, ast: &Expr, context: &Context<'_>, report: &mut Report<'_>) {
    for one in ast.selectors() {
        if let Some(name) = one.metric() {
            exists(rule, one, name, context, report);
        }
    }
}

fn exists(rule: &Rule, one: &Selector, name: &str, context: &Context<'_>, report: &mut Report<'_>) {
    let known = &context.options.known;
    let own = ["ALERTS", "ALERTS_FOR_STATE", "up"].contains(&name) || name.starts_with("scrape_");
    let Some(fact) = known.get(name) else {
        let ours = name.starts_with("checklist_");
        if (known.complete || ours) && !own && !context.recorded.contains(name) {
            let hint = hint(name, &known.names().collect::<Vec<_>>());
            report.word(LINT.id, Level::Error, &rule.expr, name, format!("unknown metric {name}{hint}"), "");
        }
        return;
    };
    for matcher in matchers(one) {
        let there = fact.labels.contains(&matcher.name.text) || OF_TARGETS.contains(&matcher.name.text.as_str());
        let asks = matcher.op == MatchOp::Equal && !matcher.value.is_empty();
        if asks && !there && !fact.labels.is_empty() {
            let message = format!("{name} has no label {}", matcher.name.text);
            let fix = format!("its labels: {}", fact.labels.iter().cloned().collect::<Vec<_>>().join(", "));
            report.word(LINT.id, Level::Warning, &rule.expr, &matcher.name.text, message, &fix);
        }
        let values = fact.values.get(&matcher.name.text).filter(|_| asks && there);
        if let Some(values) = values.filter(|values| !values.contains(&*matcher.value) && values.len() <= most(matcher))
        {
            let level = if matcher.name.text == "check" { Level::Warning } else { Level::Info };
            let hint = hint(&matcher.value, &values.iter().map(String::as_str).collect::<Vec<_>>());
            let message = format!("{name} has no series with {}={:?}{hint}", matcher.name.text, &*matcher.value);
            report.word(LINT.id, level, &rule.expr, &matcher.value, message, "");
        }
    }
}

/// Returns the number of known values of a label up to which an unknown value is reported. All checks of the catalog
/// are known; of other labels a scrape may not show all values, so they must be few.
fn most(matcher: &Matcher) -> usize {
    if matcher.name.text == "check" { usize::MAX } else { FEW }
}
