//! `rules-gen explain ALERT`: prints the expression with its limits, the source of each number and metric, the runbook,
//! and an example of firing.

use crate::cli::list::limit;
use crate::cli::{ConfigFile, EXIT_CODES};
use crate::promql::duration::prometheus_duration;
use crate::rules;
use crate::rules::model::{Entry, Group, Rule};
use crate::rules::unit_tests::{self, RuleTest};
use crate::terminal::{Colour, Style, print};
use anyhow::bail;
use checklist::condition::limits::number;
use checklist::lines::lines_of;
use checklist::yaml::hint;
use checklist::{Config, Metric};
use std::fmt::Write as _;
use std::process::ExitCode;

/// The burn rates of the error budget alerts: how many times faster than allowed the budget is used.
const BURN_RATES: [f64; 4] = [1.0, 3.0, 6.0, 14.4];

/// Explains one alert.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen explain ChecklistBackupStale
  rules-gen explain --config production.yaml ChecklistConnectionsHigh

{EXIT_CODES}"))]
pub struct Arguments {
    /// The alert's name, as rules-gen list prints it.
    alert: String,
    #[command(flatten)]
    config: ConfigFile,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let groups = rules::groups(&config);
    print(&explain(&config, &groups, &arguments.alert, Style::of_stdout())?)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the explanation of an alert.
pub fn explain(config: &Config, groups: &[Group], alert: &str, style: Style) -> anyhow::Result<String> {
    let all: Vec<&Rule> = groups.iter().flat_map(|group| &group.rules).collect();
    let rules: Vec<&Rule> = all.iter().copied().filter(|rule| rule.alert.eq_ignore_ascii_case(alert)).collect();
    let Some(first) = rules.first() else { bail!("{}", unknown(config, &all, alert)) };
    let mut text = format!("{}: {}\n", style.paint(Colour::Bold, &first.alert), first.annotations["summary"]);
    if let Some(entry) = &first.entry {
        let signal = entry.signal;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}, {}: {}", signal.cadence, signal.section, signal.title);
        for line in lines_of(signal.id) {
            let number = line.number.map(|number| format!(" {number}")).unwrap_or_default();
            let _ = writeln!(text, "The written checklist, {}, {}{number}: {}", line.cadence, line.section, line.text);
        }
    }
    for rule in &rules {
        level(&mut text, config, rule, style);
    }
    if let Some(entry) = &first.entry {
        metrics(&mut text, config, groups, entry, style);
    }
    let _ = writeln!(text, "\n{}", style.paint(Colour::Bold, "Runbook"));
    let page = first.entry.as_ref().map_or("exporter", |entry| entry.signal.id);
    let file = format!("runbooks/{page}.md#{}", first.alert.to_lowercase());
    let _ = writeln!(text, "  {}", first.annotations.get("runbook_url").unwrap_or(&file));
    let tests = unit_tests::all(groups)?;
    if let Some(test) = tests.iter().find(|test| test.rule.alert == first.alert) {
        example(&mut text, test, style);
    }
    Ok(text)
}

/// The message for an unknown alert, with the most similar names or that the alert is switched off.
fn unknown(config: &Config, rules: &[&Rule], alert: &str) -> String {
    let off = config.signals().flat_map(|signal| signal.alerts).any(|one| one.name == alert);
    if off {
        return format!(
            "checklist.yaml generates no rule for {alert}: it has no target for it, sets no level of its threshold, or switches it off"
        );
    }
    let names: Vec<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    format!("unknown alert {alert}{}; see rules-gen list", hint(alert, &names))
}

