//! The JSON Schema and the reader of checklist.yaml have the same keys.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use checklist::Config;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");
/// A checklist with every table, each as small as possible.
const EVERYTHING: &str = include_str!("../../checklist/src/config/everything.yaml");

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&rules_gen::outputs::schema::schema()).unwrap()
}

fn mistakes(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path)).collect()
}

#[test]
fn the_schema_accepts_the_examples_and_refuses_what_the_reader_refuses() {
    let validator = validator();
    for text in [EXAMPLE, EVERYTHING, &rules_gen::cli::init::template()] {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(mistakes(&validator, &value), Vec::<String>::new());
        Config::parse("checklist.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
    for wrong in [
        "nonsense: 1",
        "{}",
        "health: [{name: h}]",
        "health: [{name: h, url: 'http://h'}]\nthresholds: {health.duration: 2}",
        "health: [{name: h, url: 'http://h'}]\nchecks: {health: {interval: 5}}",
        "health: [{name: h, url: 'http://h'}]\nthresholds: {health.duration: -1s}",
        "kubernetes: [{name: k, namespaces: [ns]}]\nthresholds: {disk.usage: 80%}",
        "kubernetes: [{name: k, namespaces: [ns]}]\nthresholds: {disk.inode_usage: 70}",
        "postgres: [{name: o, host: h, database: d, user: u}]\nqueries: [{name: stuck__jobs, help: h, query: SELECT 1, above: {warning: 1}}]",
        "health: [{name: h, url: ftp://h}]",
        "kubernetes: [{name: k, namespaces: [ns], skip: [podz]}]",
        "kubernetes: [{name: k, namespaces: []}]",
        "postgres: [{name: p, host: h, database: d, user: u, port: 70000}]",
        "reports: [{name: r, format: trivy}]",
        "prometheus: [{name: p, url: 'http://p'}]\nthresholds: {disk.usag: 70%}",
        "prometheus: [{name: p, url: 'http://p'}]\nalerting: {heartbeat: {url: 'http://a', urlFile: f}}",
        "prometheus: [{name: p, url: 'http://p'}]\nalerting: {email: {to: a, from: b, smarthost: 'h:25', username: u}}",
        "prometheus: [{name: p, url: 'http://p'}]\nalerting: {maintenance: [{name: m}]}",
        "prometheus: [{name: p, url: 'http://p'}]\nalerting: {maintenance: [{name: m, weekdays: [someday]}]}",
        "prometheus: [{name: p, url: 'http://p'}]\nalerting: {alerts: {ChecklistPodStuk: {for: 1m}}}",
    ] {
        let value: Value = serde_yaml::from_str(wrong).unwrap();
        assert!(!validator.is_valid(&value), "the schema accepts {wrong}");
        assert!(Config::parse("checklist.yaml", wrong).is_err(), "the reader accepts {wrong}");
    }
}

#[test]
fn the_examples_of_all_keys_form_a_valid_checklist() {
    let sections = checklist::config::ROOT.each().map(|key| format!("{}: {}\n", key.name, key.example));
    let text: String = sections.collect();
    let value: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(mistakes(&validator(), &value), Vec::<String>::new());
    Config::parse("checklist.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
}

#[test]
fn every_schema_key_has_a_description_and_a_default() {
    fn visit(path: &str, schema: &Value, silent: &mut Vec<String>) {
        let required = schema["required"].as_array().into_iter().flatten();
        let required: BTreeSet<&str> = required.filter_map(Value::as_str).collect();
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let about = value["description"].as_str().unwrap_or_default();
            let default = !value["default"].is_null() || about.contains("Default: ");
            if about.is_empty() || !default && !required.contains(key.as_str()) {
                silent.push(format!("{path}.{key}"));
            }
        }
        let inner = schema.as_object().into_iter().flatten().filter(|(key, _)| *key != "allOf");
        let inner = inner.flat_map(|(key, value)| match value {
            Value::Array(items) => items.iter().map(|item| (key, item)).collect(),
            one => vec![(key, one)],
        });
        for (key, value) in inner {
            visit(&format!("{path}/{key}"), value, silent);
        }
    }
    let mut silent = Vec::new();
    visit("", &rules_gen::outputs::schema::schema(), &mut silent);
    assert_eq!(silent, Vec::<String>::new());
}

/// Collects the schemas of all tables in a value, with their paths.
fn tables<'a>(schema: &'a Value, value: &Value, path: &[Value], found: &mut Vec<(Vec<Value>, &'a Value)>) {
    if let Some(items) = value.as_array() {
        for (at, item) in items.iter().enumerate() {
            tables(&schema["items"], item, &[path, &[json!(at)]].concat(), found);
        }
        return;
    }
    let Some(fields) = value.as_object() else { return };
    // The levels of a threshold are a single value or a table.
    let own = schema["anyOf"].as_array().into_iter().flatten().find(|one| one["properties"].is_object());
    let schema = own.filter(|_| schema["properties"].is_null()).unwrap_or(schema);
    if schema["properties"].is_object() && schema["additionalProperties"] == json!(false) {
        found.push((path.to_vec(), schema));
    }
    for (key, field) in fields {
        tables(&schema["properties"][key], field, &[path, &[json!(key)]].concat(), found);
    }
}

/// Adds an unknown field to every table. The reader's error lists the known fields, which must be those of the schema.
#[test]
fn schema_and_reader_accept_the_same_fields_of_every_mapping() {
    let (schema, value): (Value, Value) =
        (rules_gen::outputs::schema::schema(), serde_yaml::from_str(EVERYTHING).unwrap());
    let mut all = Vec::new();
    tables(&schema, &value, &[], &mut all);
    let mut compared = 0;
    for (path, table) in &all {
        let mut broken = value.clone();
        let place = path.iter().fold(&mut broken, |place, step| match step {
            Value::String(key) => &mut place[key],
            step => &mut place[usize::try_from(step.as_u64().unwrap()).unwrap()],
        });
        place["zzzzzzzz"] = json!(1);
        let text = serde_yaml::to_string(&broken).unwrap();
        let Err(mistakes) = Config::parse("checklist.yaml", &text) else { panic!("{path:?} takes any field") };
        let known = mistakes.list.iter().find_map(|mistake| {
            let (wrong, known) = mistake.message.split_once("; known fields: ")?;
            wrong.contains("field zzzzzzzz").then(|| known.split(", ").map(ToOwned::to_owned).collect())
        });
        // Tables whose keys are names (of checks, alerts, tables) have other messages.
        let Some(known): Option<BTreeSet<String>> = known else { continue };
        let fields: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, known, "{path:?}");
        compared += 1;
    }
    assert!(compared > 30, "only {compared} tables were compared");
}

/// Collects every property of every table in the schema, with its path.
fn properties<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    let within = schema["properties"].as_object().into_iter().chain(schema["patternProperties"].as_object()).flatten();
    for (key, value) in within {
        found.push((format!("{path}.{key}"), value));
        properties(value, &format!("{path}.{key}"), found);
    }
    properties_of(&schema["items"], path, found);
    properties_of(&schema["additionalProperties"], path, found);
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        properties(one, path, found);
    }
}

