//! `rules-gen route-test`: tests which receivers an alert reaches, offline with a suite of cases, or live with a
//! synthetic alert of each severity.

use crate::cli::{checklist, of_file};
use crate::routing::Configuration;
use crate::server::{Labels, response_within};
use crate::terminal::{Colour, Progress, Style, is_quiet, note, print};
use ::checklist::config::{Alertmanager, Endpoint, SecretRef};
use ::checklist::yaml;
use anyhow::ensure;
use clients::synthetic_alert;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Tests routes and inhibition rules of an Alertmanager configuration, offline or live with synthetic alerts.
///
/// Offline, every case of the suite names alerts that fire together, the receivers of each, and which are inhibited.
/// Live (--live), --config names the checklist.yaml; one alert of each severity is sent through Alertmanager to its
/// receiver, as with `checklist-exporter verify-alerts`, but without a record. Exits with 0 when everything is as
/// expected, 1 when something is not, 2 when a file is wrong, 3 when Alertmanager gives no response.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rules-gen route-test --config alertmanager.yml --tests routes.yaml
  rules-gen route-test --live http://alertmanager:9093 --config checklist.yaml

A suite:
  tests:
    - name: a page goes to PagerDuty and inhibits its warning
      alerts:
        - {labels: {alertname: DiskFull, severity: critical}, receivers: [pagerduty]}
        - {labels: {alertname: DiskFull, severity: warning}, receivers: [slack], inhibited: true}")]
pub struct Arguments {
    /// The Alertmanager configuration; with --live the checklist.yaml.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// The suite of test cases.
    #[arg(long, value_name = "FILE", required_unless_present = "live")]
    pub tests: Option<PathBuf>,
    /// Send synthetic alerts through this Alertmanager instead.
    #[arg(long, value_name = "URL", value_parser = crate::server::address, conflicts_with = "tests")]
    pub live: Option<String>,
    /// Live: seconds to wait for each delivery. It must be longer than the `group_wait` of Alertmanager.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub within: u64,
    /// Live: file that holds a bearer token for Alertmanager.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Live: PEM file with the certificate authorities to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// The file with test cases (`--tests`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    tests: Vec<Case>,
}

/// A test case: alerts that fire together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    alerts: Vec<Expected>,
}

/// An alert of a case, and what should happen to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    labels: Labels,
    receivers: Option<Vec<String>>,
    #[serde(default)]
    inhibited: bool,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match (&arguments.live, &arguments.tests) {
        (Some(url), _) => live(arguments, url).await,
        (None, Some(tests)) => offline(arguments, tests),
        (None, None) => anyhow::bail!("--tests or --live is required"),
    }
}

