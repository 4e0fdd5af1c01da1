//! Finds out what the documents of a file are: rules, dashboards, routes or tests, also inside Kubernetes objects.

mod advice;
mod form;

use super::embedded::{self, File, Form, Frame};
use super::files::Source;
use super::left_out::Why;
use super::options::Options;
use super::place::{ParseError, Place};
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::{self, Node, alone};
use super::{alertmanager_api, dashboards, helm, named_files, refusals, routes, rule_file};
use crate::routing::Configuration;
use crate::server_files::rule_test;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// A document of a file.
pub(super) enum Document {
    Rules(Vec<Rule>),
    Dashboard(Board),
    Routes(Box<Configuration>),
    Tests(Node),
    /// An `AlertmanagerConfig` object.
    Routing(Node),
    /// The configuration of a server. It was checked when it was read.
    Server,
    Other,
}

impl Document {
    /// Returns what follows if the document is not the first of its file, because servers read only the first one.
    /// `None` where all documents are read.
    const fn only_when_first(&self) -> Option<&'static str> {
        match self {
            Self::Rules(_) => Some("these rules do not exist"),
            Self::Tests(_) => Some("these tests are not run"),
            Self::Routes(_) | Self::Server => Some("this configuration does not exist"),
            Self::Dashboard(_) | Self::Routing(_) | Self::Other => None,
        }
    }
}

/// A dashboard, and the bytes of the file that contain it.
pub(super) struct Board {
    pub model: Value,
    pub within: Range<usize>,
}

/// A file after the first pass. Lints that compare files run in a second pass.
pub(super) struct Read<'a> {
    pub report: Report<'a>,
    pub documents: Vec<Document>,
}

/// The result of the first pass over a file.
pub(super) struct First<'a> {
    /// The documents of the file. `None` when none of them can be linted.
    pub read: Option<Read<'a>>,
    /// Notes about parts that are not linted.
    pub notes: Vec<String>,
    /// The reason why nothing in the file is linted.
    pub why: Option<Why>,
}

impl First<'_> {
    fn left_out(why: Why) -> Self {
        Self { read: None, notes: Vec::new(), why: Some(why) }
    }
}

/// Makes the first pass over a file. A file that cannot be read is a finding.
pub(super) fn first<'a>(source: &'a Source, options: &Options) -> First<'a> {
    match &source.text {
        Ok(text) => read(source, text, options),
        Err(why) => {
            let mut report = Report::new(&source.name, "", options.version);
            report.line(
                "RG001",
                Level::Error,
                1,
                format!("the file {why}"),
                "fix the permissions or the encoding; the other files were linted",
            );
            First { read: Some(Read { report, documents: Vec::new() }), notes: Vec::new(), why: None }
        }
    }
}

/// Words of which every relevant file contains one. It avoids parsing thousands of unrelated files in a folder.
const OURS: [&str; 16] = [
    "group",
    "Group",
    "GROUP",
    "alert",
    "expr",
    "tests",
    "receivers",
    "panels",
    "PrometheusRule",
    "AlertmanagerConfig",
    "ConfigMap",
    "GrafanaDashboard",
    "rule_files",
    "scrape_config",
    "_server_config",
    "basic_auth_users",
];

