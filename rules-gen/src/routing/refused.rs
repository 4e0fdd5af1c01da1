//! What Alertmanager refuses in a configuration, apart from the route tree and matchers: unknown keys, wrong values,
//! keys that exclude each other, and missing keys.

use super::global::{GLOBAL, shared};
use super::integrations::INTEGRATIONS;
use super::times;
use crate::promql::duration;
use crate::server_files::http_client::TRACING;
use crate::server_files::schema::{Findings, Kind, PLAIN, Refusal, Step, Table};
use checklist::yaml::hint;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const TOP: [&str; 9] = [
    "global",
    "templates",
    "route",
    "receivers",
    "inhibit_rules",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
    "event_recorder",
];

static ROUTE: Table = Table {
    keys: &[
        (Kind::Text, "receiver"),
        (Kind::Texts, "group_by mute_time_intervals active_time_intervals matchers"),
        (Kind::Duration, "group_wait group_interval repeat_interval"),
        (Kind::TextMap, "match match_re labels"),
        (Kind::Bool, "continue"),
        // The depth is limited by the YAML reader.
        (Kind::Tables(&ROUTE), "routes"),
    ],
    more: Some(route),
    ..PLAIN
};

static INHIBIT_RULE: Table = Table {
    keys: &[
        (Kind::Text, "name"),
        (Kind::TextMap, "source_match source_match_re target_match target_match_re"),
        (Kind::Texts, "source_matchers target_matchers equal"),
    ],
    more: Some(inhibit_rule),
    ..PLAIN
};

fn inhibit_rule(of: &Map<String, Value>, findings: &mut Findings) {
    old_labels(of, &["source_match", "source_match_re", "target_match", "target_match_re"], findings);
}

/// Checks the labels of the deprecated matchers, which take only the letters of old versions.
fn old_labels(of: &Map<String, Value>, keys: &[&str], findings: &mut Findings) {
    for key in keys {
        for name in of.get(*key).and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                findings.under(key, |findings| {
                    findings
                        .refuse(format!("{name:?} is not a label name: only letters, digits and _ are allowed here"));
                });
            }
        }
    }
}

/// Returns everything that Alertmanager refuses, in the order of the checks.
pub(super) fn check(whole: &Value) -> Vec<Refusal> {
    let mut findings = Findings::default();
    let Some(top) = whole.as_object() else {
        findings.refuse("the configuration must be a mapping");
        return findings.all;
    };
    for key in top.keys().filter(|key| !TOP.contains(&key.as_str())) {
        findings.unknown(key, &TOP);
    }
    let nothing = Value::Null;
    let part = |key: &str| top.get(key).unwrap_or(&nothing);
    for (key, table) in [("global", &GLOBAL), ("route", &ROUTE), ("tracing", &TRACING)] {
        findings.under(key, |findings| findings.table(part(key), table));
    }
    findings.under("templates", |findings| findings.value(part("templates"), &Kind::Texts));
    findings.each(top, "templates", |name, findings| {
        let name = name.as_str().unwrap_or_default();
        if glob::Pattern::new(name).is_err() && !name.contains("**") {
            findings.refuse(format!("{name:?} is not a pattern of files"));
        }
    });
    findings.list(top, "inhibit_rules", |rule, findings| findings.table(rule, &INHIBIT_RULE));
    for key in ["mute_time_intervals", "time_intervals"] {
        findings.list(top, key, |interval, findings| findings.table(interval, &times::NAMED));
    }
    time_names(top, &mut findings);
    findings.list(top, "receivers", |receiver, findings| self::receiver(receiver, part("global"), findings));
    findings.all
}

/// Checks that the names of time intervals are unique, and that routes refer to existing ones.
fn time_names(top: &Map<String, Value>, findings: &mut Findings) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for key in ["mute_time_intervals", "time_intervals"] {
        findings.each(top, key, |interval, findings| {
            let name = interval["name"].as_str().unwrap_or_default();
            if !name.is_empty() && !names.insert(name.to_owned()) {
                findings.under("name", |findings| findings.refuse(format!("the interval {name:?} is defined twice")));
            }
        });
    }
    let Some(root) = top.get("route").and_then(Value::as_object) else { return };
    findings.under("route", |findings| {
        for key in ["mute_time_intervals", "active_time_intervals"] {
            if root.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
                findings.under(key, |findings| findings.refuse("the root route must not have time intervals"));
            }
        }
        times_of(root, &names, findings);
    });
}

fn times_of(route: &Map<String, Value>, names: &BTreeSet<String>, findings: &mut Findings) {
    for key in ["mute_time_intervals", "active_time_intervals"] {
        findings.each(route, key, |name, findings| {
            // Our YAML parser reads a plain `n` as a Boolean, Alertmanager as a name.
            if name.is_null() || name.as_str().is_some_and(|name| !names.contains(name)) {
                let name = name.as_str().unwrap_or_default();
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                findings.refuse(format!("{name:?} is not defined{}", hint(name, &known)));
            }
        });
    }
    findings.each(route, "routes", |child, findings| {
        if let Some(child) = child.as_object() {
            times_of(child, names, findings);
        }
    });
}

fn route(of: &Map<String, Value>, findings: &mut Findings) {
    old_labels(of, &["match", "match_re"], findings);
    for key in ["group_interval", "repeat_interval"] {
        let text = of.get(key).and_then(Value::as_str).unwrap_or_default();
        if duration::parse(text).is_ok_and(|length| length.is_zero()) && !text.is_empty() {
            findings.under(key, |findings| findings.refuse("it must be greater than 0"));
        }
    }
    let labels: Vec<&str> =
        of.get("group_by").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut seen = BTreeSet::new();
    let mut refuse = |at: usize, why: String| {
        findings.under("group_by", |findings| findings.at(at, |findings| findings.refuse(why)));
    };
    for (at, label) in labels.iter().enumerate() {
        if *label == "..." && labels.iter().any(|other| other != label) {
            refuse(at, "... groups by all labels, so it must be the only entry".to_owned());
        } else if label.is_empty() {
            refuse(at, "a label has no name".to_owned());
        } else if !seen.insert(*label) && *label != "..." {
            refuse(at, format!("{label} is repeated"));
        }
    }
}

fn receiver(value: &Value, global: &Value, findings: &mut Findings) {
    let Some(of) = value.as_object() else {
        findings.refuse("expected a mapping");
        return;
    };
    let known: Vec<&str> = INTEGRATIONS.iter().map(|(list, _)| *list).chain(["name", "labels"]).collect();
    for key in of.keys().filter(|key| !known.contains(&key.as_str())) {
        findings.unknown(key, &known);
    }
    for (list, table) in INTEGRATIONS {
        findings.list(of, list, |one, findings| {
            if one.is_null() {
                findings.refuse("an item is empty");
            }
            findings.table(one, table);
            if let Some(one) = one.as_object() {
                shared(list, one, global, findings);
            }
        });
    }
}

/// Writes a refusal with the name of its receiver instead of the number.
pub(super) fn named(refusal: &Refusal, whole: &Value) -> String {
    match refusal.path.as_slice() {
        [Step::Key(list), Step::Item(at), rest @ ..] if list == "receivers" => {
            let rest = Refusal { path: rest.to_vec(), ..refusal.clone() };
            match whole["receivers"][*at]["name"].as_str() {
                Some(name) => format!("the receiver {name:?}: {rest}"),
                None => refusal.to_string(),
            }
        }
        _ => refusal.to_string(),
    }
}
