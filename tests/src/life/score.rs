//! Judges rule sets on one shop: simulates it, evaluates the rules and compares the alerts with the ledger.

#![expect(clippy::print_stderr, reason = "how far it is: a run takes minutes")]

use super::board::{Board, Labels};
use super::evaluate::{self, Evaluated, Firing, Span};
use super::ledger::Incident;
use super::shop::{DAY, Shop};
use super::{clock, exporters, incidents, notifications, ordinary, peers, remote_write, table};
use crate::monitoring::Prometheus;
use anyhow::Context;
use checklist::Config;
use rules_gen::review::rule_set::{self, ListedRule};
use rules_gen::routing::Configuration;
use std::path::Path;
use std::time::{Duration, Instant};

/// The result of one rule set on one shop.
#[derive(Debug)]
pub struct RuleSetResult {
    /// The comparison with the ledger.
    pub outcome: table::Outcome,
    /// Periods in which alerts fired, before Alertmanager.
    pub firing: Vec<Firing>,
    /// Rules that Prometheus could not evaluate, with its answer.
    pub broken: Vec<String>,
}

/// Judges our rules on a shop, and the rule sets in `folder`.
///
/// # Errors
/// Fails when Prometheus does not run or refuses series, or when rules cannot be read.
pub async fn score(shop: &Shop, folder: Option<&Path>) -> anyhow::Result<Vec<RuleSetResult>> {
    let begun = Instant::now();
    let config =
        Config::parse("checklist.yaml", &shop.checklist()).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let mut board = ordinary::month(shop, &config);
    let ledger = incidents::happen(shop, &mut board);
    // Alerts start a day before the judged period, which is enough for the longest `for`.
    let alerts_from = shop.from().saturating_sub(DAY);
    let span = Span { begin: clock::BEGIN * 1000, minutes: shop.minutes, alerts_from };
    let (rules, routes) = ours(&config)?;
    let past = Past::write(shop, "probes", &board, span).await?;
    let own = past.score(&ledger, "ours", &rules, &routes, |alert| severity(alert) == "critical").await?;
    anyhow::ensure!(own.broken.is_empty(), "{}", own.broken.join("\n"));
    let mut outcomes = vec![own];
    if let Some(folder) = folder {
        let past = Past::write(shop, "other exporters", &exporters::month(shop, &board), span).await?;
        for (name, rules) in peers::sets(folder)? {
            let result = past.score(&ledger, &name, &rules, &peers::routes()?, peers::pages).await?;
            for rule in &result.broken {
                eprintln!("{} {name}: left out, as Prometheus does: {rule}", shop.name());
            }
            // The next set may take an hour.
            eprintln!("{}", result.outcome.row());
            outcomes.push(result);
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

/// A query that takes longer than this is printed, to show what the benchmark waits for.
const SLOW: Duration = Duration::from_secs(10);

fn severity(alert: &Labels) -> &str {
    alert.get("severity").map_or("", String::as_str)
}

/// Generates our rules and routes for a configuration.
fn ours(config: &Config) -> anyhow::Result<(Vec<ListedRule>, Configuration)> {
    let outputs = rules_gen::outputs::generate(config, "checklist.yaml")?;
    let file = |path: &str| {
        let found = outputs.iter().find(|output| output.path.to_string_lossy() == path);
        found.map(|output| output.content.as_str()).with_context(|| format!("{path} is not generated"))
    };
    Ok((rule_set::read(file("rules/checklist.yaml")?)?, Configuration::parse(file("alertmanager/alertmanager.yaml")?)?))
}

/// A Prometheus with the month of a shop.
struct Past<'a> {
    shop: &'a Shop,
    prometheus: Prometheus,
    /// Removed with its data when the month is no longer needed.
    _folder: tempfile::TempDir,
    span: Span,
}

impl<'a> Past<'a> {
    /// Starts a Prometheus and writes the series into it. `what` names them in the log.
    async fn write(shop: &'a Shop, what: &str, board: &Board, span: Span) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-life").tempdir()?;
        let prometheus = Prometheus::with_past(crate::process::free_port()?, folder.path()).await?;
        let begun = Instant::now();
        remote_write::send(prometheus.port, board.tracks(), span.begin, 720).await?;
        eprintln!(
            "{}: {} series of {what} are written after {} s",
            shop.name(),
            board.len(),
            begun.elapsed().as_secs()
        );
        Ok(Self { shop, prometheus, _folder: folder, span })
    }

    /// Evaluates one rule set. `pages` decides which alerts are pages.
    async fn score(
        &self,
        ledger: &[Incident],
        name: &str,
        rules: &[ListedRule],
        routes: &Configuration,
        pages: impl Fn(&Labels) -> bool,
    ) -> anyhow::Result<RuleSetResult> {
        let (shop, span) = (self.shop, self.span);
        let slow = |rule: &str, took: Duration| {
            if took > SLOW {
                eprintln!("{} {name}: {rule} took {} s", shop.name(), took.as_secs());
            }
        };
        let Evaluated { firing, broken } = evaluate::firing(self.prometheus.port, rules, span, &slow).await?;
        let messages = notifications::notifications(&firing, span.minutes, routes, pages);
        let outcome = table::outcome(&format!("{} {name}", shop.name()), &messages, ledger, shop.from(), shop.minutes);
        Ok(RuleSetResult { outcome, firing, broken })
    }
}