/// Reads the documents of a file.
fn read<'a>(source: &'a Source, text: &'a str, options: &Options) -> First<'a> {
    if !source.named && !OURS.iter().any(|word| text.contains(word)) {
        return First::left_out(if text.trim().is_empty() { Why::Empty } else { Why::Foreign });
    }
    let mut report = Report::new(&source.name, text, options.version).of(options.server).at_least(options.least());
    let json = Path::new(&source.name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if json
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && dashboards::model::is_one(&value)
    {
        let board = Board { model: value, within: 0..text.len() };
        let read = Read { report, documents: vec![Document::Dashboard(board)] };
        return First { read: Some(read), notes: Vec::new(), why: None };
    }
    let (nodes, malformed) = yaml::documents(text);
    let broken = malformed.is_some() || nodes.iter().any(|node| node.key_that_is_no_text().is_some());
    if broken && helm::is_template(text) {
        return First::left_out(Why::Helm);
    }
    if malformed.is_some() && !source.named && !form::may_be_ours(text) {
        return First::left_out(Why::Foreign);
    }
    if nodes.iter().all(Node::is_null) && malformed.is_none() {
        return First::left_out(Why::Empty);
    }
    if let Some(malformed) = malformed {
        let line = text.lines().nth(malformed.place.line.saturating_sub(1)).unwrap_or_default();
        let advice = advice::advice(&malformed.message, line);
        report.add("RG001", Level::Error, &malformed.node(), malformed.message.clone(), advice);
    }
    let mut reader = Documents { source, text, notes: Vec::new(), why: BTreeSet::new() };
    let mut documents = Vec::new();
    // Whether a server stops reading after the first document.
    let mut ends = nodes.first().is_some_and(Node::is_null);
    for (at, node) in nodes.iter().enumerate().flat_map(|(at, node)| members(node).map(move |member| (at, member))) {
        let plain = node.get("kind").is_none() && node.get("namespace").is_none();
        if at > 0 && plain && ends {
            if !node.is_null() {
                let message = format!("only the first document of a file is loaded: {}", reader.lost(node, &report));
                report.add("RG001", Level::Warning, node, message, "write each document to a file of its own");
            }
            continue;
        }
        let found = reader.documents(node, &mut report);
        ends |= at == 0 && plain && found.iter().any(|found| found.only_when_first().is_some());
        documents.extend(found);
    }
    let empty = reader.why.contains(&Why::NoGroups);
    let judged = documents.iter().any(|document| match document {
        Document::Rules(rules) => !empty || !rules.is_empty(),
        Document::Other => false,
        _ => true,
    });
    // A refused file counts as linted. A file of another program does not, even if it has findings about its keys.
    let refused = report.has_any() && !reader.why.contains(&Why::Foreign);
    let why = if judged || refused { None } else { reader.why() };
    let Documents { mut notes, .. } = reader;
    let mut seen = BTreeSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    First { read: Some(Read { report, documents }), notes, why }
}

/// The reader of a file's documents.
struct Documents<'a> {
    source: &'a Source,
    text: &'a str,
    notes: Vec<String>,
    /// The reasons why documents were left out.
    why: BTreeSet<Why>,
}

impl Documents<'_> {
    /// Returns what is lost with a document that no server reads.
    fn lost(&self, node: &Node, report: &Report<'_>) -> &'static str {
        let mut other = Documents { source: self.source, text: self.text, notes: Vec::new(), why: BTreeSet::new() };
        let found = other.documents(node, &mut report.clone());
        found.iter().find_map(Document::only_when_first).unwrap_or("this document is not read")
    }

    /// Returns what a document contains. A `ConfigMap` may contain several files.
    fn documents(&mut self, node: &Node, report: &mut Report<'_>) -> Vec<Document> {
        if let Some(kind) = kind(node)
            && let Some(files) = embedded::files(kind, node)
        {
            let mut found = Vec::new();
            for file in files {
                found.extend(within(self.text, &file, report, &mut self.notes));
            }
            if found.is_empty() {
                self.why.insert(Why::Contains(kind.to_owned()));
            }
            return found;
        }
        vec![self.document(node, report)]
    }

    fn document(&mut self, node: &Node, report: &mut Report<'_>) -> Document {
        if let Some(wrong) = form::wrong_rule_object(node) {
            report.add(
                "RG001",
                Level::Error,
                node,
                wrong,
                "apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule",
            );
            return Document::Other;
        }
        if let Some(kind) = kind(node) {
            if kind == "AlertmanagerConfig" {
                return Document::Routing(node.clone());
            }
            if kind != "PrometheusRule" {
                self.why.insert(Why::Kinds(kind.to_owned()));
                return Document::Other;
            }
            let spec = node.get("spec");
            if spec.is_none() {
                report.add("RG001", Level::Error, node, "the object has no spec", "add spec: {groups: [...]}");
            }
            if spec.is_some_and(has_no_groups) {
                self.why.insert(Why::NoGroups);
            }
            return Document::Rules(spec.map(|spec| rule_file::read(spec, true, report)).unwrap_or_default());
        }
        if node.is_null() {
            return Document::Other;
        }
        if form::is_of_grafana(node) {
            self.why.insert(Why::Grafana);
            return Document::Other;
        }
        if let Some(document) = plain(alone(self.text, node), node, self.source.named, report) {
            if has_no_groups(node) {
                self.why.insert(Why::NoGroups);
            }
            match document {
                Document::Server | Document::Routes(_) => {
                    alertmanager_api::check(node, report);
                    named_files::of_server(node, report);
                }
                Document::Tests(_) => named_files::of_test(node, report),
                _ => {}
            }
            return document;
        }
        if self.source.named || form::misspelt_groups(node).is_some() {
            rule_file::keys(node, &["groups", "namespace"], report);
        }
        self.why.insert(Why::Foreign);
        Document::Other
    }

    /// Returns the reason why nothing in the file is linted. The kinds of several objects become one reason.
    fn why(&self) -> Option<Why> {
        let kind = |why: &Why| match why {
            Why::Kinds(kind) => Some(kind.clone()),
            _ => None,
        };
        let kinds: Vec<String> = self.why.iter().filter_map(kind).collect();
        let first = self.why.iter().next()?.clone();
        Some(if matches!(first, Why::Kinds(_)) { Why::Kinds(kinds.join(", ")) } else { first })
    }
}

