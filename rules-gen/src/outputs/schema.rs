//! `rules-gen schema`: the JSON Schema of checklist.yaml, for editors and for those who write it by program.

mod alerting;
mod shapes;
mod targets;

use crate::cli::EXIT_CODES;
use crate::terminal::print;
use checklist::config::LISTS;
use checklist::tasks::TASKS;
use checklist::{SIGNALS, Signal, TargetKind};
use serde_json::{Map, Value, json};
use shapes::{any_quantity, at_least_one, bound, choice, duration, flag, object, one_of, text, texts, whole};
use std::process::ExitCode;

/// The name of an operator's own check.
const QUERY: &str = "[a-z][a-z0-9]*(_[a-z0-9]+)*";

/// Prints the JSON Schema of checklist.yaml.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen schema > checklist.schema.json
  then in checklist.yaml: # yaml-language-server: $schema=checklist.schema.json

The programs themselves judge more than a schema can say, such as two levels in the wrong order.

{EXIT_CODES}"))]
pub struct Arguments {}

/// Runs the verb.
///
/// # Errors
/// When standard output cannot be written to.
pub fn command(_: &Arguments) -> anyhow::Result<ExitCode> {
    print(&format!("{:#}\n", schema()))?;
    Ok(ExitCode::SUCCESS)
}

/// The schema.
pub fn schema() -> Value {
    let all: Vec<&Signal> = SIGNALS.to_vec();
    let mut root = object(&[], targets::lists());
    for (key, value) in [
        ("tasks", tasks()),
        ("queries", json!({"type": "array", "items": query()})),
        ("thresholds", thresholds(&all, true)),
        ("checks", checks()),
        ("alerting", alerting::section()),
        ("highAvailability", object(&["kubernetes"], [("kubernetes", text()), ("lease", lease())])),
    ] {
        root["properties"][key] = value;
    }
    // A section with nothing behind it counts as absent.
    for section in root["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        section["type"] = json!([section["type"], "null"]);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("checklist.yaml");
    root["description"] = json!("What to watch, how strict to be, whom to tell.");
    let kinds: Vec<&str> = LISTS.iter().copied().chain(["tasks"]).collect();
    root["anyOf"] = at_least_one(&kinds);
    root
}

fn lease() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9-]{1,49}$"})
}

/// Levels by threshold key.
fn thresholds(signals: &[&Signal], own: bool) -> Value {
    let mut properties = Map::new();
    for threshold in signals.iter().flat_map(|signal| signal.thresholds) {
        let level = |value: Option<f64>| value.map(|value| threshold.unit.human(value));
        let mut levels = shapes::levels(threshold);
        levels["description"] = json!(threshold.reason);
        let (warning, critical) = (level(threshold.default.warning), level(threshold.default.critical));
        levels["default"] = match (&warning, &critical) {
            (Some(one), None) | (None, Some(one)) => json!(one),
            _ => json!({"warning": warning, "critical": critical}),
        };
        if warning.is_none() && critical.is_none() {
            levels.as_object_mut().map(|levels| levels.remove("default"));
        }
        properties.insert(threshold.key.to_owned(), levels);
    }
    let mut thresholds = object(&[], properties);
    if own {
        // The limits of the operator's own checks.
        thresholds["patternProperties"] =
            json!({format!("^{QUERY}\\.value$"): {"anyOf": [any_quantity(), bound(&any_quantity())]}});
    }
    thresholds
}

/// What every target can say about its own checks.
fn own_settings(key: &str) -> Map<String, Value> {
    let signals: Vec<&Signal> = SIGNALS.iter().copied().filter(|signal| signal.kind.key() == key).collect();
    let ids: Vec<&str> = signals.iter().map(|signal| signal.id).collect();
    let skip = if key == TargetKind::Query.key() { text() } else { choice(&ids) };
    let mut sources = Map::new();
    for signal in signals.iter().filter(|signal| !signal.elsewhere.is_empty()) {
        let names: Vec<&str> = signal.elsewhere.iter().map(|elsewhere| elsewhere.source).collect();
        sources.insert(signal.id.to_owned(), choice(&names));
    }
    Map::from_iter([
        ("name".to_owned(), json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,63}$"})),
        ("thresholds".to_owned(), thresholds(&signals, key == TargetKind::Query.key())),
        ("skip".to_owned(), json!({"type": "array", "items": skip})),
        ("sources".to_owned(), object(&[], sources)),
        ("sourceSelector".to_owned(), text()),
    ])
}

fn checks() -> Value {
    let pace = object(&[], [("interval", duration()), ("timeout", duration())]);
    let known: Map<String, Value> = SIGNALS.iter().map(|signal| (signal.id.to_owned(), pace.clone())).collect();
    let mut checks = object(&[], known);
    // The operator's own checks have names of their own.
    checks["patternProperties"] = json!({format!("^{QUERY}$"): pace});
    checks
}

fn query() -> Value {
    let name = json!({"type": "string", "maxLength": 60, "pattern": format!("^{QUERY}$")});
    let mut query = object(
        &["name", "help", "query"],
        [
            ("name", name),
            ("help", text()),
            ("query", text()),
            ("value", text()),
            ("labels", texts()),
            ("targets", texts()),
            ("unit", choice(&["bytes", "count", "ratio", "seconds"])),
            ("above", bound(&any_quantity())),
            ("below", bound(&any_quantity())),
            ("interval", duration()),
            ("costly", flag()),
            ("empty", choice(&["bad", "ok"])),
            ("statistics", flag()),
            ("schemas", texts()),
        ],
    );
    query["oneOf"] = one_of(&["above", "below"]);
    query
}

fn tasks() -> Value {
    let change = object(&[], [("when", text()), ("grace", duration()), ("enabled", flag())]);
    let known: Map<String, Value> = TASKS.iter().map(|task| (task.id.to_owned(), change.clone())).collect();
    let own = object(
        &["name", "when"],
        [
            ("name", json!({"type": "string", "pattern": "^[a-z0-9_]{1,63}$"})),
            ("title", text()),
            ("when", text()),
            ("grace", duration()),
            ("minutes", whole(1, 6_000)),
            ("steps", json!({"type": "array"})),
        ],
    );
    let mut tasks = object(
        &["since"],
        [
            ("timeZone", text()),
            ("since", json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})),
            ("directory", text()),
            ("s3", object(&["bucket"], targets::s3())),
            ("change", object(&[], known)),
            ("add", json!({"type": "array", "items": own})),
        ],
    );
    tasks["oneOf"] = one_of(&["directory", "s3"]);
    tasks
}
