//! What Alertmanager refuses of a configuration beside the tree of routes: keys, durations, names of times, addresses.

use super::integrations;
use super::keys::{keys, list};
use crate::promql::duration;
use anyhow::{Context, bail, ensure};
use checklist::yaml::hint;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const TOP: [&str; 8] =
    ["global", "templates", "route", "receivers", "inhibit_rules", "mute_time_intervals", "time_intervals", "tracing"];
const ROUTE: [&str; 12] = [
    "receiver",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "match",
    "match_re",
    "matchers",
    "continue",
    "routes",
    "mute_time_intervals",
    "active_time_intervals",
];
const INHIBIT_RULE: [&str; 9] = [
    "name",
    "sources",
    "source_match",
    "source_match_re",
    "source_matchers",
    "target_match",
    "target_match_re",
    "target_matchers",
    "equal",
];

/// # Errors
/// The first thing that Alertmanager refuses, with its place in words.
pub(super) fn check(whole: &Value) -> anyhow::Result<()> {
    let Some(top) = whole.as_object() else { bail!("the configuration is no table") };
    keys(top, &TOP, "the configuration")?;
    for (at, rule) in list(top, "inhibit_rules").iter().enumerate() {
        if let Some(rule) = rule.as_object() {
            let place = format!("inhibit_rules[{at}]");
            keys(rule, &INHIBIT_RULE, &place)?;
            for (at, source) in list(rule, "sources").iter().enumerate() {
                if let Some(source) = source.as_object() {
                    keys(source, &["matchers", "equal"], &format!("{place}.sources[{at}]"))?;
                }
            }
        }
    }
    let mut times = BTreeSet::new();
    for interval in list(top, "mute_time_intervals").iter().chain(list(top, "time_intervals")) {
        times.extend(interval["name"].as_str());
    }
    if let Some(root) = top.get("route").and_then(Value::as_object) {
        for key in ["mute_time_intervals", "active_time_intervals"] {
            ensure!(list(root, key).is_empty(), "the root route has {key}: it must always tell");
        }
        route(root, "route", &times)?;
    }
    integrations::check(&whole["global"], list(top, "receivers"))?;
    for receiver in list(top, "receivers") {
        slack(receiver, &whole["global"])?;
    }
    Ok(())
}

/// Goes as deep as the reader of YAML lets a file be.
fn route(one: &Map<String, Value>, place: &str, times: &BTreeSet<&str>) -> anyhow::Result<()> {
    keys(one, &ROUTE, place)?;
    for key in ["group_wait", "group_interval", "repeat_interval"] {
        let text = match one.get(key) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let length = duration::parse(&text).map_err(anyhow::Error::msg).with_context(|| format!("{place}: {key}"))?;
        ensure!(key == "group_wait" || !length.is_zero(), "{place}: {key} must be more than 0");
    }
    for key in ["mute_time_intervals", "active_time_intervals"] {
        for name in list(one, key).iter().filter_map(Value::as_str) {
            let known: Vec<&str> = times.iter().copied().collect();
            ensure!(times.contains(name), "{place}: {key} names {name:?}, which is not defined{}", hint(name, &known));
        }
    }
    for (at, child) in list(one, "routes").iter().enumerate() {
        if let Some(child) = child.as_object() {
            route(child, &format!("{place}.routes[{at}]"), times)?;
        }
    }
    Ok(())
}

/// Slack's address is the receiver's own or the one for all.
fn slack(receiver: &Value, global: &Value) -> anyhow::Result<()> {
    let there = |of: &Value, keys: &[&str]| keys.iter().any(|key| !of[key].is_null());
    let own = ["api_url", "api_url_file", "app_token", "app_token_file"];
    let shared = ["slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file"];
    let lacks = |one: &Value| !there(one, &own) && !there(global, &shared);
    if receiver["slack_configs"].as_array().is_some_and(|all| all.iter().any(lacks)) {
        let name = receiver["name"].as_str().unwrap_or_default();
        bail!("the receiver {name:?} sends to Slack without an address: api_url, or global.slack_api_url");
    }
    Ok(())
}
