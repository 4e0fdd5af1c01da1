//! The keys of relabelling rules, and what each action needs.

use super::schema::{Findings, Kind, PLAIN, Table, is_there, scalar};
use promql::check_pattern;
use serde_json::{Map, Value};

pub(super) static RELABEL: Table = Table {
    keys: &[
        (Kind::Texts, "source_labels"),
        (Kind::Text, "separator target_label regex replacement action"),
        (Kind::Count, "modulus"),
    ],
    more: Some(relabel),
    ..PLAIN
};

fn relabel(of: &Map<String, Value>, findings: &mut Findings) {
    const ACTIONS: [&str; 11] = [
        "replace",
        "keep",
        "drop",
        "hashmod",
        "labelmap",
        "labeldrop",
        "labelkeep",
        "lowercase",
        "uppercase",
        "keepequal",
        "dropequal",
    ];
    let text = |key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default();
    if of.contains_key("action") && !is_there(of, "action") {
        findings.under("action", |findings| findings.refuse("the action is empty: remove the key, or name an action"));
        return;
    }
    let action = if is_there(of, "action") { text("action").to_lowercase() } else { "replace".to_owned() };
    if !ACTIONS.contains(&action.as_str()) {
        findings
            .under("action", |findings| findings.refuse(format!("{action:?} is not one of {}", ACTIONS.join(", "))));
        return;
    }
    if let Err(why) = check_pattern(&format!("^(?s:{})$", text("regex")).as_str().into()) {
        findings.under("regex", |findings| findings.refuse(format!("invalid regular expression: {why}")));
    }
    let to_label = ["replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"];
    if to_label.contains(&action.as_str()) && !is_there(of, "target_label") {
        findings.refuse(format!("{action} needs target_label"));
    }
    if action == "hashmod" && of.get("modulus").and_then(Value::as_u64).is_none_or(|modulus| modulus == 0) {
        findings.refuse("hashmod needs a modulus above 0");
    }
    if ["labeldrop", "labelkeep"].contains(&action.as_str())
        && ["source_labels", "target_label", "modulus", "separator", "replacement"].iter().any(|key| is_there(of, key))
    {
        findings.refuse(format!("{action} allows no other key than regex"));
    }
    // A value that is the default counts as left out, except that of regex.
    let given = |key: &str, default: &str| {
        of.get(key).is_some_and(|value| !value.is_null() && scalar(value).as_deref() != Some(default))
    };
    let equal = ["keepequal", "dropequal"].contains(&action.as_str());
    if (equal || ["lowercase", "uppercase"].contains(&action.as_str())) && given("replacement", "$1") {
        findings.under("replacement", |findings| findings.refuse(format!("{action} allows no replacement")));
    }
    if equal && (given("separator", ";") || given("modulus", "0") || given("regex", "\0")) {
        findings.refuse(format!("{action} allows no other keys than source_labels and target_label"));
    }
    if action == "labelmap" && of.get("replacement").is_some_and(|value| value == "") {
        findings.under("replacement", |findings| {
            findings.refuse("the replacement is empty, but labelmap builds the new label name from it");
        });
    }
}
