//! Lints rule files, `PrometheusRule` objects, dashboards and Alertmanager configurations, whether generated or not.
//! What Prometheus refuses is an error; other findings are mistakes that reviews or outages reveal.

pub mod alert_series;
mod alertmanager_api;
pub mod checks;
pub mod configuration;
mod context;
mod dashboards;
pub mod definition;
mod documents;
mod duplicates;
mod duration_meant;
mod embedded;
pub mod expr;
pub mod files;
pub mod fix;
pub mod flavour;
mod helm;
mod identity;
pub mod labels;
pub mod left_out;
pub mod live;
pub mod metric_facts;
mod named_files;
pub(crate) mod number;
pub mod options;
pub mod output;
pub mod overlaps;
pub mod place;
pub mod recordings;
mod refusals;
pub mod report;
mod routes;
pub mod rule_file;
mod target_files;
pub mod template;
mod tested;
mod tested_files;
mod threads;
pub mod yaml;
mod yaml_v3;

pub use options::Options;

use crate::routing::Configuration;
use crate::terminal::Progress;
use context::Context;
use documents::{Document, First, Read, first};
use duplicates::Duplicates;
use files::Source;
use left_out::LeftOut;
use overlaps::Overlaps;
use recordings::Recordings;
use report::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tested_files::TestedFiles;
use threads::{on_all_cores, result, thread};

/// The result of a lint run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The findings, ordered by file and place.
    pub findings: Vec<Finding>,
    /// The names of all files that were read, in order.
    pub files: Vec<String>,
    /// Notes about what was left out, one sentence each.
    pub notes: Vec<String>,
    /// The files in which nothing was linted.
    pub left_out: Vec<LeftOut>,
}

/// Lints all files together, because a rule may use series that another file records.
pub fn run(sources: &[Source], options: &Options) -> Outcome {
    let progress = Progress::silent();
    second_pass(&read(sources, options, &progress), sources, options, &progress)
}

/// Like [`run`], and shows the progress. The trees of the files are not freed: the program ends after the run, and
/// freeing them one by one would take a tenth of its time.
pub fn run_showing(sources: &[Source], options: &Options, progress: &Progress) -> Outcome {
    second_pass(&ManuallyDrop::new(read(sources, options, progress)), sources, options, progress)
}

/// Returns a function that shows how many of `all` files are done. It is called once for each file.
fn counted(what: &'static str, all: usize, progress: &Progress) -> impl Fn() + Sync {
    let done = AtomicUsize::new(0);
    move || progress.show(&format!("{what} {} of {all} files", done.fetch_add(1, Relaxed) + 1))
}

/// Makes the first pass over all files.
fn read<'a>(sources: &'a [Source], options: &Options, progress: &Progress) -> Vec<First<'a>> {
    let done = counted("read", sources.len(), progress);
    let read = |source| {
        let first = first(source, options);
        done();
        first
    };
    on_all_cores(sources, &read)
}

