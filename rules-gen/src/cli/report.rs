//! `rules-gen report`: writes, prints and posts the reports.

use crate::cli::{ConfigFile, zone};
use crate::outputs::file::{File, write};
use crate::review::report::model::Report;
use crate::review::report::period::{self, Kind};
use crate::review::report::{csv, html, make, markdown, slack, svg};
use crate::server::{Login, NoVerdict, Server, address};
use crate::terminal::{Progress, print};
use anyhow::Context;
use checklist::Config;
use checklist::config::Endpoint;
use clap::ValueEnum;
use clients::http;
use jiff::{RoundMode, Timestamp, Unit, ZonedDateTimeRound};

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The time that the webhook has to answer.
const WEBHOOK_DEADLINE: Duration = Duration::from_secs(30);

/// The arguments of `rules-gen report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rules-gen report daily --prometheus http://prometheus:9090
  rules-gen report weekly --at hour --out reports --webhook-file slack-url
  rules-gen report quarterly --at 2026-10-01T06:00:00Z --format json

Exit codes: 0 a report was written, whatever its verdicts, 2 usage, 3 Prometheus or the webhook gave no usable response.")]
pub struct Arguments {
    /// The cadence of the report.
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    config: ConfigFile,
    /// Base address of a Prometheus-compatible API; Mimir's ends in /prometheus. Without it, the first server under
    /// `prometheus:` in the checklist is queried, with its token and certificate authorities.
    #[arg(long, value_name = "URL", env = "PROMETHEUS_URL", hide_env_values = true, value_parser = address)]
    prometheus: Option<String>,
    #[command(flatten)]
    login: Login,
    /// The end of the report in RFC 3339, or `hour` for the last full hour. Without it, the current minute.
    #[arg(long, value_name = "TIME", value_parser = End::parse)]
    at: Option<End>,
    /// A folder for the report in every format. The files are named by cadence and day.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print this format. Markdown when neither --out nor a webhook is given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File that holds the address of a Slack incoming webhook, to which the report is posted.
    #[arg(long, value_name = "FILE")]
    webhook_file: Option<PathBuf>,
    /// Print the Slack message instead of posting it.
    #[arg(long)]
    dry_run: bool,
}

/// The end of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The given time.
    At(Timestamp),
    /// The start of the current hour in the checklist's time zone. Jobs that start some minutes late then leave no gap
    /// between reports.
    Hour,
}

impl End {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "hour" {
            return Ok(Self::Hour);
        }
        text.parse()
            .map(Self::At)
            .map_err(|error: jiff::Error| format!("{error}; use a time such as 2026-11-24T06:00:00Z, or hour"))
    }

    fn time(self, now: Timestamp, clock: &jiff::tz::TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            Self::At(at) => Ok(at),
            Self::Hour => {
                let whole = ZonedDateTimeRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc);
                Ok(now.to_zoned_datetime(clock.clone()).round(whole)?.timestamp())
            }
        }
    }
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown in the form of the written checklist's templates.
    Markdown,
    /// One HTML page with charts.
    Html,
    /// JSON with every value; docs/reports.md describes the fields.
    Json,
    /// The Slack message in Block Kit, as it is posted to the webhook.
    Slack,
}

impl Arguments {
    /// Returns the Prometheus to query.
    fn server(&self, config: &Config) -> anyhow::Result<Server> {
        let login = self.login.clone();
        if let Some(url) = &self.prometheus {
            return Ok(Server { url: url.clone(), login });
        }
        let known =
            config.prometheus.first().context("give --prometheus, or a server under prometheus: in the checklist")?;
        let Endpoint { url, bearer_token, ca_file } = known.endpoint.clone();
        let login = Login { token: bearer_token, ca_file: login.ca_file.clone().or(ca_file), ..login };
        Ok(Server { url, login })
    }
}

