//! `backtest`: what alerts would have done over the last days, with other limits and waits as well.

mod history;
mod html;
mod machine;
mod output;
mod replay;
mod report;
mod sweep;

pub use machine::{Episode, Instant, Machine, State, Waits};
pub use report::{Alert, Report};
pub use sweep::{Budget, Sweep};

use crate::cli::{ConfigFile, zone};
use crate::promql;
use crate::review::diff;
use crate::review::rule_set::{self, Kind, Known};
use crate::server::{NoVerdict, Past, Server};
use crate::terminal::{self, Progress};
use anyhow::{Context, ensure};
use jiff::tz::TimeZone;
use replay::{Clock, Replay};
use std::path::PathBuf;
use std::process::ExitCode;

/// Points of one answer; a slice is as long as its series allow.
const POINTS: f64 = 500_000.0;
/// More evaluations than this are a mistake.
const MAX_STEPS: usize = 10_000_000;

/// Replays alerts over the history of a Prometheus-compatible server.
///
/// Every rule goes through Prometheus' own state machine, label set by label set, with its `for` and
/// `keep_firing_for`. With --sweep the same history is judged with other limits or waits; the recommendation is the
/// most sensitive value within --budget. Exits 0; 1 when --budget is given and an alert (with --sweep: every value of
/// it) is beyond it; 3 when the server gave no usable answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen backtest --prometheus http://prometheus:9090 --range 30d
  rules-gen backtest --prometheus http://prometheus:9090 --alert ChecklistDiskFilling \\
    --sweep threshold=0.6:0.9:0.05 --budget 2/week
  rules-gen backtest --prometheus http://prometheus:9090 --rules my-rules.yaml --sweep for=5m,15m,30m
  rules-gen backtest --prometheus http://prometheus:9090 --output html > backtest.html")]
pub struct Arguments {
    /// Whose history.
    #[command(flatten)]
    pub server: Server,
    /// The checklist whose rules are replayed.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Replay the alerts of this rule file or folder instead.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Which part of it.
    #[command(flatten)]
    pub past: Past,
    /// Only alerts whose whole name matches.
    #[arg(long, value_name = "REGEX")]
    pub alert: Option<String>,
    /// Values to try: threshold=FROM:TO:STEP, threshold=A,B,C or for=5m,15m,30m.
    #[arg(long, value_parser = Sweep::parse)]
    pub sweep: Option<Sweep>,
    /// Pages allowed for one alert: 2/week, 1/day, 5/30d.
    #[arg(long, value_parser = Budget::parse)]
    pub budget: Option<Budget>,
    /// How the result is written.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For a terminal.
    Table,
    /// For programs, with every episode.
    Json,
    /// For reviews.
    Markdown,
    /// One page with a chart per alert, nothing loaded from anywhere.
    Html,
}

/// Runs the command.
pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (rules, zone) = rules(arguments)?;
    let report = replay_all(arguments, &rules, &zone).await?;
    terminal::print(&match arguments.output {
        Output::Table => output::table(&report),
        Output::Markdown => output::markdown(&report),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        Output::Html => html::page(&report),
    })?;
    Ok(ExitCode::from(u8::from(report.is_beyond_budget())))
}

/// The rules to replay and the time zone of the checklist.
fn rules(arguments: &Arguments) -> anyhow::Result<(Vec<Known>, TimeZone)> {
    let (all, zone) = if let Some(path) = &arguments.rules {
        (rule_set::read_path(path)?, TimeZone::UTC)
    } else {
        let config = arguments.config.load()?;
        (diff::generated(&config)?, zone(&config))
    };
    Ok((all, zone))
}

async fn replay_all(arguments: &Arguments, rules: &[Known], zone: &TimeZone) -> anyhow::Result<Report> {
    let wanted = arguments.alert.as_deref().map(|text| regex::Regex::new(&format!("^(?:{text})$"))).transpose();
    let wanted = wanted.context("--alert is no regular expression")?;
    let chosen: Vec<&Known> = rules
        .iter()
        .filter(|rule| rule.kind == Kind::Alert)
        .filter(|rule| wanted.as_ref().is_none_or(|wanted| wanted.is_match(&rule.name)))
        .collect();
    ensure!(!chosen.is_empty(), "there is no alert to replay; names are compared as a whole");
    for rule in &chosen {
        ::promql::parse(&rule.expr).map_err(|errors| {
            let why = promql::mistakes(&errors, &rule.expr);
            anyhow::anyhow!("the expression of {} does not parse: {why}", rule.name)
        })?;
    }
    let clock = clock(&arguments.past)?;
    let progress = Progress::new();
    progress.tell("how far back the history goes");
    let records = rules.iter().filter(|rule| rule.kind == Kind::Record).map(|rule| rule.name.clone()).collect();
    let mut history = history::History::read(&arguments.server, clock, records).await?;
    let mut alerts = Vec::new();
    for (at, rule) in chosen.iter().enumerate() {
        let place = format!("{} of {}: {}", at + 1, chosen.len(), rule.name);
        progress.tell(&place);
        let warnings = history.warnings(&rule.expr).await?;
        alerts.push(
            replay(arguments, rule, &mut history, warnings, zone, &|done, of| {
                progress.tell(&format!("{place}, slice {done} of {of}"));
            })
            .await?,
        );
    }
    progress.end();
    Ok(Report::new(arguments, &history, zone, alerts))
}

fn clock(past: &Past) -> anyhow::Result<Clock> {
    let (start, end) = past.milliseconds()?;
    let step = i64::try_from(past.step.as_millis())?;
    let count = usize::try_from((end - start) / step)?;
    ensure!(count < MAX_STEPS, "--range has more than {MAX_STEPS} steps");
    Ok(Clock { start, step, count: count + 1, missed: Vec::new() })
}

async fn replay(
    arguments: &Arguments,
    rule: &Known,
    history: &mut history::History<'_>,
    mut warnings: Vec<String>,
    zone: &TimeZone,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Alert, NoVerdict> {
    let judged = promql::judged(&rule.expr);
    let sweeps = matches!(arguments.sweep, Some(Sweep::Threshold(_)));
    let draws = arguments.output == Output::Html;
    if sweeps && judged.is_none() {
        warnings.push("not of the form `expression op number`: there is no threshold to sweep".to_owned());
    }
    if rule.labels.values().any(|value| value.contains("{{")) {
        warnings.push("a label of the rule is a template: its values are not told apart".to_owned());
    }
    let (variants, ordered) = sweep::variants(arguments.sweep.as_ref(), rule.pending, judged.as_ref());
    // The values themselves are needed for other limits and for the curve; else the server may judge.
    let values = judged.as_ref().filter(|_| sweeps || draws);
    let expr = values.map_or(&rule.expr, |judged| &judged.lhs);
    let clock = &history.clock;
    let mut work = Replay::new(rule, clock, &variants, values.map(|judged| judged.comparison), draws);
    let (first, last) = (clock.start as f64 / 1000.0, clock.last() as f64 / 1000.0);
    let series = arguments.server.query(&format!("count({expr})"), last).await;
    let series = series.ok().and_then(|rows| rows.first().map(|row| row.1)).unwrap_or(1.0).max(1.0);
    let step = clock.step as f64 / 1000.0;
    let mut take = |courses| work.take(courses);
    arguments.server.each_slice(expr, (first, last), step, POINTS / series, &mut take, progress).await?;
    let (outcomes, curves) = work.finish();
    let covered = history.covered(&rule.expr);
    Ok(Alert::new(rule, judged, &variants, ordered, outcomes, curves)
        .judged_by(arguments.budget.as_ref(), covered, zone)
        .warned(warnings))
}
