//! Checks that the variables in the queries of a dashboard are defined. Grafana leaves an undefined variable in the
//! query, which then selects nothing.

use super::model::panels;
use crate::lint::report::{Level, Report};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A variable: `$name`, `${name:format}`, `${name.field}` or `[[name]]`. `$1` belongs to a regular expression.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)[^{}]*\}|\[\[([A-Za-z_]\w*)[^\[\]]*\]\]")
        .unwrap_or_else(|error| panic!("{error}"))
});

/// Reports each variable that is used and not defined, at the first panel that uses it.
pub(super) fn check(dashboard: &Value, variables: &[Value], report: &mut Report<'_>) {
    // Grafana asks for the values of inputs when the dashboard is imported.
    let inputs = dashboard["__inputs"].as_array().into_iter().flatten();
    let defined = variables.iter().chain(inputs).filter_map(|one| one["name"].as_str());
    let mut known: BTreeSet<&str> = defined.collect();
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().unwrap_or_default();
        let targets = panel["targets"].as_array().into_iter().flatten();
        for expr in targets.filter_map(|target| target["expr"].as_str()) {
            for name in used(expr) {
                // Grafana's own variables begin with two underscores.
                if name.starts_with("__") || !known.insert(name) {
                    continue;
                }
                report.about(Some(title.to_owned()));
                let message = format!("the query uses the variable {name}, which the dashboard does not define");
                let fix = "define the variable, or correct its name";
                report.near("RG050", Level::Warning, &Value::from(title).to_string(), message, fix);
            }
        }
    }
}

fn used(expr: &str) -> impl Iterator<Item = &str> {
    VARIABLE.captures_iter(expr).filter_map(|found| (1..4).find_map(|at| found.get(at))).map(|name| name.as_str())
}
