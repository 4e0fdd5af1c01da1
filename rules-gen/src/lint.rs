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
pub mod yaml;
mod yaml_v3;

pub use options::Options;

use crate::routing::Configuration;
use crate::terminal::Progress;
use context::Context;
use documents::{Document, Read, first};
use duplicates::Duplicates;
use files::Source;
use left_out::LeftOut;
use overlaps::Overlaps;
use recordings::Recordings;
use report::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tested_files::TestedFiles;

/// The stack size of a thread in bytes. Expressions are visited by recursion. Only the used part takes memory.
const STACK: usize = 64 * 1024 * 1024;

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
    run_showing(sources, options, &Progress::silent())
}

/// Like [`run`], and shows the progress.
pub fn run_showing(sources: &[Source], options: &Options, progress: &Progress) -> Outcome {
    let counted = |what: &'static str| {
        let done = AtomicUsize::new(0);
        move || progress.show(&format!("{what} {} of {} files", done.fetch_add(1, Relaxed) + 1, sources.len()))
    };
    let parsed = counted("read");
    let first = |source| {
        let read = first(source, options);
        parsed();
        read
    };
    let (mut all, mut notes, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for (source, first) in sources.iter().zip(on_all_cores(sources, &first)) {
        notes.extend(first.notes);
        left_out.extend(first.why.map(|why| LeftOut { file: source.name.clone(), named: source.named, why }));
        all.extend(first.read);
    }
    notes.extend(left_out::notes(&left_out));
    let rules = || {
        all.iter().flat_map(|read| &read.documents).flat_map(|document| match document {
            Document::Rules(rules) => rules.as_slice(),
            _ => &[],
        })
    };
    let recorded: BTreeSet<String> = rules().filter(|rule| !rule.alerts).map(|rule| rule.name.value.clone()).collect();
    let recordings = Recordings::of(rules());
    let options = &with_recorded(options, &recordings);
    let tests = all.iter().flat_map(|read| &read.documents).filter_map(|document| match document {
        Document::Tests(node) => Some(node),
        _ => None,
    });
    let tested = tested::Tested::new(tests, TestedFiles::by(&all));
    let boards = || {
        all.iter().flat_map(|read| &read.documents).filter_map(|document| match document {
            Document::Dashboard(board) => Some(&board.model),
            _ => None,
        })
    };
    let used = tested::used(rules(), boards());
    let configurations = configurations(&all);
    // Only panels are compared with the limits of alerts.
    let limits = dashboards::limits::Limits::of(rules().filter(|_| boards().next().is_some()));
    let uids = dashboards::links::uids(boards());
    let surroundings =
        dashboards::context::DashboardContext { recorded: &recorded, limits: &limits, uids: uids.as_ref(), options };
    let alerts = alerts(&all);
    // The names, because a folder may have the same rules in several forms.
    let alert_names = rules().filter(|rule| rule.alerts).map(|rule| &rule.name.value).collect::<BTreeSet<_>>().len();
    let duplicates = Duplicates::new(&all, tested.loaded());
    let overlaps = Overlaps::of(&all, &duplicates);
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
    let judged = counted("judged");
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
                    routes::without_integrations(configuration, alert_names, &mut report);
                }
                Document::Server | Document::Other => {}
            }
        }
        judged();
        report.finish(options.today, checks::id)
    };
    let numbered: Vec<(usize, &Read<'_>)> = all.iter().enumerate().collect();
    let mut findings: Vec<Finding> =
        on_all_cores(&numbered, &|one: &(usize, &Read<'_>)| check_file(*one)).into_iter().flatten().collect();
    for configuration in &options.configurations {
        findings = configuration.apply(findings, options.today);
    }
    findings.sort_by(|a, b| (&a.file, a.place, a.id, &a.message).cmp(&(&b.file, b.place, b.id, &b.message)));
    findings.dedup();
    let files = sources.iter().map(|source| source.name.clone()).collect();
    Outcome { findings, files, notes, left_out }
}

/// Returns the settings, with what is known about the labels of recorded series. The labels of our own metrics are known
/// better from the catalog.
fn with_recorded(options: &Options, recordings: &Recordings<'_>) -> Options {
    let mut options = options.clone();
    let labels = recordings.facts().recorded().iter().filter(|(name, _)| !name.starts_with("checklist_"));
    options.known.set_recorded(labels.map(|(name, labels)| (name.clone(), labels.clone())).collect());
    options
}

/// Returns the names of the alerts in each rule file.
fn alerts(all: &[Read<'_>]) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut alerts: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for read in all {
        for document in &read.documents {
            if let Document::Rules(rules) = document {
                let names = rules.iter().filter(|rule| rule.alerts).map(|rule| rule.name.value.clone());
                alerts.entry(tested_files::plain(Path::new(read.report.file()))).or_default().extend(names);
            }
        }
    }
    alerts
}

/// Returns the Alertmanager configurations.
fn configurations<'a>(all: &'a [Read<'_>]) -> Vec<&'a Configuration> {
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

/// Runs `work` on all items with one thread for each core, and returns the results in the order of the items. Each
/// thread takes the next item when it is done, because files differ in size.
fn on_all_cores<'a, I: Sync, R: Send>(items: &'a [I], work: &(dyn Fn(&'a I) -> R + Sync)) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let start = |_| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take);
            thread.unwrap_or_else(|error| panic!("cannot start a thread: {error}"))
        };
        let threads: Vec<_> = (0..cores.min(items.len())).map(start).collect();
        let result = |thread: std::thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(result).collect()
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}
