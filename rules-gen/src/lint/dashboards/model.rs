//! The model of a dashboard: its panels, and expressions without Grafana's variables.

use serde_json::Value;

/// Whether it is a dashboard.
pub(crate) fn is_one(value: &Value) -> bool {
    value["panels"].is_array() && (value["schemaVersion"].is_number() || value["title"].is_string())
}

/// Every panel, those of collapsed rows too.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = dashboard["panels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let inner = top.iter().flat_map(|panel| panel["panels"].as_array().map(Vec::as_slice).unwrap_or_default());
    top.iter().chain(inner).filter(|panel| panel["type"] != "row").collect()
}

/// Grafana's variables replaced by what parses in their place.
pub(crate) fn without_variables(expr: &str) -> String {
    let mut text = expr.to_owned();
    for (variable, value) in [
        ("$__rate_interval", "5m"),
        ("${__rate_interval}", "5m"),
        ("$__interval", "1m"),
        ("${__interval}", "1m"),
        ("$__range_s", "3600"),
        ("$__range", "1h"),
        ("${__range}", "1h"),
        ("${__range_s}", "3600"),
        ("$interval", "5m"),
        ("$resolution", "5m"),
        ("$__interval_ms", "1000"),
    ] {
        text = text.replace(variable, value);
    }
    text
}
