//! RG031: alerts without summary or description, and texts that do not say which series is affected.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;

pub(super) static LINT: Lint = Lint {
    id: "RG031",
    title: "missing or incomplete annotations",
    level: Level::Warning,
    text: "An alert without annotations does not tell the person on call what is wrong. The summary is the title of a group of alerts and should be one fixed sentence; the description should say which series is affected and by how much (both are infos).",
    check: Check::Rule(check),
    found: &[
        Example::Group(
            "
  - {alert: ServiceDown, expr: up == 0, for: 5m, labels: {severity: warning}}
",
        ),
        Example::Group(
            r"
  - alert: ServiceDown
    expr: up == 0
    for: 5m
    labels:
      severity: warning
    annotations:
      summary: A service is down.
",
        ),
    ],
    fine: &[Example::Rules(SERVICE_DOWN)],
};

fn check(rule: &Rule, _: &Context<'_>, report: &mut Report<'_>) {
    if !rule.alerts {
        return;
    }
    let texts = ["summary", "description", "message"].map(|name| rule.annotation(name).is_some());
    if !texts.contains(&true) {
        // Some teams call their texts otherwise. A link is one word.
        let sentence = rule.annotations.iter().any(|(_, text)| text.value.trim().contains(char::is_whitespace));
        let level = if sentence { Level::Info } else { Level::Warning };
        report.at(
            LINT.id,
            level,
            &rule.name,
            "the alert has no annotation that says what it means",
            "add a summary and a description",
        );
        return;
    }
    match rule.annotation("summary").or_else(|| rule.annotation("message")) {
        None => {
            report.at(LINT.id, Level::Info, &rule.name, "the annotation summary is missing", "add one fixed sentence");
        }
        Some(summary) => {
            if summary.value.contains("{{") {
                let message = "the summary contains a template, so a group of alerts has no common title";
                report.at(LINT.id, Level::Info, summary, message, "put values into the description");
            }
            if !summary.value.trim_end().ends_with(['.', '!', '?']) {
                report.at(
                    LINT.id,
                    Level::Info,
                    summary,
                    "the summary is not a complete sentence",
                    "end it with a period",
                );
            }
        }
    }
    if rule.annotation("description").is_none() && rule.annotation("message").is_none() {
        report.at(
            LINT.id,
            Level::Info,
            &rule.name,
            "the annotation description is missing",
            "say which series is affected, and by how much",
        );
    }
}
