//! The words of the schema.

use checklist::{Threshold, Unit};
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

const DURATION: &str = "([0-9]+([.][0-9]+)?(ms|s|m|h|d|w))+";

pub(super) fn duration() -> Value {
    json!({"type": "string", "pattern": format!("^{DURATION}$")})
}

/// A quantity of a unit: `26h`, `70%` or `0.7`, `500GiB`, `50`.
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

/// Levels, of which `none` leaves one out; where there is only one level, its value too.
pub(super) fn levels(threshold: &Threshold) -> Value {
    let levels = bound(&quantity(threshold.unit));
    let default = threshold.default;
    if default.warning.is_some() && default.critical.is_some() {
        levels
    } else {
        json!({"anyOf": [quantity(threshold.unit), levels]})
    }
}

/// Levels of a quantity.
pub(super) fn bound(quantity: &Value) -> Value {
    let level = || json!({"anyOf": [quantity, {"const": "none"}]});
    object(&[], [("warning", level()), ("critical", level())])
}

/// A quantity of a unit that is not known here.
pub(super) fn any_quantity() -> Value {
    json!({"type": ["string", "number"], "minimum": 0, "pattern": format!("^({DURATION}|[0-9.]+ *[A-Za-z%]*)$")})
}

/// A word in any case.
pub(super) fn any_case(word: &str) -> String {
    word.chars().map(|c| format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())).collect()
}

/// Exactly one of these fields.
pub(super) fn one_of(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}

/// One or more of these fields.
pub(super) fn at_least_one(keys: &[&str]) -> Value {
    one_of(keys)
}
