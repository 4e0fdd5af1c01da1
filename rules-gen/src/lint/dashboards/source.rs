//! The data source that a panel, a query or a variable asks.

use serde_json::Value;

/// Names of Grafana's own sources: itself, another panel, several, and expressions.
const OWN: [&str; 7] = ["grafana", "-- Grafana --", "-- Dashboard --", "-- Mixed --", "__expr__", "default", ""];

/// What a data source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Promql,
    Logql,
    Other,
}

/// What is spoken by the source of the first of these that names one; `PromQL` when nothing says.
pub(super) fn language(all: &[&Value], variables: &[Value]) -> Language {
    match all.iter().find_map(|of| kind(&of["datasource"], variables)).as_deref() {
        Some("loki") => Language::Logql,
        None => Language::Promql,
        Some(kind) if kind.contains("prometheus") => Language::Promql,
        Some(_) => Language::Other,
    }
}

/// Its type: as it says, or as the variable that it names says.
fn kind(source: &Value, variables: &[Value]) -> Option<String> {
    let named = source["uid"].as_str().or(source.as_str());
    let variable = named.and_then(|uid| uid.strip_prefix('$')).map(|name| name.trim_matches(['{', '}']));
    let variable = variable.and_then(|name| {
        variables.iter().find(|variable| variable["type"] == "datasource" && variable["name"] == name)
    });
    let kind = source["type"].as_str().or_else(|| variable?["query"].as_str())?;
    (kind != "datasource").then(|| kind.to_owned())
}

/// The name of a source that is there in one Grafana only.
pub(super) fn fixed(of: &Value) -> Option<&str> {
    let source = &of["datasource"];
    let name = source["uid"].as_str().or(source.as_str())?;
    let own = OWN.contains(&name) || source["type"] == "datasource" || source["type"] == "__expr__";
    (!name.starts_with('$') && !own).then_some(name)
}