fn level(text: &mut String, config: &Config, rule: &Rule, style: Style) {
    let severity = &rule.labels["severity"];
    let about = if rule.entry.is_some() { String::new() } else { format!(", check {}", rule.labels["check"]) };
    let pending = prometheus_duration(rule.times.pending);
    let _ = writeln!(text, "\n{} after {pending}{about}", style.paint(Colour::Bold, severity));
    let _ = writeln!(text, "  {}", rule.expr);
    if !rule.targets.is_empty() {
        let _ = writeln!(text, "  targets: {}", rule.targets.join(", "));
    }
    if !rule.times.keep_firing.is_zero() {
        let _ = writeln!(text, "  keeps firing for {}", prometheus_duration(rule.times.keep_firing));
    }
    let Some(entry) = &rule.entry else { return };
    let own = limit(rule).map(|(key, ..)| key);
    let numbers = crate::rules::unit_tests::mutants::numbers(&rule.expr);
    for threshold in entry.signal.thresholds {
        let levels = entry.limits.of(threshold);
        // A floor has one value, which the expression contains as it is. A budget is in the expression multiplied by a
        // burn rate.
        let named = |value: f64| {
            let same = |factor: &f64| numbers.iter().any(|known| number(*known) == number(factor * value));
            BURN_RATES.into_iter().find(same).map(|factor| (value, factor))
        };
        let found = if own == Some(threshold.key) {
            levels.at(entry.severity).map(|value| (value, 1.0))
        } else {
            levels.each().find_map(|(_, value)| named(value))
        };
        let Some((value, factor)) = found else { continue };
        let times = if factor > 1.0 { format!(", times {factor}") } else { String::new() };
        let targets: Vec<&String> = rule.targets.iter().collect();
        let origin = targets.iter().map(|target| config.origin(entry.signal, target, threshold.key)).max();
        let origin = origin.unwrap_or(checklist::config::Origin::Default);
        let _ = writeln!(text, "  {} {}{times}: {origin}", threshold.key, threshold.unit.human(value));
        let _ = writeln!(text, "    {}", threshold.reason);
    }
}

fn metrics(text: &mut String, config: &Config, groups: &[Group], entry: &Entry, style: Style) {
    let _ = writeln!(text, "\n{}", style.paint(Colour::Bold, "Metrics"));
    for metric in entry.alert.when.metrics() {
        let labels: Vec<&str> = ["check", "target"].into_iter().chain(metric.labels.iter().copied()).collect();
        let _ = writeln!(text, "  {} ({}; {})", metric.name, metric.type_word(), labels.join(", "));
        let _ = writeln!(text, "    {}", metric.help);
        for source in sources(config, groups, entry, metric) {
            let _ = writeln!(text, "    {source}");
        }
    }
}

/// Returns where a metric comes from on each target, each source once.
fn sources(config: &Config, groups: &[Group], entry: &Entry, metric: &Metric) -> Vec<String> {
    let signal = entry.signal;
    let mut all: Vec<String> = Vec::new();
    for target in config.targets(signal) {
        let records = groups.iter().flat_map(|group| &group.records);
        let recorded = records
            .into_iter()
            .find(|record| record.record == metric.name && record.labels.get("target") == Some(&target));
        let source = match (config.source(signal, &target), recorded) {
            (Some(external), Some(record)) => format!("{target}: from {}: {}", external.source, record.expr),
            (_, Some(record)) => format!("{target}: recorded: {}", record.expr),
            _ => format!("from checklist-exporter, check {} on {}", signal.id, signal.kind.key()),
        };
        if !all.contains(&source) {
            all.push(source);
        }
    }
    all
}

fn example(text: &mut String, test: &RuleTest, style: Style) {
    let Some(case) = test.test["tests"].as_array().and_then(|cases| cases.first()) else { return };
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let last = case["alert_rule_test"].as_array().and_then(|steps| steps.last());
    let at = last.map(|step| word(&step["eval_time"])).unwrap_or_default();
    let _ = writeln!(text, "\n{}\n  fires {at} after the start of", style.paint(Colour::Bold, "Example"));
    let series = case["input_series"].as_array().map(Vec::as_slice).unwrap_or_default();
    if series.is_empty() {
        let _ = writeln!(text, "    no series");
    }
    for one in series {
        let _ = writeln!(text, "    {} {}", word(&one["series"]), word(&one["values"]));
    }
    let _ = writeln!(text, "  one value every {}, in promtool's notation", word(&case["interval"]));
}
