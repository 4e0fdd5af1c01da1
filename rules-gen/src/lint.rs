//! Lints for rule files, `PrometheusRule` objects, dashboards and Alertmanager configurations, ours or others'.
//! What Prometheus refuses is an error; the rest is what reviews find, or outages.

pub mod checks;
mod context;
mod copies;
mod dashboards;
pub mod definition;
mod documents;
mod embedded;
pub mod expr;
pub mod files;
pub mod known;
pub mod labels;
pub mod live;
mod number;
pub mod options;
pub mod output;
pub mod place;
pub mod report;
mod routes;
pub mod rule_file;
mod strict;
pub mod template;
mod tested;
pub mod yaml;

pub use options::Options;

use crate::routing::Configuration;
use crate::terminal::Progress;
use context::Context;
use copies::Copies;
use documents::{Document, Read, first};
use files::Source;
use report::Finding;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a thread's stack: expressions are walked by recursion. Only what is used takes memory.
const STACK: usize = 64 * 1024 * 1024;

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
    let boards = || {
        all.iter().flat_map(|read| &read.documents).filter_map(|document| match document {
            Document::Dashboard(board) => Some(&board.model),
            _ => None,
        })
    };
    let used = tested::used(rules(), boards());
    let configurations: Vec<&Configuration> = all
        .iter()
        .flat_map(|read| &read.documents)
        .filter_map(|document| match document {
            Document::Routes(configuration) => Some(&**configuration),
            _ => None,
        })
        .collect();
    let limits = dashboards::limits::Limits::of(rules());
    let uids = dashboards::links::uids(boards());
    let surroundings =
        dashboards::context::DashboardContext { recorded: &recorded, limits: &limits, uids: uids.as_ref(), options };
    let context = Context {
        options,
        recorded: &recorded,
        uids: uids.as_ref(),
        routing: &configurations,
        tested: &tested,
        used: &used,
    };
    let copies = Copies::new(&all);
    let judged = counted("judged");
    let judge = |(file, read): (usize, &Read<'_>)| {
        let mut report = read.report.clone();
        for (at, document) in read.documents.iter().enumerate() {
            match document {
                Document::Rules(rules) => {
                    for rule in rules.iter().filter(|rule| !copies.elsewhere(file, rule)) {
                        checks::rule(rule, &context, &mut report);
                    }
                    checks::rules(rules, &mut report);
                }
                Document::Dashboard(board) if copies.is_copy((file, at), board) => {}
                Document::Dashboard(board) => {
                    report.look_in(board.within.clone());
                    checks::dashboard(&board.model, &surroundings, &mut report);
                }
                Document::Routing(node) => routes::object(node, rules(), options, &mut report),
                Document::Tests(_) | Document::Routes(_) | Document::Other => {}
            }
        }
        judged();
        report.finish(options.today, checks::id)
    };
    let mut findings: Vec<Finding> =
        on_all_cores(all.iter().enumerate().collect(), &judge).into_iter().flatten().collect();
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
