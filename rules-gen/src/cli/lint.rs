//! `rules-gen lint`: lints files and prints the findings, or repairs what has only one meaning.

use crate::cli::checklist;
use crate::lint::configuration::{self, Configuration};
use crate::lint::files::Source;
use crate::lint::flavour::Flavour;
use crate::lint::metric_facts::MetricFacts;
use crate::lint::output::{Format, render};
use crate::lint::report::{Finding, Level, Report};
use crate::lint::{Options, Outcome, checks, files, fix, live, questions, rule_file, run_showing};
use crate::server::{Login, Server};
use crate::terminal::{Progress, Style, is_quiet, note, print, to_stderr};
use anyhow::Context;
use glob::MatchOptions;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks rule files, `PrometheusRule` objects, dashboards, rule tests, and the configurations of Alertmanager and
/// Prometheus.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rules-gen lint rules/ dashboards/
  rules-gen lint --output github --fail-on error 'rules/**/*.yaml'
  curl -s localhost:9187/metrics > postgres.txt; rules-gen lint --catalog-from postgres.txt rules/
  helm template . | rules-gen lint -
  rules-gen lint --explain RG018

  rules-gen lint --fix rules/

Suppress a finding where it is, with a reason and an end if you like:
  # rules-gen: ignore RG016 until 2027-01-31 because the divisor is never zero here
A rules-gen.yaml next to the rules sets levels, accepts findings, and defines policies for names, labels and annotations.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 usage, or something that was named was not linted, 3 the
live server gave no usable response.")]
pub struct Arguments {
    /// Files, folders, patterns, pipes, or - for standard input.
    #[arg(required_unless_present_any = ["explain", "list"])]
    paths: Vec<String>,
    /// The output format.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
    /// Write the output to this file.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// The lowest level that makes the exit code 1.
    #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
    fail_on: Level,
    /// The lowest level that is shown. With --fail-on info, infos are shown too; with --select, all findings of its
    /// lints.
    #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
    level: Level,
    /// Only these lints.
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = lint_id)]
    select: Vec<String>,
    /// Skip these lints.
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = lint_id)]
    ignore: Vec<String>,
    /// Print the page of a lint.
    #[arg(long, value_name = "ID", value_parser = lint_id)]
    explain: Option<String>,
    /// List every lint.
    #[arg(long)]
    list: bool,
    /// Use this rules-gen.yaml, instead of those beside the linted files.
    #[arg(long, value_name = "FILE")]
    rules_config: Option<PathBuf>,
    /// Repair in the files what has only one meaning: missing quotes, durations in another notation, a quoted limit of
    /// a group, regular expressions that are plain text, and missing links to runbooks by the pattern in
    /// rules-gen.yaml.
    #[arg(long)]
    fix: bool,
    /// The server that evaluates the rules. Without it the keys of all servers are accepted.
    #[arg(long, value_enum)]
    server: Option<Flavour>,
    /// A checklist.yaml whose queries define further metrics.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A scrape (the text of /metrics). Only these metrics exist.
    #[arg(long, value_name = "FILE")]
    catalog_from: Vec<PathBuf>,
    /// How long Prometheus keeps samples. Without it, its default of 15d is assumed, and a file with rules that read
    /// further back is reported once.
    #[arg(long, value_parser = duration)]
    retention: Option<f64>,
    /// The scrape interval.
    #[arg(long, default_value = "30s", value_parser = duration)]
    scrape_interval: f64,
    /// The evaluation interval of groups that set none.
    #[arg(long, default_value = "30s", value_parser = duration)]
    evaluation_interval: f64,
    /// The oldest version of Prometheus that must accept the rules, such as 2.42.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    prometheus_version: Option<(u32, u32)>,
    /// Feature flags that are enabled on the servers, by Prometheus' names: promql-experimental-functions.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    enable_feature: Vec<String>,
    /// The folder of the runbooks that links point to.
    #[arg(long, value_name = "FOLDER")]
    runbooks: Option<PathBuf>,
    /// Compare with a live Prometheus: the rules' metrics and labels must exist there, its own rules must be healthy, and
    /// links must lead to pages that exist.
    #[arg(long, value_name = "URL", value_parser = crate::server::address)]
    live: Option<String>,
    /// File that holds a bearer token for the live server.
    #[arg(long, value_name = "FILE", requires = "live")]
    token_file: Option<PathBuf>,
}

