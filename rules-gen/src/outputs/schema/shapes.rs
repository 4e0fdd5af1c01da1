//! The JSON Schema fragments for the kinds of values in checklist.yaml.

use checklist::Unit;
use serde_json::{Map, Value, json};

/// An object with these properties and no others.
pub(super) fn object<K: Into<String>>(required: &[&str], properties: impl IntoIterator<Item = (K, Value)>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let mut object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// Adds a description to a schema.
pub(super) fn described(mut value: Value, about: &str) -> Value {
    value["description"] = json!(about);
    value
}

const DURATION: &str = "([0-9]+([.][0-9]+)?(ms|s|m|h|d|w))+";

pub(super) fn duration() -> Value {
    json!({"type": "string", "pattern": format!("^{DURATION}$")})
}

/// A quantity with a unit: `26h`, `70%` or `0.7`, `500GiB`, `50`.
pub(super) fn quantity(unit: Unit) -> Value {
    let number = "[0-9]+([.][0-9]+)?";
    match unit {
        Unit::Seconds => duration(),
        Unit::Bytes => {
            json!({"type": ["string", "number"], "minimum": 0, "pattern": format!("^{number} *(B|[kKMGT]B|[KMGT]iB?)?$")})
        }
        Unit::Ratio => {
            let pattern = format!("^({number} *%|0([.][0-9]+)?|1([.]0+)?)$");
            json!({"type": ["string", "number"], "minimum": 0, "maximum": 1, "pattern": pattern})
        }
        Unit::Count => json!({"type": ["string", "number"], "minimum": 0, "pattern": format!("^{number}$")}),
    }
}

/// A quantity whose unit is not known.
pub(super) fn any_quantity() -> Value {
    json!({"type": ["string", "number"], "minimum": 0, "pattern": format!("^({DURATION}|[0-9.]+ *[A-Za-z%]*)$")})
}

pub(super) fn choice(words: &[&str]) -> Value {
    json!({"enum": words})
}

/// The value of one level, or `none` to remove it.
pub(super) fn level(quantity: &Value) -> Value {
    json!({"anyOf": [quantity, {"const": "none"}]})
}

/// A single value, or values for each severity.
pub(super) fn levels(quantity: &Value) -> Value {
    let at = |severity: &str| {
        described(level(quantity), &format!("The {severity} level; `none` removes it. Default: that of the threshold."))
    };
    json!({"anyOf": [quantity, object(&[], [("warning", at("warning")), ("critical", at("critical"))])]})
}
