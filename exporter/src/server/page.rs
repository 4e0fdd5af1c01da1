//! The status page: all checks by cadence, and the last runs of one check. The HTML needs no script.

use crate::run::job::Job;
use crate::run::schedule::Schedule;
use crate::run::state::State;
use crate::run::time::unix_now;
use checklist::{Cadence, Config, Severity, Unit, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::sync::Arc;

/// Seconds after which the browser reloads the page.
const REFRESH: u32 = 30;

/// Renders the page of all checks, by cadence.
pub fn overview(schedule: &Schedule, config: &Config) -> String {
    let (all, own) = (schedule.jobs(), schedule.status());
    let (jobs, others): (Vec<&Arc<Job>>, Vec<&Arc<Job>>) = all.iter().partition(|job| job.is_ours());
    let holder = own.lease.as_ref().and_then(|status| status.holder.as_deref()).unwrap_or("nobody");
    let now = unix_now();
    let count = |verdict: Verdict| jobs.iter().filter(|job| job.state().verdict(now) == verdict).count();
    let not_probed: Vec<&str> = config
        .signals()
        .filter(|signal| !config.targets(signal).is_empty() && config.probed(signal).is_empty())
        .map(|signal| signal.title)
        .collect();
    let body = html! {
        h1 { "Operations checklist" }
        p.summary {
            @for verdict in Verdict::ALL { b { (count(verdict)) } " " (verdict) @if verdict == Verdict::Critical { "; " } @else { ", " } }
            (time(now)) " UTC"
        }
        @for cadence in Cadence::ALL {
            @let here: Vec<&Arc<Job>> =
                jobs.iter().copied().filter(|job| job.state().check.signal.cadence == cadence).collect();
            @if !here.is_empty() {
                h2 { (cadence) }
                ul { @for job in here { (row(&job.state(), config, now)) } }
            }
        }
        @if !others.is_empty() {
            h2 { "Run by the holder of the lease" }
            p.summary {
                @for job in &others { (job.state().check.signal.title) " " (job.state().check.target) ", " }
                "held by " (holder)
            }
        }
        @if own.shard.total > 1 {
            h2 { "Run by other shards" }
            p.summary { "This is shard " (own.shard) "; the others run the rest of the checks." }
        }
        @if !not_probed.is_empty() {
            h2 { "Evaluated by Prometheus only" }
            p.summary { (not_probed.join(", ")) }
        }
        footer {
            @if config.tasks.is_some() { a href="/tasks" { "tasks" } " · " }
            a href="/metrics" { "metrics" } " · " a href="/api/v1/checks" { "JSON" } " · version " (env!("CARGO_PKG_VERSION"))
        }
    };
    page("Operations checklist", REFRESH, &body)
}

/// Renders the last runs of the checks of one signal, on all its targets; `None` if there are no such checks.
pub fn history(jobs: &[Arc<Job>], config: &Config, check: &str) -> Option<String> {
    let here: Vec<&Arc<Job>> = jobs.iter().filter(|job| job.state().check.signal.id == check).collect();
    let title = here.first()?.state().check.signal.title;
    let now = unix_now();
    let body = html! {
        p.summary { a href="/" { "All checks" } }
        h1 { (title) }
        ul { @for job in &here { (row(&job.state(), config, now)) } }
        @for job in &here {
            @let state = job.state();
            h2 { (state.check.target) }
            table {
                tr { th { "Ended" } th { "Verdict" } th { "Took" } th { "Why" } th { "Evidence" } }
                @for run in state.history.iter().rev() {
                    tr {
                        td { (time(run.at)) }
                        td.verdict.(class(run.verdict)) { (run.verdict) }
                        td { (Unit::Seconds.human(run.seconds)) }
                        td { (run.why) }
                        td { (run.seen) }
                    }
                }
            }
        }
    };
    Some(page(title, REFRESH, &body))
}

fn row(state: &State, config: &Config, now: f64) -> Markup {
    let signal = state.check.signal;
    let verdict = state.verdict(now);
    let why = state.why();
    html! {
        li {
            span.verdict.(class(verdict)) { (verdict) }
            span {
                a href={ "/checks/" (signal.id) } { (signal.title) } " "
                span.target { (state.check.target) }
                @if let Some(base) = &config.alerting.runbook_base_url {
                    " " a href={ (base) "/" (signal.id) ".md" } { "runbook" }
                }
            }
            span.readings {
                @let evidence = state.evidence.to_string();
                @if !evidence.is_empty() { span.reading { (evidence) } }
                @for reading in state.readings.iter().filter(|reading| reading.is_worth_showing()) {
                    @let unit = reading.unit;
                    span.reading {
                        (reading.what) " " (reading.whose) " " b { (unit.human(reading.value)) }
                        @for (severity, limit) in [Severity::Warning, Severity::Critical].into_iter().filter_map(|s| Some((s, reading.limits.at(s)?))) {
                            " · " (severity) " " (unit.human(limit))
                        }
                    }
                }
            }
            span.when {
                @match state.last_success() {
                    Some(at) => { (Unit::Seconds.human((now - at).max(0.0))) " ago" }
                    None => "never",
                }
            }
            @if !why.is_empty() { span.why.(class(verdict)) { (why) } }
        }
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Warning | Verdict::Critical => "not",
        Verdict::CannotTell => "cannot",
    }
}

fn time(at: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a time within the next thousand years")]
    let timestamp = jiff::Timestamp::from_second(at as i64).unwrap_or_default();
    timestamp.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Renders a whole HTML page that the browser reloads after `refresh` seconds.
pub(crate) fn page(title: &str, refresh: u32, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content=(refresh);
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body { main { (body) } }
        }
    }
    .into_string()
}