fn offline(arguments: &Arguments, tests: &Path) -> anyhow::Result<ExitCode> {
    let text = read(&arguments.config)?;
    let name = arguments.config.display().to_string();
    let parsed = Configuration::parse(&text).map_err(|error| of_file(error, &name, &name))?;
    let text = read(tests)?;
    let suite: Suite = yaml::parse(&text).map_err(|error| anyhow::anyhow!("{}:{error}", tests.display()))?;
    ensure!(!suite.tests.is_empty(), "{} has no tests", tests.display());
    // A case without alerts would pass whatever the routes are.
    if let Some(empty) = suite.tests.iter().find(|case| case.alerts.is_empty()) {
        anyhow::bail!("{}: the case {:?} has no alerts", tests.display(), empty.name);
    }
    parsed.notes.iter().for_each(|text| note(text));
    let (mut failed, style) = (0, Style::of_stdout());
    for case in &suite.tests {
        let wrong = mistakes_of(&parsed, case);
        if !wrong.is_empty() {
            failed += 1;
            print(&format!("{} {}\n", style.paint(Colour::Red, "FAIL"), case.name))?;
            print(&wrong.iter().map(|line| format!("     {line}\n")).collect::<String>())?;
        } else if !is_quiet() {
            print(&format!("{} {}\n", style.paint(Colour::Green, "ok  "), case.name))?;
        }
    }
    if !is_quiet() {
        let untested = untested(&parsed, &suite);
        if !untested.is_empty() {
            note(&format!("no test case covers: {}", untested.join(", ")));
        }
        print(&format!("{} cases, {failed} failed\n", suite.tests.len()))?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Returns what differs from the expectations of a case, one sentence each.
fn mistakes_of(parsed: &Configuration, case: &Case) -> Vec<String> {
    let all: Vec<Labels> = case.alerts.iter().map(|alert| alert.labels.clone()).collect();
    let mut wrong = Vec::new();
    for (at, expected) in case.alerts.iter().enumerate() {
        let shown = shown(&expected.labels);
        if let Some(wanted) = &expected.receivers {
            let actual: Vec<&str> =
                parsed.receivers(&expected.labels).iter().map(|receiver| receiver.name.as_str()).collect();
            if actual != *wanted {
                wrong.push(format!("{shown} is routed to {}, expected {}", list(&actual), list(wanted)));
            }
        }
        let mut others = all.clone();
        others.remove(at);
        match (parsed.inhibited(&expected.labels, &others), expected.inhibited) {
            (Some((_, by)), false) => {
                wrong.push(format!("{shown} is inhibited by {}, expected not to be", self::shown(by)));
            }
            (None, true) => wrong.push(format!("{shown} is not inhibited, expected to be")),
            (Some(_), true) | (None, false) => {}
        }
    }
    wrong
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Returns the routes and inhibition rules that no case uses.
fn untested(parsed: &Configuration, suite: &Suite) -> Vec<String> {
    let mut taken: BTreeSet<*const crate::routing::Route> = BTreeSet::new();
    let mut rules: BTreeSet<usize> = BTreeSet::new();
    for case in &suite.tests {
        let all: Vec<Labels> = case.alerts.iter().map(|alert| alert.labels.clone()).collect();
        for labels in &all {
            taken.extend(parsed.routes(labels).into_iter().map(std::ptr::from_ref));
            let used = parsed.inhibit_rules.iter().enumerate();
            rules.extend(used.filter(|(_, rule)| rule.inhibited_by(labels, &all).is_some()).map(|(at, _)| at));
        }
    }
    let routes = parsed.route.all().into_iter().filter(|route| !taken.contains(&std::ptr::from_ref(*route)));
    let name = |route: &crate::routing::Route| {
        let matchers: Vec<String> = route.matchers.iter().map(ToString::to_string).collect();
        format!("the route {{{}}} to {}", matchers.join(", "), route.receiver)
    };
    // A route with children may have no alert of its own, because its children take all of them.
    let routes = routes.filter(|route| route.routes.is_empty()).map(name);
    let idle = (0..parsed.inhibit_rules.len()).filter(|at| !rules.contains(at));
    routes.chain(idle.map(|at| format!("inhibit_rules[{at}]"))).collect()
}

async fn live(arguments: &Arguments, url: &str) -> anyhow::Result<ExitCode> {
    let config = checklist(&arguments.config)?;
    let endpoint = Endpoint {
        url: url.trim_end_matches('/').to_owned(),
        bearer_token: arguments.token_file.clone().map(SecretRef::File),
        ca_file: arguments.ca_file.clone(),
    };
    let progress = Progress::new();
    progress.show("Alertmanager");
    // Checked first, so that a server without a response is not reported as one that does not deliver.
    let up = clients::http::fetch_good(&endpoint, "/-/ready", 64 * 1024);
    response_within(url, Duration::from_secs(30), Box::pin(up)).await?;
    let server = Alertmanager { name: "live".to_owned(), endpoint };
    let within = Duration::from_secs(arguments.within);
    progress.show(&format!("waiting for a delivery of each severity, {} s at most", arguments.within));
    let mut results = Vec::new();
    for severity in synthetic_alert::severities(&config.alerting, false)? {
        let delivered = synthetic_alert::deliver(&server, &config.alerting, severity, None, within);
        results.push((severity, Box::pin(delivered).await));
    }
    progress.end();
    let mut code = ExitCode::SUCCESS;
    for (severity, result) in results {
        match result {
            Ok(seconds) => print(&format!("{severity}: delivered after {seconds:.1} s\n"))?,
            Err(error) => {
                print(&format!("{severity}: NOT delivered: {error:#}\n"))?;
                code = ExitCode::from(1);
            }
        }
    }
    Ok(code)
}

fn read(path: &Path) -> anyhow::Result<String> {
    crate::lint::files::text(path)
}
