//! `rules-gen list`: prints every alert with its severity, cadence and limit.

use crate::cli::{ConfigFile, EXIT_CODES, Format};
use crate::promql::duration::prometheus_duration;
use crate::rules;
use crate::rules::model::Rule;
use crate::terminal::{self, Colour, Style, print};
use checklist::{Cadence, Unit};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Lists the alerts of a checklist.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen list --config checklist.yaml
  rules-gen list --cadence weekly
  rules-gen list --output json | jq -r '.[] | select(.severity == \"critical\") | .alert'

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// Only alerts of this cadence: daily, weekly, monthly, quarterly or annual.
    #[arg(long)]
    cadence: Option<Cadence>,
    /// The output format.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = arguments.config.load()?;
    let groups = rules::groups(&config);
    let mut rules: Vec<&Rule> = groups.iter().flat_map(|group| &group.rules).collect();
    if let Some(cadence) = arguments.cadence {
        rules.retain(|rule| rule.labels["cadence"] == cadence.as_str());
    }
    match arguments.output {
        Format::Json => print(&format!("{:#}\n", rules.iter().map(|rule| value(rule)).collect::<Value>()))?,
        Format::Text => print(&table(&rules, Style::of_stdout()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the threshold's key, its unit and the limit at the rule's severity.
pub(crate) fn limit(rule: &Rule) -> Option<(&'static str, Unit, f64)> {
    let entry = rule.entry.as_ref()?;
    let threshold = entry.alert.when.threshold()?;
    Some((threshold.key, threshold.unit, entry.limits.of(threshold).at(entry.severity)?))
}

fn value(rule: &Rule) -> Value {
    let mut value = json!({
        "alert": rule.alert,
        "severity": rule.labels["severity"],
        "cadence": rule.labels["cadence"],
        "check": rule.labels["check"],
        "targets": rule.targets,
        "for": prometheus_duration(rule.times.pending),
        "keep_firing_for": prometheus_duration(rule.times.keep_firing),
        "summary": rule.annotations["summary"],
        "expr": rule.expr,
    });
    if let Some((key, _, limit)) = limit(rule) {
        value["threshold"] = json!({"key": key, "value": limit});
    }
    value
}

fn table(rules: &[&Rule], style: Style) -> String {
    let row = |rule: &&Rule| {
        let limit = limit(rule).map(|(key, unit, limit)| format!("{key} {}", unit.human(limit)));
        vec![
            rule.alert.clone(),
            rule.labels["severity"].clone(),
            rule.labels["cadence"].clone(),
            rule.labels["check"].clone(),
            prometheus_duration(rule.times.pending),
            limit.unwrap_or_default(),
        ]
    };
    let heading = ["ALERT", "SEVERITY", "CADENCE", "CHECK", "FOR", "THRESHOLD"].map(ToOwned::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rules.iter().map(row)).collect();
    let text = terminal::table(&rows, &[1, 2, 3, 4, 5]);
    let (heading, rows) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{}\n{rows}", style.paint(Colour::Bold, heading))
}
