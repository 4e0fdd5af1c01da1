//! `rules-gen schema`: writes the JSON Schema of checklist.yaml, for editors and for programs that generate the file.
//! It is made from the description that the reader uses, so both have the same keys.

mod shapes;

use crate::cli::EXIT_CODES;
use crate::terminal::print;
use checklist::config::{META_ALERTS, ROOT};
use checklist::reader::keys::{Default, Key, Kind, Names, Rule, Section};
use checklist::targets::tables::{AppTable, TABLES};
use checklist::targets::watching;
use checklist::tasks::TASKS;
use checklist::{SIGNALS, Signal, TargetKind, Threshold, Unit};
use serde_json::{Map, Value, json};
use shapes::{any_quantity, choice, described, duration, level, levels, object, quantity};
use std::process::ExitCode;

/// The pattern for names of the operator's own queries.
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

pub fn command(_: &Arguments) -> anyhow::Result<ExitCode> {
    print(&format!("{:#}\n", schema()))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the schema.
pub fn schema() -> Value {
    let mut root = section(&ROOT, Within::Root);
    // A section without a value is null in YAML and counts as absent.
    for section in root["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        section["type"] = json!([section["type"], "null"]);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("checklist.yaml");
    root["description"] = json!("Targets, limits and receivers.");
    root["anyOf"] = watching().map(|key| json!({"required": [key]})).collect();
    root
}

/// The part of checklist.yaml that a map of names is in. It decides which names are allowed.
#[derive(Clone, Copy)]
enum Within {
    Root,
    List(&'static str),
    Table(&'static AppTable),
}

impl Within {
    fn signals(self) -> impl Iterator<Item = &'static Signal> {
        let here = move |signal: &&Signal| match self {
            Self::List(list) => signal.kind.key() == list,
            Self::Root | Self::Table(_) => true,
        };
        SIGNALS.iter().copied().filter(here)
    }

    /// Whether names of the operator's own queries are allowed. They run on databases.
    fn has_own(self) -> bool {
        !matches!(self, Self::List(list) if list != TargetKind::Query.key())
    }
}

fn section(section: &Section, within: Within) -> Value {
    let keys = section.each().map(|key| {
        let inner = if matches!(within, Within::Root) { Within::List(key.name) } else { within };
        let global = matches!(key.kind, Kind::By(..));
        (key.name, self::key(key, if global { within } else { inner }))
    });
    let required: Vec<&str> = section.each().filter(|key| key.required).map(|key| key.name).collect();
    let mut object = object(&required, keys);
    let rules: Vec<Value> = section.rules.iter().map(rule).collect();
    if !rules.is_empty() {
        object["allOf"] = json!(rules);
    }
    object
}

fn key(key: &Key, within: Within) -> Value {
    let mut value = kind(&key.kind, within);
    let otherwise = match key.default {
        _ if key.required => String::new(),
        Default::Described(words) => format!(" Default: {words}."),
        Default::None => " Default: none.".to_owned(),
        Default::Value(_) => String::new(),
    };
    value["description"] = json!(format!("{}{otherwise}", key.about));
    if let Default::Value(text) = key.default {
        value["default"] = match key.kind {
            Kind::Flag => json!(text == "true"),
            Kind::Whole(..) | Kind::Quantity(Unit::Count) => text.parse::<u32>().map_or(json!(text), |n| json!(n)),
            _ => json!(text),
        };
    }
    // The allowed checks and limits depend on the kind of target, and the example fits only one kind. So it is left
    // out.
    let of_one_kind =
        matches!(key.kind, Kind::By(..) | Kind::List(Kind::Name(_), _)) && !matches!(within, Within::Root);
    if !key.example.is_empty() && !of_one_kind {
        value["examples"] = json!([serde_yaml::from_str::<Value>(key.example).unwrap_or_else(|_| json!(key.example))]);
    }
    value
}

fn kind(kind: &Kind, within: Within) -> Value {
    match kind {
        Kind::Text | Kind::Path | Kind::Variable => json!({"type": "string", "minLength": 1}),
        Kind::Form(form) => json!({"type": "string", "minLength": 1, "pattern": form.pattern}),
        Kind::Choice(words) => choice(words),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Kind::Duration | Kind::Wait => duration(),
        Kind::Quantity(unit) => quantity(*unit),
        Kind::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Kind::List(item, some) => {
            json!({"type": "array", "minItems": u8::from(*some), "items": self::kind(item, within)})
        }
        Kind::Table(inner) => section(inner, within),
        Kind::Map(values) => json!({"type": "object", "additionalProperties": self::kind(values, within)}),
        Kind::By(names, values) => by_name(*names, values, within),
        Kind::Name(Names::Checks) if within.has_own() => json!({"type": "string", "minLength": 1}),
        Kind::Name(_) => choice(&within.signals().map(|signal| signal.id).collect::<Vec<_>>()),
        Kind::Levels => levels(&any_quantity()),
        Kind::Level => level(&any_quantity()),
    }
}

/// Returns an object whose keys are names from the catalog, each with a description.
fn by_name(names: Names, values: &Kind, within: Within) -> Value {
    let value = |within| kind(values, within);
    let known: Vec<(&str, Value)> = match names {
        Names::Alerts => {
            let of_signals = SIGNALS.iter().flat_map(|signal| signal.alerts).map(|alert| (alert.name, alert.summary));
            let meta = META_ALERTS.map(|name| (name, "An alert about the exporter itself."));
            of_signals.chain(meta).map(|(name, about)| (name, by_catalog(value(within), about))).collect()
        }
        Names::Checks => within.signals().map(|signal| (signal.id, by_catalog(value(within), signal.title))).collect(),
        Names::Tables => {
            let one = |table: &'static AppTable| {
                (
                    table.table,
                    described(
                        value(Within::Table(table)),
                        "The name of this table and of its columns. Default: as in the written checklist.",
                    ),
                )
            };
            TABLES.iter().map(one).collect()
        }
        Names::Columns | Names::WordKinds => {
            let Within::Table(AppTable { columns, words, .. }) = within else { return object(&[], [("", json!({}))]) };
            match names {
                Names::Columns => columns
                    .iter()
                    .map(|name| {
                        let mut value = described(value(within), "The name of this column.");
                        value["default"] = json!(name);
                        (*name, value)
                    })
                    .collect(),
                _ => words
                    .iter()
                    .map(|(name, default)| {
                        let mut value = described(value(within), "The values that mean this.");
                        value["default"] = json!(default);
                        (*name, value)
                    })
                    .collect(),
            }
        }
        Names::Sources => {
            let others = within.signals().filter(|signal| !signal.external_sources.is_empty());
            let one = |signal: &'static Signal| {
                let sources: Vec<&str> = signal.external_sources.iter().map(|external| external.source).collect();
                (
                    signal.id,
                    described(
                        choice(&sources),
                        "The other exporter that exposes the metrics of this check. Default: none.",
                    ),
                )
            };
            others.map(one).collect()
        }
        Names::Tasks => TASKS.iter().map(|task| (task.id, by_catalog(value(within), task.title))).collect(),
        Names::Thresholds => {
            within.signals().flat_map(|signal| signal.thresholds).map(|one| (one.key, threshold(one))).collect()
        }
    };
    let own = match names {
        Names::Alerts => Some(("^ChecklistQuery[A-Z]".to_owned(), value(within))),
        Names::Checks if within.has_own() => Some((format!("^{QUERY}$"), value(within))),
        Names::Thresholds if within.has_own() => Some((format!("^{QUERY}\\.value$"), levels(&any_quantity()))),
        _ => None,
    };
    let mut table = object(&[], known);
    if let Some((pattern, value)) = own {
        table["patternProperties"] = json!({pattern: described(value, "Of an own check, under `queries:`.")});
    }
    table
}

/// Returns an entry of the catalog with its description.
fn by_catalog(value: Value, about: &str) -> Value {
    described(value, &format!("{}. Default: as in the catalog.", about.trim_end_matches('.')))
}

/// Returns the schema of a threshold's levels. A threshold with a single level may be a plain value.
fn threshold(threshold: &Threshold) -> Value {
    let exact = |value: Option<f64>| value.map(|value| threshold.unit.exact(value));
    let (warning, critical) = (exact(threshold.default.warning), exact(threshold.default.critical));
    let both = warning.is_some() && critical.is_some();
    let mut value = levels(&quantity(threshold.unit));
    if both {
        value = value["anyOf"][1].take();
    }
    value["description"] = json!(threshold.reason);
    match (warning, critical) {
        (None, None) => value["description"] = json!(format!("{} Default: none.", threshold.reason)),
        (Some(one), None) | (None, Some(one)) => value["default"] = json!(one),
        (warning, critical) => value["default"] = json!({"warning": warning, "critical": critical}),
    }
    value
}

fn rule(rule: &Rule) -> Value {
    let each = |keys: &[&str]| -> Vec<Value> { keys.iter().map(|key| json!({"required": [key]})).collect() };
    match rule {
        Rule::One(keys, _) => json!({"oneOf": each(keys)}),
        Rule::Any(keys, _) => json!({"anyOf": each(keys)}),
        Rule::NotBoth(one, other, _) => json!({"not": {"required": [one, other]}}),
        Rule::Needs(key, needed, _) => json!({"dependentRequired": {*key: [needed]}}),
    }
}
