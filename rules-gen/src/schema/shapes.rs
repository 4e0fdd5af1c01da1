//! The words of the schema.

use serde_json::{Map, Value, json};

/// A table of fields and no others.
pub(super) fn object<K: Into<String>>(required: &[&str], properties: impl IntoIterator<Item = (K, Value)>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let mut object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

pub(super) fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

pub(super) fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn whole(low: u32, high: u32) -> Value {
    json!({"type": "integer", "minimum": low, "maximum": high})
}

pub(super) fn duration() -> Value {
    json!({"type": ["string", "number"], "pattern": "^[0-9]"})
}

/// A number with or without a unit: `70%`, `26h`, `500GiB`.
pub(super) fn number() -> Value {
    json!({"type": ["string", "number"], "pattern": "^-?[0-9.]"})
}

pub(super) fn url() -> Value {
    json!({"type": "string", "pattern": "^https?://"})
}

pub(super) fn choice(words: &[&str]) -> Value {
    json!({"enum": words})
}

/// Values by any name.
pub(super) fn by_name(values: &Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

/// One value, or levels.
pub(super) fn levels() -> Value {
    let levels = object(&[], [("warning", number()), ("critical", number())]);
    json!({"anyOf": [number(), levels]})
}

/// Exactly one of these fields.
pub(super) fn one_of(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}

/// One or more of these fields.
pub(super) fn at_least_one(keys: &[&str]) -> Value {
    one_of(keys)
}
