//! Lints Grafana dashboards: the rules of Grafana's dashboard-linter, and whether the metrics exist.

pub(super) mod context;
pub(super) mod limits;
pub(super) mod links;
mod logql;
pub(super) mod model;
mod references;
mod source;
mod variables;

use super::report::{Level, Report};
use crate::promql::mistakes;
use context::DashboardContext;
use model::panels;
use promql::{Selector, Type};
use serde_json::Value;
use source::{Language, fixed, language};

/// Types of panels that show data, so that they are empty without a query.
const SHOWS_DATA: [&str; 13] = [
    "timeseries",
    "stat",
    "gauge",
    "bargauge",
    "table",
    "heatmap",
    "histogram",
    "piechart",
    "barchart",
    "state-timeline",
    "status-history",
    "logs",
    "graph",
];
/// Types of panels that newer versions of Grafana replace or do not show.
const GONE: [&str; 5] = ["graph", "singlestat", "table-old", "grafana-piechart-panel", "grafana-worldmap-panel"];

/// Runs every check on a dashboard.
pub(super) fn check(dashboard: &Value, context: &DashboardContext<'_>, report: &mut Report<'_>) {
    let mut finding =
        |level: Level, near: &str, message: String, fix: &str| report.near("RG050", level, near, message, fix);
    if dashboard["editable"] != false {
        finding(
            Level::Info,
            "\"editable\"",
            "the dashboard is editable, but edits are lost when it is provisioned again".to_owned(),
            "set editable to false",
        );
    }
    let variables = dashboard["templating"]["list"].as_array().map(Vec::as_slice).unwrap_or_default();
    let source = variables.iter().find(|variable| variable["type"] == "datasource");
    match source {
        None => finding(
            Level::Info,
            "\"templating\"",
            "the dashboard has no data source variable, so all panels use the default data source".to_owned(),
            "add a variable of type datasource",
        ),
        Some(source) if source["label"] != "Data source" => {
            finding(
                Level::Info,
                "\"datasource\"",
                "the label of the data source variable is not \"Data source\"".to_owned(),
                "",
            );
        }
        Some(_) => {}
    }
    variables::check(variables, report);
    references::check(dashboard, variables, report);
    annotations(dashboard, variables, report);
    links::check(dashboard, context.uids, report);
    deprecated(dashboard, report);
    for panel in panels(dashboard) {
        check_panel(panel, variables, context, report);
    }
}

/// Reports queries of annotations that do not parse.
fn annotations(dashboard: &Value, variables: &[Value], report: &mut Report<'_>) {
    for annotation in dashboard["annotations"]["list"].as_array().into_iter().flatten() {
        let Some(expr) = annotation["expr"].as_str().filter(|expr| !expr.trim().is_empty()) else { continue };
        if language(&[annotation], variables) == Language::Promql
            && let Err(errors) = promql::parse_with_variables(expr)
        {
            let name = annotation["name"].as_str().unwrap_or_default();
            let message = format!("the query of the annotation {name} does not parse: {}", mistakes(&errors, expr));
            report.near("RG050", Level::Error, &Value::from(name).to_string(), message, expr);
        }
    }
}

/// Reports panels of deprecated types: one finding for each type, at its first panel.
fn deprecated(dashboard: &Value, report: &mut Report<'_>) {
    let all = panels(dashboard);
    for kind in GONE {
        let mut titles = all.iter().filter(|panel| panel["type"] == kind).map(|panel| panel["title"].as_str());
        let Some(first) = titles.next() else { continue };
        let title = first.unwrap_or_default();
        report.about(Some(title.to_owned()));
        let what = match titles.count() {
            0 => format!("the panel is of type {kind}, which is deprecated"),
            more => format!("this panel and {more} more are of type {kind}, which is deprecated"),
        };
        let message = format!("{what}: newer versions of Grafana migrate it or do not show it");
        report.near("RG050", Level::Warning, &Value::from(title).to_string(), message, "use timeseries, stat or table");
    }
}

