//! RG030: names of alerts and severities that routes cannot rely on.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG030",
    title: "names that routes cannot rely on",
    level: Level::Warning,
    text: "Routes, links and silences go by the alert's name and its label `severity`.",
    check: Check::Rule(check),
    found: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: service_down
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
    fine: &[Example::Rules(
        r"
groups:
- name: example
  rules:
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
      description: '{{ $labels.job }} cannot be scraped.'
",
    )],
};

/// The names that the mixins use, and those of pagers.
const SEVERITIES: [&str; 6] = ["critical", "warning", "info", "none", "page", "ticket"];

fn check(rule: &Rule, _: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let name = &rule.name.value;
    let camel = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !camel {
        let message = format!("{name} is not CamelCase");
        report.at(LINT.id, Level::Warning, &rule.name, message, "routes and links rely on it");
    }
    match rule.label("severity") {
        None => {
            report.at(LINT.id, Level::Warning, &rule.name, "no label severity: routes go by it", "severity: warning");
        }
        Some(severity) if severity.value.contains("{{") => {}
        Some(severity) if !SEVERITIES.contains(&severity.value.as_str()) => {
            let message = format!("severity {} is none of {}", severity.value, SEVERITIES.join(", "));
            report.at(LINT.id, Level::Warning, severity, message, "");
        }
        Some(_) => {}
    }
}
