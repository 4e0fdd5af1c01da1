//! Recognises documents without a `kind`: rule files, rule tests, configurations, and files that only look like them.

use crate::lint::rule_file;
use crate::lint::yaml::{Kind, Node};
use crate::server_files::schema::Refusal;
use crate::server_files::{prometheus_yml, web_yml};
use checklist::yaml::hint;
use serde_json::Value;

/// A function that returns what a server refuses in its configuration.
pub(super) type ServerCheck = fn(&Value) -> Vec<Refusal>;

/// Whether a text that is not valid YAML, and was found in a folder, may be meant as a file for us. Folders often
/// contain templates of other programs.
pub(super) fn may_be_ours(text: &str) -> bool {
    // Templates of Jinja, Liquid and ERB begin lines so.
    if text.lines().any(|line| ["{%", "<%"].iter().any(|sign| line.trim_start().starts_with(sign))) {
        return false;
    }
    let all = |words: &[&str]| words.iter().all(|word| text.contains(word));
    let objects = ["PrometheusRule", "GrafanaDashboard", "AlertmanagerConfig", "alert_rule_test", "promql_expr_test"];
    objects.iter().any(|word| text.contains(word))
        || [["expr", "alert"], ["expr", "record"], ["receivers", "route"], ["panels", "targets"]]
            .iter()
            .any(|one| all(one))
        || text.lines().any(|line| line.trim_start().starts_with("groups:"))
        || may_be_of_a_server(text)
}

/// The same for the configurations that [`server_file`] knows.
fn may_be_of_a_server(text: &str) -> bool {
    let has = |keys: &[&str]| {
        let key = |line: &str| line.split_once(':').is_some_and(|(key, _)| keys.contains(&key));
        text.lines().any(key)
    };
    has(&WEB) || (has(&["scrape_configs", "scrape_config_files", "alerting", "rule_files"]) && !has(&NOT_PROMETHEUS))
}

/// Each of these is in a web configuration only.
const WEB: [&str; 3] = ["tls_server_config", "http_server_config", "basic_auth_users"];

/// What a prometheus.yml does not have: programs that send logs have `scrape_configs` too, beside keys of their own.
const NOT_PROMETHEUS: [&str; 8] =
    ["clients", "positions", "server", "limits_config", "apiVersion", "route", "tests", "groups"];

/// Whether a document with `groups` that was found in a folder is a rule file: some group has rules, or there are only
/// named groups.
pub(super) fn is_rule_file(node: &Node) -> bool {
    let Some(groups) = node.get("groups") else { return false };
    if has_rules(groups) {
        return true;
    }
    let alone = node.entries().iter().all(|(key, _)| matches!(key.text(), Some("groups" | "namespace")));
    alone && (groups.is_null() || matches!(groups.kind, Kind::List(_)) && groups.items().iter().all(is_empty_group))
}

/// Whether an entry without rules is a rule group: it has a name, and its other keys are those of a group or a misspelt
/// `rules`. Files of other programs have named groups too.
fn is_empty_group(group: &Node) -> bool {
    let of_group = |key: &Node| {
        let key = key.text().unwrap_or_default();
        rule_file::is_key_of_group(key) || !hint(key, &["rules"]).is_empty()
    };
    group.get("name").is_some() && group.entries().iter().all(|(key, _)| of_group(key))
}

fn has_rules(groups: &Node) -> bool {
    groups.items().iter().any(|group| group.get("rules").is_some())
}

/// Returns a misspelt key for `groups`, such as `group` or `Groups`, if rules are below it.
pub(super) fn misspelt_groups(node: &Node) -> Option<&str> {
    let found = node.entries().iter().find(|(key, value)| {
        let near = |key: &str| key != "groups" && !hint(key, &["groups"]).is_empty();
        key.text().is_some_and(near) && has_rules(value)
    });
    found.and_then(|(key, _)| key.text())
}

/// Returns what is wrong with an object that should be a `PrometheusRule`: its kind is misspelt, or its apiVersion is
/// missing.
pub(super) fn wrong_rule_object(node: &Node) -> Option<String> {
    let kind = node.get("kind").and_then(Node::text)?;
    let rules = node.get("spec").and_then(|spec| spec.get("groups")).is_some_and(has_rules);
    let near = hint(kind, &["PrometheusRule"]);
    match (kind, node.get("apiVersion")) {
        ("PrometheusRule", None) => Some("the object has no apiVersion, so Kubernetes refuses it".to_owned()),
        ("PrometheusRule", Some(_)) => None,
        _ if rules && !near.is_empty() => Some(format!("unknown kind {kind}{near}")),
        _ => None,
    }
}

/// Whether the document is a file for `promtool test rules`.
pub(super) fn is_test(node: &Node) -> bool {
    let Some(tests) = node.get("tests") else { return false };
    let of_tests = ["input_series", "alert_rule_test", "promql_expr_test"];
    ["rule_files", "evaluation_interval", "group_eval_order"].iter().any(|key| node.get(key).is_some())
        || tests.items().iter().any(|test| of_tests.iter().any(|key| test.get(key).is_some()))
}

/// Whether the document is a provisioning file with alert rules that Grafana itself evaluates.
pub(super) fn is_of_grafana(node: &Node) -> bool {
    let groups = node.get("groups").map(Node::items).unwrap_or_default();
    let provisioned = |group: &Node| group.get("folder").is_some() || group.get("orgId").is_some();
    node.get("apiVersion").is_some() && node.get("kind").is_none() && groups.iter().any(provisioned)
}

/// Returns the server and its check if the document is a prometheus.yml or a web configuration. A file that the user
/// named is one if it has no other keys.
pub(super) fn server_file(node: &Node, named: bool) -> Option<(&'static str, ServerCheck)> {
    let only = |known: &[&str]| {
        let own = |key: &Node| key.text().is_some_and(|key| known.contains(&key));
        named && !node.entries().is_empty() && node.entries().iter().all(|(key, _)| own(key))
    };
    if is_prometheus(node) || only(&OF_PROMETHEUS) {
        return Some(("Prometheus", prometheus_yml::check));
    }
    let web = WEB.iter().any(|key| node.get(key).is_some()) || only(&["rate_limit"]);
    web.then_some(("the server", web_yml::check))
}

/// The keys of a prometheus.yml.
const OF_PROMETHEUS: [&str; 11] = [
    "global",
    "alerting",
    "rule_files",
    "scrape_config_files",
    "scrape_configs",
    "storage",
    "tracing",
    "runtime",
    "remote_write",
    "remote_read",
    "otlp",
];

/// Keys that `global` has only in a prometheus.yml.
const OF_SCRAPES: [&str; 10] = [
    "scrape_interval",
    "scrape_timeout",
    "scrape_protocols",
    "evaluation_interval",
    "external_labels",
    "query_log_file",
    "rule_query_offset",
    "body_size_limit",
    "sample_limit",
    "metric_name_validation_scheme",
];

/// Whether it is a prometheus.yml.
fn is_prometheus(node: &Node) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| node.get(key).is_some());
    let alerting = node.get("alerting").is_some_and(|alerting| {
        ["alertmanagers", "alert_relabel_configs"].iter().any(|key| alerting.get(key).is_some())
    });
    let scrapes = |global: &Node| OF_SCRAPES.iter().any(|key| global.get(key).is_some());
    let global = node.get("global").is_some_and(scrapes) || (has(&["global"]) && has(&["rule_files"]));
    (has(&["scrape_configs", "scrape_config_files"]) || alerting || global) && !has(&NOT_PROMETHEUS)
}