/// Writes, prints and posts one report.
///
/// # Errors
/// [`NoVerdict`] when Prometheus or the webhook gives no usable response.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    // The clock is read only here. Everything below takes this time, so a report about a past time is the same whenever
    // it runs.
    let minute = |at: Timestamp| period::timestamp((period::seconds(at) / 60.0).floor() * 60.0);
    let now = Timestamp::now();
    let at = arguments.at.map_or(Ok(minute(now)), |end| end.time(now, &zone(&config)))?;
    let server = arguments.server(&config)?;
    anyhow::ensure!(at <= now, "--at {at} is in the future");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let without =
            || format!("cannot make the {} report: Prometheus gave no usable response", arguments.kind.as_str());
        let progress = Progress::new();
        progress.show("querying Prometheus");
        let report = make(&config, arguments.kind, &server, at, &progress).await.with_context(without)?;
        progress.end();
        if let Some(folder) = &arguments.out {
            write(&files(&report)?, folder)?;
        }
        let post = arguments.webhook_file.is_some() && !arguments.dry_run;
        let format = match arguments.format {
            _ if arguments.dry_run => Some(Format::Slack),
            Some(Format::Slack) if post => None,
            Some(format) => Some(format),
            None => (arguments.out.is_none() && !post).then_some(Format::Markdown),
        };
        if let Some(format) = format {
            print(&written(&report, format)?)?;
        }
        if let Some(file) = arguments.webhook_file.as_ref().filter(|_| post) {
            send(file, &slack::message(&report)).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn written(report: &Report, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Markdown => markdown::markdown(report),
        Format::Html => html::html(report),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Slack => serde_json::to_string_pretty(&slack::message(report))? + "\n",
    })
}

/// Returns the report in every format, such as `daily-2026-11-24.md`. With forecasts, also the spreadsheet and a chart
/// for each resource.
fn files(report: &Report) -> anyhow::Result<Vec<File>> {
    let name = format!("{}-{}", report.cadence, markdown::day(report, report.until));
    let mut files = Vec::new();
    for (format, end) in [(Format::Markdown, "md"), (Format::Html, "html"), (Format::Json, "json")] {
        files.push(File { path: format!("{name}.{end}").into(), content: written(report, format)? });
    }
    if let Some(capacity) = &report.capacity {
        files.push(File { path: format!("{name}-capacity.csv").into(), content: csv::csv(capacity) });
        for (at, resource) in capacity.resources.iter().enumerate() {
            let Some(chart) = svg::outlook(resource, &report.clock) else { continue };
            // Names of resources may contain characters that file names cannot. The chart's title has the full name.
            let kind = resource.kind.replace(' ', "-");
            let path = format!("{name}-charts/{:02}-{kind}.svg", at + 1).into();
            files.push(File { path, content: chart.into_string() });
        }
    }
    Ok(files)
}

/// Posts a message to the webhook whose address is in a file. The address is a secret, so no error contains it.
async fn send(file: &std::path::Path, message: &serde_json::Value) -> anyhow::Result<()> {
    let address = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let endpoint = Endpoint { url: address.trim().to_owned(), bearer_token: None, ca_file: None };
    let failed =
        |why: String| NoVerdict::new(format!("the webhook of {} did not accept the report: {why}", file.display()));
    let post = http::post_json(&endpoint, "", message);
    match tokio::time::timeout(WEBHOOK_DEADLINE, post).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            Err(failed(format!("{} ({})", without(&failure.message, &endpoint.url), failure.reason)).into())
        }
        Err(_) => Err(failed(format!("no response within {WEBHOOK_DEADLINE:?}")).into()),
    }
}

/// Removes an address, and every part of its path, from a message.
fn without(message: &str, address: &str) -> String {
    let Ok(url) = url::Url::parse(address) else { return "the content of the file is not an address".to_owned() };
    let text = message.replace(address, "the webhook").replace(address.trim_end_matches('/'), "the webhook");
    let parts = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    parts.fold(text, |text, part| text.replace(part, "..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_never_prints_the_address_of_the_webhook() {
        let address = "https://hooks.example.com/services/T0/SECRET";
        let message =
            without("POST https://hooks.example.com/services/T0/SECRET: the server responded with 404", address);
        assert!(!message.contains("SECRET") && message.contains("404"), "{message}");
        assert_eq!(without("SECRET is an unusable address", "SECRET"), "the content of the file is not an address");
    }
}
