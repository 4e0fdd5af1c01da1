//! The results of PostgreSQL checks on real servers of every supported version, and attacks on them.

mod access;
mod attacks;
mod peers;
mod pooler;
mod rights;
mod runbooks;
mod servers;
mod sources;
mod standby;
mod statement_texts;
mod tables;
mod times;
mod untracked;
mod values;
mod versions;

use checklist::{Reason, Verdict};
use exporter::run::job::Job;
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use stack::checks;
use stack::postgres::{APPLICATION_PASSWORD, PASSWORD};
use stack::waiting::passes;
use std::sync::Arc;
use tempfile::TempDir;

/// The result of one run of a check.
#[derive(Debug)]
struct Seen {
    verdict: Verdict,
    reason: Option<Reason>,
    /// The findings and gaps, followed by the evidence.
    words: String,
    page: String,
}

impl Seen {
    /// Fails with the whole result if the verdict is another one.
    #[track_caller]
    fn is(&self, verdict: Verdict) {
        assert_eq!(self.verdict, verdict, "{self:?}");
    }

    /// Checks that the verdict is "cannot tell" with this reason, and that the message contains `words`.
    #[track_caller]
    fn cannot_tell(&self, reason: Reason, words: &str) {
        assert_eq!(self.reason, Some(reason), "{}", self.words);
        self.has_gap(words);
    }

    /// Checks that the verdict is "cannot tell", and that the message contains `words`.
    #[track_caller]
    fn has_gap(&self, words: &str) {
        self.is(Verdict::CannotTell);
        assert!(self.words.contains(words), "{}", self.words);
    }

    /// Returns the value of the first series whose line contains all parts.
    fn value(&self, parts: &[&str]) -> Option<f64> {
        let has = |line: &&str| !line.starts_with('#') && parts.iter().all(|part| line.contains(part));
        self.page.lines().find(has)?.rsplit(' ').next()?.parse().ok()
    }
}

fn jobs(yaml: &str) -> Vec<Arc<Job>> {
    checks::jobs(yaml).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs one check once.
async fn check(yaml: &str, name: &str) -> Seen {
    let job = checks::job(yaml, name).unwrap_or_else(|error| panic!("{error}"));
    run(&job).await
}

/// Runs a check until the result fulfils a condition, because the statistics of a server are updated later.
async fn until(yaml: &str, name: &str, holds: impl Fn(&Seen) -> bool) -> anyhow::Result<Seen> {
    passes(|| async {
        let seen = check(yaml, name).await;
        anyhow::ensure!(holds(&seen), "{seen:?}");
        Ok(seen)
    })
    .await
}

async fn run(job: &Job) -> Seen {
    job.run().await;
    let state = job.state();
    let words = format!("{} | {}", state.why(), state.seen());
    assert!(!words.contains(PASSWORD) && !words.contains(APPLICATION_PASSWORD), "{words}");
    let now = unix_now();
    let states = States { states: vec![Arc::clone(&state)], now, process: ProcessStatus::default() };
    let body =
        Snapshot::of(states).body(Format::Text, Encoding::Identity).unwrap_or_else(|failure| panic!("{failure}"));
    let page = String::from_utf8_lossy(&body).into_owned();
    Seen { verdict: state.verdict(now), reason: state.failure.as_ref().map(|failure| failure.reason), words, page }
}

/// Returns a checklist.yaml with a database for the role `checklist`. `more` are further keys of the entry.
fn database(port: u16, folder: &TempDir, more: &str) -> anyhow::Result<String> {
    as_role(port, folder, "checklist", more)
}

fn as_role(port: u16, folder: &TempDir, user: &str, more: &str) -> anyhow::Result<String> {
    let file = folder.path().join("password");
    std::fs::write(&file, PASSWORD)?;
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    Ok(format!(
        "postgres:\n  - {{name: db, host: 127.0.0.1, port: {port}, database: orchestrator, user: {user}, tls: disable, passwordFile: {}{more}}}\n",
        file.display()
    ))
}

/// Adds a custom query to a checklist.yaml.
fn query(base: &str, sql: &str, more: &str) -> String {
    format!("{base}queries:\n  - {{name: own, help: An own query, query: {sql:?}, {more}}}\n")
}