fn lint_id(text: &str) -> Result<String, String> {
    checks::id(text).map(ToOwned::to_owned).ok_or_else(|| format!("unknown lint {text}; see --list"))
}

fn duration(text: &str) -> Result<f64, String> {
    rule_file::seconds(text)
        .filter(|seconds| *seconds > 0.0)
        .ok_or_else(|| format!("{text} is not a duration such as 30s or 15d"))
}

fn version(text: &str) -> Result<(u32, u32), String> {
    let mut parts = text.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(format!("{text} is not a version such as 2.42")),
    }
}

/// Runs the command.
///
/// # Errors
/// When a settings file cannot be read, or the live server does not answer.
pub async fn run_command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(id) = &arguments.explain {
        let lint = checks::ALL.iter().find(|lint| lint.id == id).context("unknown lint")?;
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
    progress.show("reading the files");
    let mut sources = files::collect(&arguments.paths)?;
    let configured = |source: &Source| options.configurations.iter().any(|one| one.name() == source.name);
    sources.retain(|source| source.named || !configured(source));
    let mut notes = if arguments.fix { mend(&mut sources, &options)? } else { Vec::new() };
    if let Some(url) = &arguments.live {
        let server =
            Server { url: url.clone(), login: Login { token_file: arguments.token_file.clone(), ..Login::default() } };
        progress.show("the server, and the pages of links");
        let (unhealthy, left_out) = live::learn(&server, questions(&sources, &options), &mut options).await?;
        findings.extend(unhealthy);
        notes.extend(left_out);
    }
    let outcome = run_showing(&sources, &options, &progress);
    progress.end();
    let blind = not_judged(&arguments.paths, &outcome);
    findings.extend(outcome.findings);
    let chosen = |finding: &Finding| {
        let named = |ids: &[String]| ids.iter().any(|id| id == finding.id);
        let selected = named(&arguments.select);
        (selected || (arguments.select.is_empty() && finding.level >= least(arguments))) && !named(&arguments.ignore)
    };
    findings.retain(chosen);
    let style = if arguments.output_file.is_some() { Style::PLAIN } else { Style::of_stdout() };
    let nothing = is_quiet() && arguments.output == Format::Text && findings.is_empty();
    out(arguments, &if nothing { String::new() } else { render(arguments.output, &findings, &outcome.files, style) })?;
    notes.iter().chain(&outcome.notes).for_each(|text| note(&format!("note: {text}")));
    for text in &blind {
        to_stderr(text);
    }
    let failed = findings.iter().any(|finding| finding.level >= arguments.fail_on);
    Ok(ExitCode::from(if blind.is_empty() { u8::from(failed) } else { 2 }))
}

/// Returns the lowest level of findings that are shown or make the exit code 1.
fn least(arguments: &Arguments) -> Level {
    arguments.level.min(arguments.fail_on)
}

