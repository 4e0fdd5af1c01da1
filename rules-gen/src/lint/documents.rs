//! What a file holds: rules, dashboards, routes and tests, also within the objects of a cluster.

use super::embedded::{self, File, Form, Frame};
use super::files::Source;
use super::options::Options;
use super::place::ParseError;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::{self, Node};
use super::{dashboards, refusals, routes, rule_file};
use crate::routing::Configuration;
use crate::server_files::schema::Refusal;
use crate::server_files::{prometheus_yml, rule_test, web_yml};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// What a document is.
pub(super) enum Document {
    Rules(Vec<Rule>),
    Dashboard(Board),
    Routes(Box<Configuration>),
    Tests(Node),
    /// An `AlertmanagerConfig` object.
    Routing(Node),
    Other,
}

/// A dashboard and the bytes of the file that hold it.
pub(super) struct Board {
    pub model: Value,
    pub within: Range<usize>,
}

/// A file after the first pass, which knows what is recorded.
pub(super) struct Read<'a> {
    pub report: Report<'a>,
    pub documents: Vec<Document>,
}

/// The first pass over a file; one without a text is an error of its own.
pub(super) fn first<'a>(source: &'a Source, options: &Options) -> (Option<Read<'a>>, Vec<String>) {
    match &source.text {
        Ok(text) => read(source, text, options),
        Err(why) => {
            let mut report = Report::new(&source.name, "", options.version);
            report.line("RG001", Level::Error, 1, format!("the file {why}"), "the other files were checked");
            (Some(Read { report, documents: Vec::new() }), Vec::new())
        }
    }
}

/// The documents of a file, and notes about what was left out.
fn read<'a>(source: &'a Source, text: &'a str, options: &Options) -> (Option<Read<'a>>, Vec<String>) {
    let mut notes = Vec::new();
    let mut report = Report::new(&source.name, text, options.version);
    let json = Path::new(&source.name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if json
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && dashboards::model::is_one(&value)
    {
        let board = Board { model: value, within: 0..text.len() };
        return (Some(Read { report, documents: vec![Document::Dashboard(board)] }), notes);
    }
    let (nodes, malformed) = yaml::documents(text);
    if is_helm(text, malformed.is_some()) {
        notes.push(format!("{} is a Helm template, not YAML: left out; lint what helm template gives", source.name));
        return (None, notes);
    }
    if let Some(malformed) = malformed {
        let node = Node { place: malformed.place, span: 0..0, kind: yaml::Kind::Scalar(String::new(), true) };
        report.add("RG001", Level::Error, &node, format!("this is no YAML: {}", malformed.message), "");
    }
    let several = nodes.len() > 1;
    let mut documents = Vec::new();
    for (at, node) in nodes.iter().enumerate().flat_map(|(at, node)| members(node).map(move |member| (at, member))) {
        if let Some((kind, files)) = kind(node).and_then(|kind| Some((kind, embedded::files(kind, node)?))) {
            let before = documents.len();
            for file in files {
                documents.extend(within(text, &file, &mut report, &mut notes));
            }
            if documents.len() == before {
                notes.push(format!("{}: the {kind} holds no rules and no dashboard", source.name));
            }
            continue;
        }
        let document = document(source, node, &mut report, &mut notes);
        if let (Document::Rules(_), true, true) = (&document, several && at > 0, node.get("kind").is_none()) {
            report.add("RG001", Level::Warning, node, "Prometheus reads the first document of a rule file only", "");
        }
        documents.push(document);
    }
    let mut seen = BTreeSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    (Some(Read { report, documents }), notes)
}

/// The objects of a list as `kubectl get -o yaml` writes it (`List`, `PrometheusRuleList`), or the document itself.
fn members(node: &Node) -> impl Iterator<Item = &Node> {
    let is_list = node.get("apiVersion").is_some()
        && node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    let items = node.get("items").filter(|_| is_list).map(Node::items);
    items.unwrap_or(std::slice::from_ref(node)).iter()
}

/// The kind of an object of a cluster.
fn kind(node: &Node) -> Option<&str> {
    node.get("apiVersion").and(node.get("kind")).and_then(Node::text)
}

/// What a file within an object holds.
fn within(outer: &str, file: &File<'_>, report: &mut Report<'_>, notes: &mut Vec<String>) -> Vec<Document> {
    let text = file.text.text().unwrap_or_default();
    let frame = Frame::new(outer, file.key, file.text, text);
    let mut broken = |malformed: &ParseError, what: &str, report: &mut Report<'_>| {
        if file.mounted {
            let message = format!("{} is no {what}: {}", file.shown, malformed.message);
            report.add("RG001", Level::Error, &frame.broken(malformed), message, "who mounts it cannot read it");
        } else {
            notes.push(format!("{}: {} is no {what}: left out", report.file(), file.shown));
        }
    };
    if file.form == Form::Json {
        return match serde_json::from_str::<Value>(text) {
            Ok(mut model) if dashboards::model::is_one(&model) => {
                if let Some(uid) = file.uid {
                    model["uid"] = uid.into();
                }
                vec![Document::Dashboard(Board { model, within: frame.within() })]
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                broken(&embedded::of_json(&error), "JSON", report);
                Vec::new()
            }
        };
    }
    let (nodes, malformed) = yaml::documents(text);
    if let Some(malformed) = malformed {
        broken(&malformed, "YAML", report);
    }
    let nodes = nodes.into_iter().map(|node| frame.moved(node));
    nodes.filter_map(|node| plain(text, &node, report)).collect()
}

