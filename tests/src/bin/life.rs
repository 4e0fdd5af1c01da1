//! `make life`: what rules tell of a month of ordinary life and of its incidents.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what the benchmark has to say")]

use anyhow::Context;
use checklist::Config;
use clap::Parser;
use rules_gen::review::rule_set::{self, ListedRule};
use rules_gen::routing::Configuration;
use stack::life::board::{Board, Labels};
use stack::life::evaluate::{self, Span};
use stack::life::ledger::Incident;
use stack::life::shop::{Kind, Shop};
use stack::life::{clock, incidents, notifications, ordinary, peers, remote_write, table};
use stack::monitoring::Prometheus;
use std::path::PathBuf;
use std::time::Instant;

/// Judges rules on months of ordinary life.
#[derive(Debug, Parser)]
struct Arguments {
    /// The shops: small, busy, large.
    #[arg(long, value_delimiter = ',', default_value = "small")]
    shops: Vec<String>,
    /// The seeds; the worst outcome of each shop is told.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// A folder in which each file or folder is a rule set of others.
    #[arg(long, env = "PEERS")]
    peers: Option<PathBuf>,
    /// Fail when a page is false or an incident is not told.
    #[arg(long)]
    strict: bool,
    /// Tell of every incident and every false alert.
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
            for outcome in evaluate_shop(&Shop::new(kind, *seed), arguments.peers.as_ref()).await? {
                let weight =
                    |one: &table::Outcome| (one.false_pages.len(), one.untold().len(), one.false_messages.len());
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
            if outcome.name.ends_with("ours") && (!outcome.false_pages.is_empty() || !outcome.untold().is_empty()) {
                failed.push(format!(
                    "{}: false pages {:?}, not told {:?}",
                    outcome.name,
                    outcome.false_pages,
                    outcome.untold()
                ));
            }
        }
    }
    anyhow::ensure!(!arguments.strict || failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

async fn evaluate_shop(shop: &Shop, folder: Option<&PathBuf>) -> anyhow::Result<Vec<table::Outcome>> {
    let begun = Instant::now();
    let config =
        Config::parse("checklist.yaml", &shop.checklist()).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let mut board = ordinary::month(shop, &config);
    let ledger = incidents::happen(shop, &mut board);
    let span = Span { begin: clock::BEGIN * 1000, minutes: shop.minutes };
    let own = ours(&config)?;
    let mut outcomes =
        vec![set(shop, &board, &ledger, span, "ours", &own.0, &own.1, |alert| severity(alert) == "critical").await?];
    if let Some(folder) = folder {
        for (name, rules) in peers::sets(folder)? {
            outcomes.push(set(shop, &board, &ledger, span, &name, &rules, &peers::routes()?, peers::pages).await?);
        }
    }
    eprintln!(
        "{} with seed {}: {} series, {} incidents, {} s",
        shop.name(),
        shop.seed,
        board.len(),
        ledger.len(),
        begun.elapsed().as_secs()
    );
    Ok(outcomes)
}

fn severity(alert: &Labels) -> &str {
    alert.get("severity").map_or("", String::as_str)
}

/// Our rules and routes for a configuration.
fn ours(config: &Config) -> anyhow::Result<(Vec<ListedRule>, Configuration)> {
    let outputs = rules_gen::outputs::generate(config, "checklist.yaml")?;
    let file = |path: &str| {
        let found = outputs.iter().find(|output| output.path.to_string_lossy() == path);
        found.map(|output| output.content.as_str()).with_context(|| format!("{path} is not generated"))
    };
    Ok((rule_set::read(file("rules/checklist.yaml")?)?, Configuration::parse(file("alertmanager/alertmanager.yaml")?)?))
}

#[expect(clippy::too_many_arguments, reason = "what is judged, and by what")]
async fn set(
    shop: &Shop,
    board: &Board,
    ledger: &[Incident],
    span: Span,
    name: &str,
    rules: &[ListedRule],
    routes: &Configuration,
    pages: impl Fn(&Labels) -> bool,
) -> anyhow::Result<table::Outcome> {
    let folder = tempfile::Builder::new().prefix("checklist-life").tempdir()?;
    let prometheus = Prometheus::with_past(stack::process::free_port()?, folder.path()).await?;
    let tracks: Vec<_> = board.tracks().collect();
    remote_write::send(prometheus.port, &tracks, span.begin, 720).await?;
    let firing = evaluate::firing(prometheus.port, rules, span, &|_| {}).await?;
    let notifications = notifications::notifications(&firing, span.minutes, routes, pages);
    Ok(table::outcome(&format!("{} {name}", shop.name()), &notifications, ledger, shop.from(), shop.minutes))
}