/// Returns what the user named but was not linted, one sentence each: a file, or a folder or pattern with no linted
/// file.
fn not_judged(paths: &[String], outcome: &Outcome) -> Vec<String> {
    let named = outcome.left_out.iter().filter(|one| one.named);
    let mut all: Vec<String> = named.map(|one| format!("{} was not linted: {}", one.file, one.why)).collect();
    let left_out = |file: &&String| outcome.left_out.iter().any(|one| one.file == **file);
    for path in paths.iter().filter(|path| *path != "-") {
        let (folder, file) = (Path::new(path).is_dir(), Path::new(path).exists());
        let pattern = glob::Pattern::new(path).ok().filter(|_| !file && path.contains(['*', '?', '[']));
        // The same option as in the search for files: `*` does not match a separator.
        let found = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        let within = |file: &&String| match &pattern {
            Some(pattern) => pattern.matches_with(file, found),
            None => Path::new(file).starts_with(path),
        };
        let files: Vec<&String> = outcome.files.iter().filter(within).collect();
        if !(folder || pattern.is_some()) || !files.iter().all(left_out) {
            continue;
        }
        all.push(
            match outcome.left_out.iter().filter(|one| files.contains(&&one.file)).collect::<Vec<_>>().as_slice() {
                [] => format!("nothing in {path} was linted: it contains no YAML or JSON file"),
                [one] => format!("nothing in {path} was linted: {}: {}", one.file, one.why),
                [first, ..] => {
                    let count = files.len();
                    format!("nothing in {path} was linted: {count} files such as {}: {}", first.file, first.why)
                }
            },
        );
    }
    all
}

/// Repairs the files, and returns a note for each.
fn mend(sources: &mut [Source], options: &Options) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    for source in sources {
        let path = Path::new(&source.name);
        let Ok(text) = &source.text else { continue };
        if !path.is_file() {
            notes.push(format!("{} was not fixed: it is not a file", source.name));
            continue;
        }
        let of_file = options.configurations.iter().filter(|one| one.is_for(&source.name));
        let pattern = of_file.rev().find_map(Configuration::runbook_url);
        let Some(fixed) = fix::fix(text, pattern) else { continue };
        // The file is only replaced if its bytes are the text that was read. A byte-order mark or another encoding
        // would be lost.
        let written = std::fs::read(path).with_context(|| format!("cannot read {}", source.name))?;
        if written != text.as_bytes() {
            notes.push(format!("{} was not fixed: it is not plain UTF-8", source.name));
            continue;
        }
        std::fs::write(path, &fixed.text).with_context(|| format!("cannot write {}", source.name))?;
        notes.push(format!("{} was fixed ({})", source.name, fixed.what.join(", ")));
        source.text = Ok(fixed.text);
    }
    Ok(notes)
}

/// Returns the `rules-gen.yaml` files that apply to the arguments.
fn configurations(arguments: &Arguments) -> anyhow::Result<Vec<Configuration>> {
    if let Some(path) = &arguments.rules_config {
        return Ok(vec![Configuration::read(path, true, checks::id)?]);
    }
    let paths = configuration::found_for(&arguments.paths)?;
    paths.iter().map(|path| Configuration::read(path, false, checks::id)).collect()
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
        anyhow::bail!("--runbooks: {} is not a folder", folder.display());
    }
    Ok(Options {
        known: MetricFacts::catalog(config.as_ref()),
        retention: arguments.retention,
        scrape_interval: arguments.scrape_interval,
        evaluation_interval: arguments.evaluation_interval,
        version: arguments.prometheus_version,
        server: arguments.server,
        configurations: configurations(arguments)?,
        features: arguments.enable_feature.clone(),
        runbooks: arguments.runbooks.clone(),
        broken_links: BTreeMap::new(),
        least: if arguments.select.is_empty() { least(arguments) } else { Level::Info },
        today: jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date(),
    })
}

/// Reads the scrapes into the options. Returns findings about the scrapes themselves.
fn scrapes(arguments: &Arguments, options: &mut Options) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in &arguments.catalog_from {
        let text = files::text(path)?;
        let value = |line: &str| line.split_whitespace().skip(1).last().is_some_and(|word| word.parse::<f64>().is_ok());
        let sample = |line: &str| !line.starts_with(['#', '<']) && value(line);
        let why = "--catalog-from must be the text of a /metrics page";
        anyhow::ensure!(text.lines().any(sample), "{} contains no sample: {why}", path.display());
        options.known.add_scrape(&text);
        let name = path.display().to_string();
        let mut report = Report::new(&name, &text, None);
        checks::scrape(&text, &mut report);
        findings.extend(report.finish(options.today, checks::id));
    }
    Ok(findings)
}
