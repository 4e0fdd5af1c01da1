//! Checks on targets of which a part cannot be seen, and the verdicts they must have.

use crate::checks;
use checklist::Verdict;
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The checks that were tried.
#[derive(Default)]
pub struct Tried {
    /// Those whose seen part was good.
    pub good: BTreeSet<String>,
    /// Those whose seen part had a fault.
    pub bad: BTreeSet<String>,
    /// What was not as expected.
    pub wrong: Vec<String>,
}

/// The result of one run.
pub struct Seen {
    pub verdict: Verdict,
    /// What is wrong or was not seen, and what was seen.
    pub words: String,
    page: String,
    /// Whether the run ended before it saw anything.
    failed: bool,
}

/// Runs a check once.
pub async fn run(yaml: &str, check: &str) -> anyhow::Result<Seen> {
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
    pub async fn cannot_tell(&mut self, yaml: &str, check: &str, words: &[&str]) -> anyhow::Result<()> {
        let seen = run(yaml, check).await?;
        self.good.insert(check.to_owned());
        let is_right = seen.verdict == Verdict::CannotTell;
        let has_gap = seen.failed || seen.page.contains("\nchecklist_check_unseen{");
        self.compare(check, words, &seen, is_right && has_gap);
        Ok(())
    }

    /// Runs a check whose seen part has a fault. It finds the fault, and its text has all of these words: those of the
    /// fault and those about what was not seen.
    pub async fn finds(&mut self, yaml: &str, check: &str, words: &[&str]) -> anyhow::Result<()> {
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
