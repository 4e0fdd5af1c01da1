//! Every check on a target of which one part can be seen and another cannot. It does not pass: the verdict, the samples
//! and the text say what was not seen, and a fault in the part that was seen is still found.

mod buckets;
mod cluster;
mod database;
mod files;
mod monitoring;
mod peers;

use checklist::{SIGNALS, Verdict};
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use stack::checks;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Checks that cannot find a fault beside what they did not see, and why.
const ALL_OR_NOTHING: &[(&str, &str)] = &[
    ("api_keys", "one statement on one table has the judged value"),
    ("audit_log", "one statement on one table"),
    ("auth_failures", "only Prometheus judges its values, over time"),
    ("dashboards", "a metric that a partial response lacks is not missing for certain"),
    ("database_size", "only Prometheus judges its values, over time"),
    ("roles", "one statement has the judged value"),
    ("seq_scans", "only Prometheus judges its values, over time"),
    ("users", "one statement on one table"),
];
/// The check that warns about what it could not read, and so has always a finding.
const WARNS_OF_GAPS: &str = "tasks";

/// The checks that were tried.
#[derive(Default)]
struct Tried {
    /// Those whose seen part was good.
    good: BTreeSet<String>,
    /// Those whose seen part had a fault.
    bad: BTreeSet<String>,
    wrong: Vec<String>,
}

/// The result of one run.
struct Seen {
    verdict: Verdict,
    words: String,
    page: String,
    /// Whether the run ended before it saw anything.
    failed: bool,
}

async fn run(yaml: &str, check: &str) -> anyhow::Result<Seen> {
    let job = checks::job(yaml, check)?;
    job.run().await;
    let (state, now) = (job.state(), unix_now());
    let states = States { states: vec![Arc::clone(&state)], now, process: ProcessStatus::default() };
    let body =
        Snapshot::of(states).body(Format::Text, Encoding::Identity).map_err(|error| anyhow::anyhow!("{error}"))?;
    let page = String::from_utf8(body.to_vec())?;
    let words = format!("{} | {}", state.why(), state.seen());
    Ok(Seen {
        verdict: state.verdict(now),
        words,
        page,
        failed: state.last_run().is_some_and(|(_, why)| why.is_some()),
    })
}

impl Tried {
    /// Runs a check whose seen part is good. It cannot tell, and its text has all of these words.
    async fn cannot_tell(&mut self, yaml: &str, check: &str, words: &[&str]) -> anyhow::Result<()> {
        let seen = run(yaml, check).await?;
        self.good.insert(check.to_owned());
        let is_right = seen.verdict == Verdict::CannotTell;
        let has_gap = seen.failed || seen.page.contains("\nchecklist_check_unseen{");
        self.compare(check, words, &seen, is_right && has_gap);
        Ok(())
    }

    /// Runs a check whose seen part has a fault. It finds the fault, and its text has all of these words: those of the
    /// fault and those about what was not seen.
    async fn finds(&mut self, yaml: &str, check: &str, words: &[&str]) -> anyhow::Result<()> {
        let seen = run(yaml, check).await?;
        self.bad.insert(check.to_owned());
        let is_right = matches!(seen.verdict, Verdict::Warning | Verdict::Critical);
        let has_gap = seen.page.contains("\nchecklist_check_unseen{");
        self.compare(check, words, &seen, is_right && has_gap);
        Ok(())
    }

    fn compare(&mut self, check: &str, words: &[&str], seen: &Seen, is_right: bool) {
        let passed = seen.page.lines().any(|line| line.starts_with("checklist_check_passed{") && line.ends_with(" 1"));
        let lacks: Vec<_> = words.iter().filter(|word| !seen.words.contains(**word)).collect();
        println!("{check}: {} {}", seen.verdict, seen.words);
        if passed || !is_right || !lacks.is_empty() {
            self.wrong.push(format!("{check} is {}, lacks {lacks:?}: {}", seen.verdict, seen.words));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_check_passes_on_a_half_blind_target_and_faults_in_the_seen_half_are_found() -> anyhow::Result<()> {
    let mut tried = Tried::default();
    buckets::try_all(&mut tried).await?;
    cluster::try_all(&mut tried).await?;
    database::try_all(&mut tried).await?;
    files::try_all(&mut tried).await?;
    monitoring::try_all(&mut tried).await?;
    peers::try_all(&mut tried).await?;
    assert!(tried.wrong.is_empty(), "\n{}", tried.wrong.join("\n"));
    // A new signal must be part of this test.
    let probed = || SIGNALS.iter().filter(|signal| signal.kind.is_probed()).map(|signal| signal.id).chain(["own"]);
    let untried: Vec<&str> = probed().filter(|id| *id != WARNS_OF_GAPS && !tried.good.contains(*id)).collect();
    assert!(untried.is_empty(), "no half-blind target with a good half has the checks {untried:?}");
    let is_whole = |id: &str| ALL_OR_NOTHING.iter().any(|(whole, _)| *whole == id);
    let untried: Vec<&str> = probed().filter(|id| !is_whole(id) && !tried.bad.contains(*id)).collect();
    assert!(untried.is_empty(), "no half-blind target with a fault has the checks {untried:?}");
    Ok(())
}
