//! `check`: makes checks once and prints their verdicts.

use super::checklist::Checklist;
use super::output::print;
use crate::run::checks::Checks;
use crate::run::job::Job;
use crate::run::shard::Shard;
use crate::run::time::unix_now;
use crate::server::verdicts;
use checklist::{Cadence, Verdict};
use clap::Args;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    checklist: Checklist,
    #[command(flatten)]
    selection: Selection,
    /// How the result is written.
    #[arg(long, value_enum, default_value = "table")]
    format: verdicts::Format,
    /// Prints the plan of every SQL statement instead, and what is wrong with it.
    #[arg(long)]
    explain: bool,
}

/// The arguments that select checks. An empty selection means every check.
#[derive(Debug, Args)]
struct Selection {
    /// Only these checks.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only the checks of this cadence: daily, weekly, monthly, quarterly or annual.
    #[arg(long)]
    cadence: Option<Cadence>,
    /// Only the checks of this shard: INDEX/TOTAL, where the index begins at 0.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
}

/// Runs the selected checks once and prints their verdicts. The exit code is 0 when every check passed, 2 when at least
/// one check could not be made, and 1 otherwise.
pub async fn check(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { checklist, selection, format, explain } = arguments;
    let config = checklist.load()?.for_single_runs();
    if let Some(unknown) = selection.only.iter().find(|id| config.signal(id).is_none()) {
        anyhow::bail!("unknown check {unknown}");
    }
    let mut jobs = Checks::default().jobs(&config, &[]);
    jobs.retain(|job| {
        let signal = job.state().check.signal;
        (selection.only.is_empty() || selection.only.iter().any(|id| id == signal.id))
            && selection.cadence.is_none_or(|cadence| cadence == signal.cadence)
            && selection.shard.is_none_or(|shard| shard.has(signal.id, &job.state().check.target))
    });
    anyhow::ensure!(!jobs.is_empty(), "no check is selected");
    if explain {
        let (text, warnings) = super::explain::explain(&config, &jobs).await;
        print(&text);
        return Ok(if warnings == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) });
    }
    make(&jobs).await;
    print(&verdicts::write(&jobs, format));
    let now = unix_now();
    let verdicts: Vec<Verdict> = jobs.iter().map(|job| job.state().verdict(now)).collect();
    Ok(if verdicts.contains(&Verdict::CannotTell) {
        ExitCode::from(2)
    } else if verdicts.iter().any(|verdict| *verdict != Verdict::Passed) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Runs every job once, all at the same time, and shows the progress when standard error is a terminal.
async fn make(jobs: &[Arc<Job>]) {
    let mut runs: FuturesUnordered<_> = jobs.iter().map(|job| job.run()).collect();
    let terminal = std::io::stderr().is_terminal();
    let mut done = 0;
    while runs.next().await.is_some() {
        done += 1;
        if terminal {
            #[expect(clippy::print_stderr, reason = "progress on the terminal")]
            {
                eprint!("\r{done} of {} checks done", jobs.len());
            }
        }
    }
    if terminal {
        #[expect(clippy::print_stderr, reason = "progress on the terminal")]
        {
            eprint!("\r\x1b[K");
        }
    }
}
