//! `make life`: measures which alerts a set of rules sends in a month of ordinary operation with known incidents.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what the benchmark has to say")]

use clap::Parser;
use stack::life::score::score;
use stack::life::shop::{Kind, Shop};
use stack::life::table;
use std::path::PathBuf;

/// Judges sets of rules on simulated months.
#[derive(Debug, Parser)]
struct Arguments {
    /// Names of the simulated shops: small, busy, large.
    #[arg(long, value_delimiter = ',', default_value = "small")]
    shops: Vec<String>,
    /// Seeds of the simulation. The worst result of each shop is printed.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Folder with further rule sets to compare with. Each file or folder in it is one set.
    #[arg(long, env = "PEERS")]
    peers: Option<PathBuf>,
    /// Fail if our rules send a false page or miss an incident.
    #[arg(long)]
    fail_on_miss: bool,
    /// Print every incident and every false alert.
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("{}", table::HEAD);
    let mut failed = Vec::new();
    for name in &arguments.shops {
        let kind = match name.as_str() {
            "small" => Kind::Small,
            "busy" => Kind::HighTraffic,
            "large" => Kind::Large,
            other => anyhow::bail!("there is no shop {other}: small, busy, large"),
        };
        let mut worst: Vec<table::Outcome> = Vec::new();
        for seed in &arguments.seeds {
            for result in score(&Shop::new(kind, *seed), arguments.peers.as_deref()).await? {
                let outcome = result.outcome;
                // Each seed's row, because a run of many seeds may be ended before its table.
                eprintln!("seed {seed}: {}", outcome.row());
                let weight =
                    |one: &table::Outcome| (one.false_pages.len(), one.missed().len(), one.false_messages.len());
                match worst.iter_mut().find(|known| known.name == outcome.name) {
                    Some(known) if weight(known) < weight(&outcome) => *known = outcome,
                    Some(_) => {}
                    None => worst.push(outcome),
                }
            }
        }
        for outcome in worst {
            println!("{}", outcome.row());
            if arguments.verbose {
                eprint!("{outcome}");
            }
            if outcome.name.ends_with("ours") && (!outcome.false_pages.is_empty() || !outcome.missed().is_empty()) {
                failed.push(format!(
                    "{}: false pages {:?}, missed {:?}",
                    outcome.name,
                    outcome.false_pages,
                    outcome.missed()
                ));
            }
        }
    }
    anyhow::ensure!(!arguments.fail_on_miss || failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
