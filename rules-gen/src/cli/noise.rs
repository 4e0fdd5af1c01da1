//! `rules-gen noise`: reports which alerts interrupt people most.

use crate::cli::{checklist, zone};
use crate::review::noise::hours::BusinessHours;
use crate::review::noise::{self, output};
use crate::server::{Past, Server};
use crate::terminal;
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reports which alerts interrupted people, from the series ALERTS of a Prometheus-compatible server.
///
/// The noise of an alert is the number of its episodes, plus its flaps, plus its episodes outside business hours, less
/// the share of its firing time that was silenced. With --alertmanager, silences and active alerts are read from
/// Alertmanager. Exits with 0; with 3 when a server gave no usable response.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen noise --prometheus http://prometheus:9090 --range 30d --output markdown
  rules-gen noise --prometheus http://prometheus:9090 --alertmanager http://alertmanager:9093 \\
    --business-hours Mon-Fri:8-18")]
pub struct Arguments {
    /// The Prometheus whose history is read.
    #[command(flatten)]
    server: Server,
    /// Read silences and active alerts from this Alertmanager.
    #[arg(long, value_name = "URL", value_parser = crate::server::address)]
    alertmanager: Option<String>,
    /// File that holds a bearer token for Alertmanager.
    #[arg(long, value_name = "FILE")]
    alertmanager_token_file: Option<PathBuf>,
    /// A checklist, for its time zone. Without it the zone is UTC.
    #[arg(long, env = "CHECKLIST_CONFIG")]
    config: Option<PathBuf>,
    /// The range of time.
    #[command(flatten)]
    past: Past,
    /// The hours in which people are at work.
    #[arg(long, value_name = "DAYS:HOURS", default_value = "Mon-Fri:9-18", value_parser = BusinessHours::parse)]
    business_hours: BusinessHours,
    /// The output format.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for a terminal.
    Table,
    /// JSON for programs.
    Json,
    /// Markdown for reviews.
    Markdown,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let zone = match &arguments.config {
        Some(path) => zone(&checklist(path)?),
        None => TimeZone::UTC,
    };
    let manager = arguments.alertmanager.as_deref().map(|url| (url, arguments.alertmanager_token_file.clone()));
    let report = noise::report(&arguments.server, &arguments.past, manager, &arguments.business_hours, &zone).await?;
    terminal::print(&match arguments.output {
        Format::Table => output::table(&report),
        Format::Markdown => output::markdown(&report),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
    })?;
    Ok(ExitCode::SUCCESS)
}
