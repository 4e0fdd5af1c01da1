//! The JSON model of a dashboard.

use serde_json::Value;

/// Whether the value is a dashboard.
pub(crate) fn is_one(value: &Value) -> bool {
    value["panels"].is_array() && (value["schemaVersion"].is_number() || value["title"].is_string())
}

/// Returns every panel, including those in collapsed rows.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = dashboard["panels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let inner = top.iter().flat_map(|panel| panel["panels"].as_array().map(Vec::as_slice).unwrap_or_default());
    top.iter().chain(inner).filter(|panel| panel["type"] != "row").collect()
}
