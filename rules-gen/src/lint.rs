//! Lints for rule files, `PrometheusRule` objects, dashboards and Alertmanager configurations, ours or others'.
//! What Prometheus refuses is an error; the rest is what reviews find, or outages.

pub mod checks;
pub mod command;
mod dashboards;
pub mod expr;
pub mod files;
pub mod known;
pub mod labels;
mod light;
pub mod live;
pub mod output;
pub mod pages;
pub mod report;
mod routes;
pub mod rule_file;
pub mod template;
mod tested;
pub mod yaml;

use crate::routing::Configuration;
use crate::terminal::Progress;
use checks::Context;
use files::Source;
use jiff::civil::Date;
use known::Known;
use report::{Finding, Level, Report};
use rule_file::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use yaml::Node;

/// Bytes of a thread's stack: expressions are walked by recursion. Only what is used takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// What the lints measure by.
#[derive(Debug, Clone)]
pub struct Options {
    /// Metrics that are known.
    pub known: Known,
    /// Seconds that Prometheus keeps.
    pub retention: f64,
    /// Seconds between two scrapes.
    pub scrape_interval: f64,
    /// Seconds between two evaluations of a group that says nothing.
    pub evaluation_interval: f64,
    /// The oldest server that must accept the rules.
    pub version: Option<(u32, u32)>,
    /// The folder of the runbooks that links point to.
    pub runbooks: Option<PathBuf>,
    /// Links that lead nowhere, and why; filled from live servers.
    pub broken_links: BTreeMap<String, String>,
    /// The day, for suppressions that end.
    pub today: Date,
}

impl Default for Options {
    /// Prometheus' own defaults: samples for 15 days, scraped and evaluated once a minute. Half a minute between
    /// scrapes is what its operator sets.
    fn default() -> Self {
        Self {
            known: Known::catalog(None),
            retention: 15.0 * 86_400.0,
            scrape_interval: 30.0,
            evaluation_interval: 30.0,
            version: None,
            runbooks: None,
            broken_links: BTreeMap::new(),
            today: Date::MAX,
        }
    }
}

/// What a document is.
enum Document {
    Rules(Vec<Rule>),
    Dashboard(serde_json::Value),
    Routes(Box<Configuration>),
    Tests(Node),
    /// An `AlertmanagerConfig` object.
    Routing(Node),
    Other,
}

/// A file after the first pass, which knows what is recorded.
struct Read<'a> {
    report: Report<'a>,
    documents: Vec<Document>,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was found, in order of file and place.
    pub findings: Vec<Finding>,
    /// Every file that was read, in order.
    pub files: Vec<String>,
    /// What was left out, a sentence each.
    pub notes: Vec<String>,
}

/// Lints all files together: a rule may use what another file records.
pub fn run(sources: &[Source], options: &Options) -> Outcome {
    run_showing(sources, options, &Progress::silent())
}