/// Makes the second pass, in which each file is judged with what is known from all of them.
fn second_pass(first: &[First<'_>], sources: &[Source], options: &Options, progress: &Progress) -> Outcome {
    let mut notes: Vec<String> = first.iter().flat_map(|first| first.notes.clone()).collect();
    let not_linted = |(source, first): (&Source, &First<'_>)| {
        Some(LeftOut { file: source.name.clone(), named: source.named, why: first.why.clone()? })
    };
    let left_out: Vec<LeftOut> = sources.iter().zip(first).filter_map(not_linted).collect();
    notes.extend(left_out::notes(&left_out));
    let all: Vec<&Read<'_>> = first.iter().filter_map(|first| first.read.as_ref()).collect();
    let documents = || all.iter().flat_map(|read| &read.documents);
    let rules = || {
        documents().flat_map(|document| match document {
            Document::Rules(rules) => rules.as_slice(),
            _ => &[],
        })
    };
    let boards = || {
        documents().filter_map(|document| match document {
            Document::Dashboard(board) => Some(&board.model),
            _ => None,
        })
    };
    let tests = documents().filter_map(|document| match document {
        Document::Tests(node) => Some(node),
        _ => None,
    });
    let tested = tested::Tested::new(tests, TestedFiles::by(&all));
    // What is known about all files takes a while to collect, so two threads do it.
    let (recordings, (used, duplicates, overlaps)) = std::thread::scope(|scope| {
        let others = || {
            let duplicates = Duplicates::new(&all, tested.loaded());
            let overlaps = Overlaps::of(&all, &duplicates);
            (tested::used(rules(), boards()), duplicates, overlaps)
        };
        let others = thread(scope, others);
        (Recordings::of(rules()), result(others))
    });
    let options = &with_recorded(options, &recordings);
    let configurations = configurations(&all);
    // Only panels are compared with the limits of alerts, and read recorded series here.
    let for_panels = || rules().filter(|_| boards().next().is_some());
    let limits = dashboards::limits::Limits::of(for_panels());
    let recorded: BTreeSet<&str> = for_panels().filter(|rule| !rule.alerts).map(|rule| &*rule.name.value).collect();
    let uids = dashboards::links::uids(boards());
    let surroundings =
        dashboards::context::DashboardContext { recorded: &recorded, limits: &limits, uids: uids.as_ref(), options };
    let alerts = alerts(&all);
    let context = Context {
        options,
        recordings: &recordings,
        uses_severity: rules().any(|rule| rule.alerts && rule.label("severity").is_some()),
        uids: uids.as_ref(),
        alerts: &alerts,
        routing: &configurations,
        tested: &tested,
        overlaps: &overlaps,
        used: &used,
    };
    let judged = counted("judged", all.len(), progress);
    let check_file = |(file, read): (usize, &Read<'_>)| {
        let mut report = read.report.clone();
        for (at, document) in read.documents.iter().enumerate() {
            match document {
                Document::Rules(rules) => {
                    let own: Vec<_> = rules.iter().filter(|rule| !duplicates.is_duplicate(file, rule)).collect();
                    if own.len() < rules.len() {
                        report.is_judged_partly();
                    }
                    checks::rules(rules, &own, &context, &mut report);
                }
                Document::Dashboard(board) if duplicates.is_duplicate_dashboard((file, at), board) => {
                    report.is_judged_partly();
                }
                Document::Dashboard(board) => {
                    report.look_in(board.within.clone());
                    checks::dashboard(&board.model, &surroundings, &mut report);
                }
                Document::Routing(node) => routes::object(node, rules(), options, &mut report),
                Document::Tests(node) => checks::test(node, &context, &mut report),
                Document::Routes(configuration) => {
                    // The names, because a folder may have the same rules in several forms.
                    let names: BTreeSet<&str> = alerts.values().flatten().copied().collect();
                    routes::without_integrations(configuration, names.len(), &mut report);
                }
                Document::Server | Document::Other => {}
            }
        }
        judged();
        report.finish(options.today, checks::id)
    };
    let numbered: Vec<(usize, &Read<'_>)> = all.iter().copied().enumerate().collect();
    let mut findings: Vec<Finding> =
        on_all_cores(&numbered, &|one: &(usize, &Read<'_>)| check_file(*one)).into_iter().flatten().collect();
    for configuration in &options.configurations {
        findings = configuration.apply(findings, sources, options.today);
    }
    findings.sort_by(|a, b| (&a.file, a.place, a.id, &a.message).cmp(&(&b.file, b.place, b.id, &b.message)));
    findings.dedup();
    let files = sources.iter().map(|source| source.name.clone()).collect();
    Outcome { findings, files, notes, left_out }
}

/// Returns the settings, with what is known about the labels of recorded series. The labels of our own metrics are
/// known better from the catalog.
fn with_recorded(options: &Options, recordings: &Recordings<'_>) -> Options {
    let mut options = options.clone();
    let mut recorded = Arc::clone(recordings.facts().recorded());
    let is_ours = |name: &String| name.starts_with("checklist_");
    if recorded.keys().any(is_ours) {
        Arc::make_mut(&mut recorded).retain(|name, _| !is_ours(name));
    }
    options.known.set_recorded(recorded);
    options
}

/// Returns the names of the alerts in each rule file.
fn alerts<'a>(all: &[&'a Read<'_>]) -> BTreeMap<PathBuf, BTreeSet<&'a str>> {
    let mut alerts: BTreeMap<PathBuf, BTreeSet<&str>> = BTreeMap::new();
    for read in all {
        for document in &read.documents {
            if let Document::Rules(rules) = document {
                let names = rules.iter().filter(|rule| rule.alerts).map(|rule| &*rule.name.value);
                alerts.entry(tested_files::plain(Path::new(read.report.file()))).or_default().extend(names);
            }
        }
    }
    alerts
}

/// Returns the Alertmanager configurations.
fn configurations<'a>(all: &[&'a Read<'_>]) -> Vec<&'a Configuration> {
    let documents = all.iter().flat_map(|read| &read.documents);
    let routes = |document: &'a Document| match document {
        Document::Routes(configuration) => Some(&**configuration),
        _ => None,
    };
    documents.filter_map(routes).collect()
}

/// Returns the questions to a live server about these files.
pub fn questions(sources: &[Source], options: &Options) -> live::Questions {
    let read = on_all_cores(sources, &|source| first(source, options).read);
    live::Questions::of(read.iter().flatten().flat_map(|read| &read.documents).flat_map(|document| match document {
        Document::Rules(rules) => rules.as_slice(),
        _ => &[],
    }))
}
