//! RG036: alerts that no receiver tells anyone of, and pages that a rule of inhibition lets hide themselves. What
//! Alertmanager refuses of its configuration is reported by the reader (`routes`).

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::routing::Matcher;
use crate::server::Labels;

pub(super) static LINT: Lint = Lint {
    id: "RG036",
    title: "an alert that reaches nobody",
    level: Level::Error,
    text: "An alert whose labels lead to a receiver without any integration is heard by nobody; an inhibition whose source matches its own target hides what it should tell. An `AlertmanagerConfig` object gets only alerts with the label of its own namespace unless the operator is told otherwise. Lint rules and Alertmanager's configuration together. What Alertmanager refuses of its configuration is an error: routes, times, matchers, inhibition, and keys below `global` and in receivers that no version knows, or that an integration lacks.",
    check: Check::Rule(check),
    found: &[
        Example::Files(&[("rules.yaml", RULES), ("alertmanager.yaml", NOBODY)]),
        Example::Files(&[("rules.yaml", RULES), ("alertmanager.yaml", NO_INTEGRATION)]),
    ],
    fine: &[
        Example::Files(&[("rules.yaml", RULES), ("alertmanager.yaml", PAGER)]),
        Example::Files(&[("alertmanager.yaml", NO_INTEGRATION)]),
    ],
};

const RULES: &str = "
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
";
const NOBODY: &str = "
route: {receiver: nobody}
receivers:
- name: nobody
- name: pager
  webhook_configs: [{url: 'http://localhost:9093/'}]
";
const NO_INTEGRATION: &str = "
route: {receiver: nobody}
receivers:
- name: nobody
";
const PAGER: &str = "
route: {receiver: pager}
receivers:
- name: pager
  webhook_configs: [{url: 'http://localhost:9093/'}]
";

/// Follows an alert through every configuration that was linted with it.
fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let severity = rule.label("severity").map(|severity| severity.value.as_str());
    let loud = matches!(severity, Some("critical" | "warning" | "page" | "ticket"));
    if context.routing.is_empty() || !rule.alerts || !loud {
        return;
    }
    let name = ("alertname".to_owned(), rule.name.value.clone());
    let own = rule.labels.iter().map(|(name, text)| (name.clone(), text.value.clone()));
    let labels: Labels = own.chain([name]).collect();
    for configuration in context.routing {
        let receivers = configuration.receivers(&labels);
        // Where nobody is told of anything, that is told once.
        if configuration.tells_somebody() && receivers.iter().all(|receiver| receiver.integrations.is_empty()) {
            let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
            let message = format!("it leads to {}, which tells nobody", names.join(", "));
            report.at(LINT.id, Level::Error, &rule.name, message, "give it a route to a receiver with an integration");
        }
        let itself = configuration.inhibit_rules.iter().find(|rule| {
            let all = |matchers: &[Matcher]| matchers.iter().all(|matcher| matcher.matches(&labels));
            all(&rule.target) && rule.sources.iter().all(|source| source.equal.is_empty() && all(&source.matchers))
        });
        if itself.is_some() {
            let message = "a rule of inhibition takes it as source and as target, with nothing that must be equal";
            report.at(LINT.id, Level::Warning, &rule.name, message, "tell source and target apart");
        }
    }
}