fn check_panel(panel: &Value, variables: &[Value], context: &DashboardContext<'_>, report: &mut Report<'_>) {
    let title = panel["title"].as_str().unwrap_or_default();
    let kind = panel["type"].as_str().unwrap_or_default();
    let near = format!("{}", Value::from(title));
    report.about(Some(title.to_owned()));
    links::check(panel, context.uids, report);
    let mut finding =
        |level: Level, near: &str, message: String, fix: &str| report.near("RG050", level, near, message, fix);
    if ["text", "dashlist", "alertlist", "news"].contains(&kind) {
        return;
    }
    for (key, what) in [("title", "title"), ("description", "description")] {
        if panel[key].as_str().is_none_or(str::is_empty) {
            finding(Level::Info, &near, format!("the panel has no {what}"), "say what it shows, and what to look for");
        }
    }
    let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let other = panel["libraryPanel"].is_object() || panel["datasource"]["uid"] == "-- Dashboard --";
    if targets.is_empty() && SHOWS_DATA.contains(&kind) && !other {
        finding(Level::Warning, &near, "the panel has no query".to_owned(), "add a target");
    }
    let timed = ["timeseries", "stat", "gauge", "bargauge"].contains(&kind);
    if timed && panel["fieldConfig"]["defaults"]["unit"].as_str().is_none_or(str::is_empty) {
        finding(Level::Info, &near, "the panel has no unit".to_owned(), "set fieldConfig.defaults.unit");
    }
    // The panel and its queries name the same data source, so it is reported once.
    if let Some(uid) = std::iter::once(panel).chain(targets).find_map(fixed) {
        let message = format!("the panel uses the fixed data source {uid}, which other Grafana servers do not have");
        finding(Level::Warning, &near, message, "use a variable of type datasource instead");
    }
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
    // The first step is the base, whose number has no meaning.
    let values: Vec<f64> = steps.into_iter().flatten().skip(1).filter_map(|step| step["value"].as_f64()).collect();
    if !values.is_sorted() {
        finding(
            Level::Warning,
            &near,
            "the threshold steps are not in ascending order".to_owned(),
            "sort them by value",
        );
    }
    let mut queries = Vec::new();
    let of = |wanted: Language| targets.iter().filter(move |target| language(&[target, panel], variables) == wanted);
    let (logs, metrics) = (of(Language::Logql), of(Language::Promql));
    for query in logs.filter(|target| target["hide"] != true).filter_map(|target| target["expr"].as_str()) {
        logql::check(query, &near, report);
    }
    for target in metrics {
        let Some(expr) = target["expr"].as_str().filter(|expr| !expr.trim().is_empty()) else { continue };
        let ast = match promql::parse_with_variables(expr) {
            Ok(query) => query.expr,
            Err(errors) => {
                let message = format!("a query does not parse: {}", mistakes(&errors, expr));
                report.near("RG050", Level::Error, &near, message, expr);
                continue;
            }
        };
        let over_time = target["instant"] != true || target["range"] == true;
        let result = ast.result();
        if over_time && matches!(result, Type::RangeVector | Type::String) {
            let message = format!("Prometheus refuses a query over a range of time that returns {result}");
            report.near(
                "RG050",
                Level::Error,
                &near,
                message,
                "use a function such as rate(), or make the query instant",
            );
            continue;
        }
        let fixed_rate = ["rate(", "irate(", "increase("].iter().any(|function| expr.contains(function))
            && kind == "timeseries"
            && !expr.contains("$__")
            && ["[1m]", "[2m]", "[5m]"].iter().any(|range| expr.contains(range));
        if fixed_rate {
            let message =
                "a rate over a fixed range: when zoomed out, it skips the samples between two points of the graph"
                    .to_owned();
            report.near("RG050", Level::Info, &near, message, "use [$__rate_interval]");
        }
        // Grafana replaces variables in a name, so the metric is not known here.
        let plain = |name: &&str| !name.contains(['$', '[']);
        for name in ast.selectors().into_iter().filter_map(Selector::metric).filter(plain) {
            let known = &context.options.known;
            let ours = name.starts_with("checklist_");
            let other = ["ALERTS", "ALERTS_FOR_STATE", "up"].contains(&name) || context.recorded.contains(name);
            if known.get(name).is_none() && (ours || known.complete) && !other {
                report.near("RG010", Level::Error, &near, format!("unknown metric {name}"), "");
            }
        }
        variables::query(&ast, variables, &context.options.known, &near, report);
        queries.push(ast);
    }
    context.limits.check(&queries, &values, &near, report);
}
