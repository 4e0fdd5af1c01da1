//! RG030: alert names and severities that routes cannot rely on.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG030",
    title: "missing severity, or unconventional alert name",
    level: Level::Warning,
    text: "Routes usually match the label `severity`: if the other alerts have it, an alert without it takes the default route. Names that are not CamelCase and uncommon severities are infos.",
    check: Check::Rule(check),
    found: &[Example::Group("
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    annotations: {summary: A service is down.}
  - alert: ServiceSlow
    expr: latency_seconds > 5
    for: 5m
    labels: {severity: warning}
    annotations: {summary: A service is slow.}
"), Example::Group("
  - {alert: service_down, expr: up == 0, for: 5m, labels: {severity: warning}, annotations: {summary: A service is down.}}
")],
    fine: &[Example::Rules(SERVICE_DOWN)],
};

/// Labels by which some teams route instead.
const OTHERS: [&str; 6] = ["priority", "level", "urgency", "criticality", "tier", "page"];
/// The severities that monitoring mixins and paging services use.
const SEVERITIES: [&str; 6] = ["critical", "warning", "info", "none", "page", "ticket"];

fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let name = &rule.name.value;
    let camel = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !camel {
        let message = format!("{name} is not CamelCase");
        report.at(
            LINT.id,
            Level::Info,
            &rule.name,
            message,
            "rename it; routes, silences and links are easier to write with one convention",
        );
    }
    match rule.label("severity") {
        // If no other alert has the label, the team routes by another one.
        None => {
            let other = rule.labels.iter().any(|(name, _)| OTHERS.contains(&name.as_str()));
            let level = if context.uses_severity && !other { Level::Warning } else { Level::Info };
            report.at(
                LINT.id,
                level,
                &rule.name,
                "the label severity is missing; other alerts have it",
                "add severity: warning, or another severity",
            );
        }
        Some(severity) if severity.value.contains("{{") => {}
        Some(severity) if !SEVERITIES.contains(&severity.value.as_str()) => {
            let message = format!("the severity {} is unusual; common ones: {}", severity.value, SEVERITIES.join(", "));
            report.at(LINT.id, Level::Info, severity, message, "");
        }
        Some(_) => {}
    }
}