/// Returns the objects of a list, as `kubectl get -o yaml` writes it (`List`, `PrometheusRuleList`), or the document
/// itself.
pub(super) fn members(node: &Node) -> impl Iterator<Item = &Node> {
    let is_list = node.get("apiVersion").is_some()
        && node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    let items = node.get("items").filter(|_| is_list).map(Node::items);
    items.unwrap_or(std::slice::from_ref(node)).iter()
}

/// Whether `groups` is there and has no entries.
fn has_no_groups(node: &Node) -> bool {
    node.get("groups").is_some_and(|groups| {
        groups.is_null() || (matches!(groups.kind, yaml::Kind::List(_)) && groups.items().is_empty())
    })
}

/// Returns the kind of a Kubernetes object.
fn kind(node: &Node) -> Option<&str> {
    node.get("apiVersion").and(node.get("kind")).and_then(Node::text)
}

/// Reads a file inside an object.
fn within(outer: &str, file: &File<'_>, report: &mut Report<'_>, notes: &mut Vec<String>) -> Vec<Document> {
    let text = file.text.text().unwrap_or_default();
    let frame = Frame::new(outer, file.key, file.text, text);
    let mut broken = |malformed: &ParseError, what: &str, report: &mut Report<'_>| {
        let why = malformed.message.strip_prefix(yaml::NO_YAML).unwrap_or(&malformed.message);
        if file.mounted {
            let message = format!("{} is not valid {what}: {why}", file.shown);
            report.add(
                "RG001",
                Level::Error,
                &frame.broken(malformed),
                message,
                "the program that mounts it cannot load it",
            );
        } else {
            notes.push(format!("{}: {} is not valid {what}: skipped", report.file(), file.shown));
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
    let nodes = nodes.into_iter().map(|node| (alone(text, &node), frame.moved(node)));
    nodes.filter_map(|(text, node)| plain(text, &node, file.mounted, report)).collect()
}

/// Reports what a server refuses in its configuration, or why the configuration cannot be parsed.
fn report_refusals(
    id: &'static str,
    who: &str,
    check: form::ServerCheck,
    text: &str,
    node: &Node,
    report: &mut Report<'_>,
) {
    match checklist::yaml::parse::<Value>(text) {
        Ok(whole) => {
            refusals::report_all(id, who, node, &check(&whole), report);
        }
        Err(error) => {
            let line = node.place.line + error.place.line.saturating_sub(1);
            let at = ParseError { place: Place { line, ..error.place }, message: String::new() };
            report.add(id, Level::Error, &at.node(), format!("{who} refuses the file: {}", error.message), "");
        }
    }
}

/// Reads rules, tests or routes in the formats of Prometheus and Alertmanager. `text` is the text of the document. A
/// file that the user did not name must look like one of these.
fn plain(text: &str, node: &Node, named: bool, report: &mut Report<'_>) -> Option<Document> {
    if node.get("groups").is_some() && (named || form::is_rule_file(node)) {
        return Some(Document::Rules(rule_file::read(node, false, report)));
    }
    if form::is_test(node) {
        report_refusals("RG041", "promtool", rule_test::check, text, node, report);
        return Some(Document::Tests(node.clone()));
    }
    if let Some((who, check)) = form::server_file(node, named) {
        report_refusals("RG008", who, check, text, node, report);
        return Some(Document::Server);
    }
    if node.get("route").is_some() && node.get("receivers").is_some() {
        return Some(routes::read(text, node, report).map_or(Document::Server, |found| Document::Routes(found.into())));
    }
    None
}