/// Whether it is a prometheus.yml. Programs that send logs have `scrape_configs` too, beside keys of their own.
fn is_prometheus(node: &Node) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| node.get(key).is_some());
    let alerting = node.get("alerting").is_some_and(|alerting| {
        ["alertmanagers", "alert_relabel_configs"].iter().any(|key| alerting.get(key).is_some())
    });
    (has(&["scrape_configs", "scrape_config_files"]) || alerting || (has(&["global"]) && has(&["rule_files"])))
        && !has(&["clients", "positions", "server", "limits_config", "apiVersion", "route", "tests", "groups"])
}

/// Tells what a server refuses of a configuration file that is alone in its text.
fn tell(
    id: &'static str,
    who: &str,
    check: fn(&Value) -> Vec<Refusal>,
    text: &str,
    node: &Node,
    report: &mut Report<'_>,
) {
    // What cannot be read so has been told by the reader of YAML.
    if let Ok(whole) = serde_yaml::from_str(text) {
        refusals::tell(id, who, node, &check(&whole), report);
    }
}

/// Rules, tests or routes as Prometheus and Alertmanager read them.
fn plain(text: &str, node: &Node, report: &mut Report<'_>) -> Option<Document> {
    if node.get("groups").is_some() {
        return Some(Document::Rules(rule_file::read(node, false, report)));
    }
    if node.get("tests").is_some() {
        tell("RG041", "promtool", rule_test::check, text, node, report);
        return Some(Document::Tests(node.clone()));
    }
    if is_prometheus(node) {
        tell("RG008", "Prometheus", prometheus_yml::check, text, node, report);
        return Some(Document::Other);
    }
    if ["tls_server_config", "http_server_config", "basic_auth_users"].iter().any(|key| node.get(key).is_some()) {
        tell("RG008", "the server", web_yml::check, text, node, report);
        return Some(Document::Other);
    }
    if node.get("route").is_some() && node.get("receivers").is_some() {
        // Only a configuration that is alone in its file can be read from the file's text.
        return Some(routes::read(text, node, report).map_or(Document::Other, |found| Document::Routes(found.into())));
    }
    None
}

fn document(source: &Source, node: &Node, report: &mut Report<'_>, notes: &mut Vec<String>) -> Document {
    if let Some(kind) = kind(node) {
        if kind == "AlertmanagerConfig" {
            return Document::Routing(node.clone());
        }
        if kind != "PrometheusRule" {
            notes.push(format!("{}: objects of kind {kind} are not linted", source.name));
            return Document::Other;
        }
        let spec = node.get("spec");
        if spec.is_none() {
            report.add("RG001", Level::Error, node, "the object has no spec", "spec: {groups: [...]}");
        }
        return Document::Rules(spec.map(|spec| rule_file::read(spec, true, report)).unwrap_or_default());
    }
    if node.is_null() {
        return Document::Rules(Vec::new());
    }
    if let Some(document) = plain(source.text.as_deref().unwrap_or_default(), node, report) {
        return document;
    }
    if source.named {
        rule_file::keys(node, &["groups", "namespace"], report);
    } else {
        notes.push(format!("{} has no rules, tests, dashboard or routes: left out", source.name));
    }
    Document::Other
}

/// Whether an action `{{ ... }}` is one of Helm's own, which no rule's annotation has; in what is no YAML an action that
/// begins a line tells as well.
fn is_helm(text: &str, malformed: bool) -> bool {
    let actions = text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let object = |action: &str, name: &str| {
        action.match_indices(name).any(|(at, _)| {
            let before = action[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')'))
        })
    };
    let own = |action: &str| {
        [".Values.", ".Release.", ".Chart.", ".Capabilities.", "include \""].iter().any(|name| object(action, name))
            || (malformed && object(action, "template \""))
    };
    actions.into_iter().any(own) || (malformed && text.lines().any(|line| line.trim_start().starts_with("{{")))
}
