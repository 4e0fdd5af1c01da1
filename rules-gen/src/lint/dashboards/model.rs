//! The model of a dashboard: whether it is one, and its panels.

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
