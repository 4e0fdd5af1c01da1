//! Checks the variables of a dashboard, and whether the queries use them.

use super::source::{Language, fixed, language};
use crate::lint::expr::matchers;
use crate::lint::metric_facts::{MetricFacts, Type};
use crate::lint::report::{Level, Report};
use crate::promql::mistakes;
use promql::{Expr, Kind};
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
        if let Some(expr) = inside(query).filter(|_| language(&[variable], variables) == Language::Promql)
            && let Err(why) = promql::parse_with_variables(expr)
        {
            let message = format!("the query of the variable {name} does not parse: {}", mistakes(&why, expr));
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

/// Returns the expression in `label_values(EXPR, label)` or `query_result(EXPR)`.
fn inside(query: &str) -> Option<&str> {
    let arguments = |function: &str| query.trim().strip_prefix(function)?.trim().strip_prefix('(')?.strip_suffix(')');
    if let Some(arguments) = arguments("label_values") {
        return arguments.rsplit_once(',').map(|(expr, _)| expr);
    }
    arguments("query_result")
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
