//! The custom resource definitions of prometheus-operator, which `make parts` installs.

use serde_json::{Value, json};

/// Returns what the API server would refuse in an object, with strict validation. `within` is the JSON pointer from the
/// definition's schema to the schema of the value; it is empty for a whole object.
pub(crate) fn mistakes(kind: &str, within: &str, value: &Value) -> Vec<String> {
    let name = format!("monitoring.coreos.com_{}s.yaml", kind.to_lowercase());
    let file = format!("{}/../target/parts/definitions/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let definition: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let version = &definition["spec"]["versions"][0];
    let mut schema = version["schema"]["openAPIV3Schema"].pointer(within).cloned().unwrap_or_default();
    assert!(schema.is_object(), "{file} has no schema {within}");
    refuse_unknown_fields(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path)).collect()
}

fn refuse_unknown_fields(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(refuse_unknown_fields);
            if map.contains_key("properties") && !map.contains_key("x-kubernetes-preserve-unknown-fields") {
                map.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(refuse_unknown_fields),
        _ => {}
    }
}
