//! Checks the variables of a dashboard, and whether the queries use them.

use super::source::{Language, fixed, language};
use crate::lint::expr::matchers;
use crate::lint::metric_facts::{MetricFacts, Type};
use crate::lint::report::{Level, Report};
use crate::promql::mistakes;
use promql::{Expr, Kind, Modifiers};
use serde_json::Value;

/// The target labels by which a dashboard should be filtered.
const CHOSEN: [&str; 2] = ["job", "instance"];

/// Checks the variables: whether they are refreshed with the time range, whether their queries parse, and whether job
/// and instance can be chosen.
pub(super) fn check(variables: &[Value], report: &mut Report<'_>) {
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let name = variable["name"].as_str().unwrap_or_default();
        let near = format!("{}", Value::from(name));
        if variable["refresh"] != 2 {
            let message = format!("the variable {name} is not refreshed when the time range changes");
            report.near("RG050", Level::Info, &near, message, "set refresh to 2");
        }
        let query = variable["query"]["query"].as_str().or(variable["query"].as_str()).unwrap_or_default();
        if let Some(uid) = fixed(variable) {
            let message = format!(
                "the variable {name} uses the fixed data source {uid}, which other Grafana servers do not have"
            );
            report.near("RG050", Level::Warning, &near, message, "use a variable of type datasource instead");
        }
        if language(&[variable], variables) == Language::Promql
            && let Err(why) = check_query(query)
        {
            let message = format!("the query of the variable {name} {why}");
            report.near("RG050", Level::Error, &near, message, query);
        }
    }
    for label in CHOSEN {
        let there = variables.iter().find(|variable| variable["name"] == label);
        let whole = there.is_some_and(|variable| variable["multi"] == true && variable["includeAll"] == true);
        if !whole {
            let message = format!("the dashboard has no variable to select one, several or all values of {label}");
            let fix = "add a query variable with multi and includeAll";
            report.near("RG050", Level::Info, "\"templating\"", message, fix);
        }
    }
}

/// Checks `label_values(SELECTOR, label)` and `query_result(EXPR)`. Returns why Grafana gets no values.
fn check_query(query: &str) -> Result<(), String> {
    let arguments = |function: &str| query.trim().strip_prefix(function)?.trim_start().strip_prefix('(');
    let (expr, of_labels) = match (arguments("label_values"), arguments("query_result")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return Ok(()),
    };
    let expr = expr.strip_suffix(')').ok_or("has no closing bracket")?;
    let expr = if of_labels { expr.rsplit_once(',').map(|(expr, _)| expr) } else { Some(expr) };
    let Some(expr) = expr else { return Ok(()) };
    let parsed = promql::parse_with_variables(expr);
    let ast = parsed.map_err(|errors| format!("does not parse: {}", mistakes(&errors, expr)))?.expr;
    let selects = match &ast.kind {
        Kind::Selector(one) => one.range.is_none() && one.modifiers == Modifiers::default(),
        Kind::Variable(_) => true,
        _ => false,
    };
    if of_labels && !selects {
        return Err(
            "is refused by Prometheus: label_values() takes a selector, and query_result() an expression".to_owned()
        );
    }
    Ok(())
}

/// Checks a query: whether it filters by the chosen job and instance, and whether it shows counters as rates.
pub(super) fn query(ast: &Expr, variables: &[Value], known: &MetricFacts, near: &str, report: &mut Report<'_>) {
    let all = ast.selectors();
    for label in CHOSEN.iter().filter(|label| variables.iter().any(|variable| variable["name"] == **label)) {
        let chosen = |name: &str, value: &str| name == *label && value.starts_with('$');
        if let Some(one) =
            all.iter().find(|one| !matchers(one).any(|matcher| chosen(&matcher.name.text, &matcher.value)))
        {
            let name = one.metric().unwrap_or_default();
            let message = format!("the query of {name} ignores the variable {label}");
            report.near("RG050", Level::Info, near, message, &format!("{label}=~\"${label}\""));
        }
    }
    ast.walk(&mut |part, above| {
        let Some(one) = part.selector().filter(|one| one.range.is_none()) else { return };
        let Some(name) = one.metric().filter(|name| known.kind(name) == Some(Type::Counter)) else { return };
        // Functions such as `absent()` and `timestamp()` do not show the counter's value.
        if !name.contains(':') && !above.iter().any(|parent| matches!(parent.kind, Kind::Call(_) | Kind::Subquery(_))) {
            let message = format!("the counter {name} is shown as its total since the process started");
            report.near("RG050", Level::Info, near, message, "use rate(), irate() or increase()");
        }
    });
}
