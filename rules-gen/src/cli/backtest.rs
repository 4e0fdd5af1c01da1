//! `rules-gen backtest`: shows when alerts would have fired in the past.

use crate::cli::{ConfigFile, zone};
use crate::review::backtest::settings::Settings;
use crate::review::backtest::{self, html, output};
use crate::review::diff;
use crate::review::rule_set::{self, ListedRule};
use crate::terminal;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::process::ExitCode;

/// Replays alerts over the history of a Prometheus-compatible server.
///
/// Every rule runs through the alert state machine of Prometheus, separately for each label set, with its `for` and
/// `keep_firing_for`. Recording rules of the same files are inserted where their series are read, so that the files are
/// judged and not what the server recorded at that time. With --sweep the same history is also judged with other limits
/// or durations; the recommendation is the most sensitive value within --budget. Exits with 0; with 1 when an alert
/// (with --sweep: every value of it) is beyond --budget, or when the server cannot evaluate an alert, which is named
/// while the others continue; with 3 when the server gave no usable response.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen backtest --prometheus http://prometheus:9090 --range 30d
  rules-gen backtest --prometheus http://prometheus:9090 --alert ChecklistVolumeFilling \\
    --sweep threshold=0.6:0.9:0.05 --budget 2/week
  rules-gen backtest --prometheus http://prometheus:9090 --rules my-rules.yaml --sweep for=5m,15m,30m
  rules-gen backtest --prometheus http://prometheus:9090 --output html > backtest.html")]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The checklist whose rules are replayed.
    #[command(flatten)]
    config: ConfigFile,
    /// Replay the alerts of this rule file or folder instead.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The output format.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for a terminal.
    Table,
    /// JSON with every episode.
    Json,
    /// Markdown for reviews.
    Markdown,
    /// One page with a chart for each alert, which loads nothing from other servers.
    Html,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (rules, zone) = rules(arguments)?;
    let draws = arguments.output == Format::Html;
    let report = backtest::replay_all(&arguments.settings, &rules, &zone, draws).await?;
    terminal::print(&match arguments.output {
        Format::Table => output::table(&report),
        Format::Markdown => output::markdown(&report),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        Format::Html => html::page(&report),
    })?;
    Ok(ExitCode::from(u8::from(report.is_beyond_budget() || report.is_unjudged() || !report.failed.is_empty())))
}

/// Returns the rules to replay and the time zone of the checklist.
fn rules(arguments: &Arguments) -> anyhow::Result<(Vec<ListedRule>, TimeZone)> {
    let (all, zone) = if let Some(path) = &arguments.rules {
        (rule_set::read_path(path)?, TimeZone::UTC)
    } else {
        let config = arguments.config.load()?;
        (diff::generated(&config)?, zone(&config))
    };
    Ok((all, zone))
}
