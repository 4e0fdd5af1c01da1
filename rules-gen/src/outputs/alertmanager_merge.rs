//! Merges the generated routes into an existing Alertmanager configuration. The added route takes only alerts named
//! `Checklist...`, so no other alert changes its receiver.

use crate::outputs::alertmanager;
use anyhow::{Context, bail, ensure};
use checklist::Config;
use serde_json::{Map, Value, json};

/// The matcher of the checklist's alerts.
const OURS: &str = "alertname=~\"Checklist.*\"";
/// The prefix for the names of receivers and time intervals, so that they do not collide with existing names.
const PREFIX: &str = "checklist-";

/// Returns the checklist's part of an Alertmanager configuration: one route, and its receivers, inhibition rules and
/// time intervals.
pub fn fragment(config: &Config) -> Value {
    let mut whole = alertmanager::configuration(config);
    let mut route = whole["route"].take();
    route["matchers"] = json!([OURS]);
    prefixed(&mut route);
    for list in ["receivers", "time_intervals"] {
        for one in whole[list].as_array_mut().into_iter().flatten() {
            rename(&mut one["name"]);
        }
    }
    whole["route"] = route;
    whole
}

fn rename(name: &mut Value) {
    if let Some(text) = name.as_str() {
        *name = json!(format!("{PREFIX}{text}"));
    }
}

fn prefixed(route: &mut Value) {
    rename(&mut route["receiver"]);
    for interval in route["mute_time_intervals"].as_array_mut().into_iter().flatten() {
        rename(interval);
    }
    for child in route["routes"].as_array_mut().into_iter().flatten() {
        prefixed(child);
    }
}

/// Returns an existing configuration with the checklist's part added. What an earlier merge added is replaced.
pub fn merged(mut existing: Value, config: &Config) -> anyhow::Result<Value> {
    let ours = fragment(config);
    let root = existing.as_object_mut().context("it is not a mapping")?;
    let route = root.get_mut("route").and_then(Value::as_object_mut).context("it has no route")?;
    ensure!(route.get("receiver").is_some_and(Value::is_string), "its root route has no receiver");
    let routes = list(route, "routes")?;
    routes.retain(|one| one["matchers"] != json!([OURS]));
    // The first route, because an existing route may match every alert.
    routes.insert(0, ours["route"].clone());
    for key in ["receivers", "time_intervals"] {
        let all = list(root, key)?;
        all.retain(|one| one["name"].as_str().is_none_or(|name| !name.starts_with(PREFIX)));
        all.extend(ours[key].as_array().into_iter().flatten().cloned());
    }
    let rules = list(root, "inhibit_rules")?;
    rules.retain(|one| !is_ours(one));
    rules.extend(ours["inhibit_rules"].as_array().into_iter().flatten().cloned());
    root.retain(|_, value| value.as_array().is_none_or(|all| !all.is_empty()));
    Ok(existing)
}

fn list<'a>(within: &'a mut Map<String, Value>, key: &str) -> anyhow::Result<&'a mut Vec<Value>> {
    match within.entry(key).or_insert_with(|| json!([])) {
        Value::Array(all) => Ok(all),
        empty @ Value::Null => {
            *empty = json!([]);
            empty.as_array_mut().context("the list exists")
        }
        _ => bail!("its {key} is not a list"),
    }
}

/// Whether an inhibition rule is from an earlier merge: both of its sides match alerts of the checklist.
fn is_ours(rule: &Value) -> bool {
    let named = |side: &str| {
        let matchers = rule[side].as_array().into_iter().flatten().filter_map(Value::as_str);
        matchers.into_iter().any(|matcher| matcher.starts_with("alertname") && matcher.contains("Checklist"))
    };
    named("source_matchers") && named("target_matchers")
}