fn properties_of<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    if schema.is_object() {
        properties(schema, path, found);
    }
}

#[test]
fn every_schema_key_is_in_the_generated_documentation() {
    let schema = rules_gen::outputs::schema::schema();
    let page = rules_gen::outputs::configuration::configuration().content;
    let mut all = Vec::new();
    properties(&schema, "", &mut all);
    for (path, value) in &all {
        assert!(value["description"].as_str().is_some_and(|text| text.len() > 2), "{path} has no description: {value}");
    }
    // Besides keys, the schema lists names of the catalog, which docs/signals.md explains.
    let names: BTreeSet<&str> = catalog_names().collect();
    let is_alert = |key: &str| key.starts_with("Checklist");
    let has_row = |key: &str| page.contains(&format!("| `{key}` |"));
    let missing: Vec<&str> =
        keys(&schema).into_iter().filter(|key| !is_alert(key) && !names.contains(key) && !has_row(key)).collect();
    assert_eq!(missing, [] as [&str; 0], "keys that docs/configuration.md does not list");
    let undescribed: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("|  |") && line.matches(" | ").count() > 3)
        .collect();
    assert_eq!(undescribed, [] as [&str; 0]);
    assert!(all.len() > 339, "{}", all.len());
}

/// Returns the keys of every table in the schema.
fn keys(schema: &Value) -> BTreeSet<&str> {
    let own = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let within: Vec<&Value> = match schema {
        Value::Object(all) => all.values().collect(),
        Value::Array(all) => all.iter().collect(),
        _ => Vec::new(),
    };
    own.chain(within.into_iter().flat_map(keys)).collect()
}

/// Returns the names in the catalog: signals, thresholds, tasks, levels, and the application's tables with their
/// columns and words.
fn catalog_names() -> impl Iterator<Item = &'static str> {
    let of_signals = checklist::SIGNALS.iter().flat_map(|signal| {
        let thresholds = signal.thresholds.iter().map(|threshold| threshold.key);
        thresholds.chain([signal.id])
    });
    let of_tables = checklist::targets::tables::TABLES.iter().flat_map(|table| {
        let words = table.words.iter().map(|(kind, _)| *kind);
        table.columns.iter().copied().chain(words).chain([table.table])
    });
    let tasks = checklist::tasks::TASKS.iter().map(|preset| preset.id);
    of_signals.chain(of_tables).chain(tasks).chain(["warning", "critical"])
}