/// The same, and shows how far it is.
pub fn run_showing(sources: &[Source], options: &Options, progress: &Progress) -> Outcome {
    let counted = |what: &'static str| {
        let done = AtomicUsize::new(0);
        move || progress.tell(&format!("{what} {} of {} files", done.fetch_add(1, Relaxed) + 1, sources.len()))
    };
    let parsed = counted("read");
    let first = |source| {
        let read = first(source, options);
        parsed();
        read
    };
    let (all, notes): (Vec<_>, Vec<_>) = on_all_cores(sources.iter().collect(), &first).into_iter().unzip();
    let all: Vec<Read<'_>> = all.into_iter().flatten().collect();
    let rules = || {
        all.iter().flat_map(|read| &read.documents).flat_map(|document| match document {
            Document::Rules(rules) => rules.as_slice(),
            _ => &[],
        })
    };
    let recorded: BTreeSet<String> = rules().filter(|rule| !rule.alerts).map(|rule| rule.name.value.clone()).collect();
    let tested =
        tested::Tested::new(all.iter().flat_map(|read| &read.documents).filter_map(|document| match document {
            Document::Tests(node) => Some(node),
            _ => None,
        }));
    let used = tested::used(
        rules(),
        all.iter().flat_map(|read| &read.documents).filter_map(|document| match document {
            Document::Dashboard(value) => Some(value),
            _ => None,
        }),
    );
    let configurations: Vec<&Configuration> = all
        .iter()
        .flat_map(|read| &read.documents)
        .filter_map(|document| match document {
            Document::Routes(configuration) => Some(&**configuration),
            _ => None,
        })
        .collect();
    let limits = dashboards::limits::Limits::of(rules());
    let beside = dashboards::Beside { recorded: &recorded, limits: &limits, options };
    let context = Context { options, recorded: &recorded };
    let judged = counted("judged");
    let judge = |read: &Read<'_>| {
        let mut report = read.report.clone();
        for document in &read.documents {
            match document {
                Document::Rules(rules) => {
                    for rule in rules {
                        checks::check(rule, &context, &mut report);
                        tested.check(rule, &used, &mut report);
                        routes::check(rule, &configurations, &mut report);
                    }
                    rule_file::duplicates(rules, &mut report);
                }
                Document::Dashboard(value) => dashboards::check(value, &beside, &mut report),
                Document::Routing(node) => routes::object(node, rules(), options, &mut report),
                Document::Tests(_) | Document::Routes(_) | Document::Other => {}
            }
        }
        judged();
        report.finish(options.today)
    };
    let mut findings: Vec<Finding> = on_all_cores(all.iter().collect(), &judge).into_iter().flatten().collect();
    findings.sort_by(|a, b| (&a.file, a.place, a.id, &a.message).cmp(&(&b.file, b.place, b.id, &b.message)));
    findings.dedup();
    let files = sources.iter().map(|source| source.name.clone()).collect();
    Outcome { findings, files, notes: notes.into_iter().flatten().collect() }
}

/// What a live server is to be asked about these files.
pub fn asked(sources: &[Source], options: &Options) -> live::Asked {
    let read = on_all_cores(sources.iter().collect(), &|source| first(source, options).0);
    live::Asked::of(read.iter().flatten().flat_map(|read| &read.documents).flat_map(|document| match document {
        Document::Rules(rules) => rules.as_slice(),
        _ => &[],
    }))
}

/// The results in the order of the items, made by as many threads as there are cores.
fn on_all_cores<I: Send, R: Send>(items: Vec<I>, work: &(dyn Fn(I) -> R + Sync)) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = items.len().div_ceil(cores).max(1);
    let mut items = items.into_iter();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        loop {
            let mine: Vec<I> = items.by_ref().take(share).collect();
            if mine.is_empty() {
                break;
            }
            let all = move || mine.into_iter().map(work).collect::<Vec<R>>();
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, all);
            threads.push(thread.unwrap_or_else(|error| panic!("no thread can be started: {error}")));
        }
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The first pass over a file; one without a text is an error of its own.
fn first<'a>(source: &'a Source, options: &Options) -> (Option<Read<'a>>, Vec<String>) {
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
        && dashboards::is_one(&value)
    {
        return (Some(Read { report, documents: vec![Document::Dashboard(value)] }), notes);
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
        let document = document(source, node, &mut report, &mut notes);
        if let (Document::Rules(_), true, true) = (&document, several && at > 0, node.get("kind").is_none()) {
            report.add("RG001", Level::Warning, node, "Prometheus reads the first document of a rule file only", "");
        }
        documents.push(document);
    }
    (Some(Read { report, documents }), notes)
}

/// The objects of a list as `kubectl get -o yaml` writes it (`List`, `PrometheusRuleList`), or the document itself.
fn members(node: &Node) -> impl Iterator<Item = &Node> {
    let is_list = node.get("apiVersion").is_some()
        && node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    let items = node.get("items").filter(|_| is_list).map(Node::items);
    items.unwrap_or(std::slice::from_ref(node)).iter()
}

fn document(source: &Source, node: &Node, report: &mut Report<'_>, notes: &mut Vec<String>) -> Document {
    let kind = node.get("kind").and_then(Node::text);
    if let (Some(kind), Some(_)) = (kind, node.get("apiVersion")) {
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
    if node.get("groups").is_some() || node.is_null() {
        return Document::Rules(rule_file::read(node, false, report));
    }
    if node.get("tests").is_some() {
        return Document::Tests(node.clone());
    }
    if node.get("route").is_some() && node.get("receivers").is_some() {
        // Only a configuration that is alone in its file can be read from the file's text.
        let text = source.text.as_deref().unwrap_or_default();
        return routes::read(text, node, report).map_or(Document::Other, |found| Document::Routes(found.into()));
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
