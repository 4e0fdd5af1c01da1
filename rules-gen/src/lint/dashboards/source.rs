//! The data source of a panel, a query or a variable.

use serde_json::Value;

/// The names of Grafana's built-in data sources: Grafana itself, another panel, mixed sources, and expressions.
const OWN: [&str; 7] = ["grafana", "-- Grafana --", "-- Dashboard --", "-- Mixed --", "__expr__", "default", ""];

/// The query language of a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Promql,
    Logql,
    Other,
}

/// Returns the language of the first of these objects that names a data source. PromQL when none does.
pub(super) fn language(all: &[&Value], variables: &[Value]) -> Language {
    match all.iter().find_map(|of| kind(&of["datasource"], variables)).as_deref() {
        Some("loki") => Language::Logql,
        None => Language::Promql,
        Some(kind) if kind.contains("prometheus") => Language::Promql,
        Some(_) => Language::Other,
    }
}

/// Returns the type of a data source, from the source itself or from the variable that it names.
fn kind(source: &Value, variables: &[Value]) -> Option<String> {
    let named = source["uid"].as_str().or(source.as_str());
    let variable = named.and_then(|uid| uid.strip_prefix('$')).map(|name| name.trim_matches(['{', '}']));
    let variable = variable.and_then(|name| {
        variables.iter().find(|variable| variable["type"] == "datasource" && variable["name"] == name)
    });
    let kind = source["type"].as_str().or_else(|| variable?["query"].as_str())?;
    (kind != "datasource").then(|| kind.to_owned())
}

/// Returns the name of a data source that is fixed, so that it exists in one Grafana only.
pub(super) fn fixed(of: &Value) -> Option<&str> {
    let source = &of["datasource"];
    let name = source["uid"].as_str().or(source.as_str())?;
    let own = OWN.contains(&name) || source["type"] == "datasource" || source["type"] == "__expr__";
    (!name.starts_with('$') && !own).then_some(name)
}
