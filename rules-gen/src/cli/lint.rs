//! `rules-gen lint`.

use crate::cli::checklist;
use crate::lint::known::Known;
use crate::lint::output::{Format, render};
use crate::lint::report::{Finding, Level, Report};
use crate::lint::{Options, asked, checks, files, live, rule_file, run_showing};
use crate::server::{Login, Server};
use crate::terminal::{Progress, Style, is_quiet, note, print};
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks rule files, `PrometheusRule` objects, dashboards and tests.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rules-gen lint rules/ dashboards/
  rules-gen lint --output github --fail-on error 'rules/**/*.yaml'
  curl -s localhost:9187/metrics > postgres.txt; rules-gen lint --catalog-from postgres.txt rules/
  helm template . | rules-gen lint -
  rules-gen lint --explain RG018

Suppress a finding where it is, with a reason and an end if you like:
  # rules-gen: ignore RG016 until 2027-01-31 because the divisor is never zero here

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 usage, 3 the live server gave no answer.")]
pub struct Arguments {
    /// Files, folders, patterns, pipes, or - for standard input.
    #[arg(required_unless_present_any = ["explain", "list"])]
    paths: Vec<String>,
    /// How to write the findings.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
    /// Write them to a file.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// The least level that makes the exit code 1.
    #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
    fail_on: Level,
    /// Only these lints.
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = lint_id)]
    select: Vec<String>,
    /// Not these lints.
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = lint_id)]
    ignore: Vec<String>,
    /// Show a lint's page.
    #[arg(long, value_name = "ID", value_parser = lint_id)]
    explain: Option<String>,
    /// List every lint.
    #[arg(long)]
    list: bool,
    /// A checklist.yaml whose own checks are known too.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A scrape (the text of /metrics): these metrics are there, and no others.
    #[arg(long, value_name = "FILE")]
    catalog_from: Vec<PathBuf>,
    /// How long Prometheus keeps samples.
    #[arg(long, default_value = "15d", value_parser = duration)]
    retention: f64,
    /// Time between two scrapes.
    #[arg(long, default_value = "30s", value_parser = duration)]
    scrape_interval: f64,
    /// Time between two evaluations.
    #[arg(long, default_value = "30s", value_parser = duration)]
    evaluation_interval: f64,
    /// The oldest server that must accept the rules: 2.42.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    prometheus_version: Option<(u32, u32)>,
    /// Feature flags that the servers have, by Prometheus' names: promql-experimental-functions.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    enable_feature: Vec<String>,
    /// The folder with the runbooks that links point to.
    #[arg(long, value_name = "FOLDER")]
    runbooks: Option<PathBuf>,
    /// A live Prometheus: its metrics and their labels are known, its rules must be healthy, and links must lead to
    /// pages that answer.
    #[arg(long, value_name = "URL", value_parser = crate::server::address)]
    live: Option<String>,
    /// File that holds a bearer token for the live server.
    #[arg(long, value_name = "FILE", requires = "live")]
    token_file: Option<PathBuf>,
}

fn lint_id(text: &str) -> Result<String, String> {
    checks::id(text).map(ToOwned::to_owned).ok_or_else(|| format!("there is no lint {text}; see --list"))
}

fn duration(text: &str) -> Result<f64, String> {
    rule_file::seconds(text)
        .filter(|seconds| *seconds > 0.0)
        .ok_or_else(|| format!("{text} is no duration such as 30s or 15d"))
}

fn version(text: &str) -> Result<(u32, u32), String> {
    let mut parts = text.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(format!("{text} is no version such as 2.42")),
    }
}

/// Lints and writes what was found.
///
/// # Errors
/// Unreadable settings, and a live server without an answer.
pub async fn run_command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(id) = &arguments.explain {
        let lint = checks::ALL.iter().find(|lint| lint.id == id).context("there is no such lint")?;
        out(arguments, &format!("# {}: {}\n\n{}", lint.id, lint.title, lint.page()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.list {
        let lines: String = checks::ALL.iter().map(|lint| format!("{}  {}\n", lint.id, lint.title)).collect();
        out(arguments, &lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = options(arguments)?;
    let mut findings = scrapes(arguments, &mut options)?;
    let progress = Progress::new();
    progress.tell("reading the files");
    let sources = files::collect(&arguments.paths)?;
    let mut notes = Vec::new();
    if let Some(url) = &arguments.live {
        let server =
            Server { url: url.clone(), login: Login { token_file: arguments.token_file.clone(), ..Login::default() } };
        progress.tell("the live server, and the pages behind links");
        let (unhealthy, left_out) = live::learn(&server, asked(&sources, &options), &mut options).await?;
        findings.extend(unhealthy);
        notes.extend(left_out);
    }
    let outcome = run_showing(&sources, &options, &progress);
    progress.end();
    findings.extend(outcome.findings);
    let chosen = |finding: &Finding| {
        let named = |ids: &[String]| ids.iter().any(|id| id == finding.id);
        (arguments.select.is_empty() || named(&arguments.select)) && !named(&arguments.ignore)
    };
    findings.retain(chosen);
    let style = if arguments.output_file.is_some() { Style::PLAIN } else { Style::of_stdout() };
    let nothing = is_quiet() && arguments.output == Format::Text && findings.is_empty();
    out(arguments, &if nothing { String::new() } else { render(arguments.output, &findings, &outcome.files, style) })?;
    notes.iter().chain(&outcome.notes).for_each(|text| note(&format!("note: {text}")));
    let failed = findings.iter().any(|finding| finding.level >= arguments.fail_on);
    Ok(ExitCode::from(u8::from(failed)))
}

fn out(arguments: &Arguments, text: &str) -> anyhow::Result<()> {
    match &arguments.output_file {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        None => print(text),
    }
}

fn options(arguments: &Arguments) -> anyhow::Result<Options> {
    let config = arguments.config.as_deref().map(checklist).transpose()?;
    if let Some(folder) = arguments.runbooks.as_deref().filter(|folder| !folder.is_dir()) {
        anyhow::bail!("--runbooks: {} is no folder", folder.display());
    }
    Ok(Options {
        known: Known::catalog(config.as_ref()),
        retention: arguments.retention,
        scrape_interval: arguments.scrape_interval,
        evaluation_interval: arguments.evaluation_interval,
        version: arguments.prometheus_version,
        features: arguments.enable_feature.clone(),
        runbooks: arguments.runbooks.clone(),
        broken_links: BTreeMap::new(),
        today: jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date(),
    })
}

/// Reads the scrapes, which are judged themselves.
fn scrapes(arguments: &Arguments, options: &mut Options) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in &arguments.catalog_from {
        let text = files::text(path)?;
        let value = |line: &str| line.split_whitespace().skip(1).last().is_some_and(|word| word.parse::<f64>().is_ok());
        let sample = |line: &str| !line.starts_with(['#', '<']) && value(line);
        let why = "--catalog-from takes the text of /metrics";
        anyhow::ensure!(text.lines().any(sample), "{} has no sample: {why}", path.display());
        options.known.add_scrape(&text);
        let name = path.display().to_string();
        let mut report = Report::new(&name, &text, None);
        checks::scrape(&text, &mut report);
        findings.extend(report.finish(options.today, checks::id));
    }
    Ok(findings)
}
