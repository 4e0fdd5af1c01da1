//! RG036: alerts that no receiver tells anyone of, and pages that a rule of inhibition lets hide themselves.

use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use crate::live::Labels;
use crate::routing::Configuration;

/// Reads Alertmanager's configuration; what it refuses is an error.
pub(super) fn read(text: &str, node: &Node, report: &mut Report<'_>) -> Option<Configuration> {
    match Configuration::parse(text) {
        Ok(configuration) => Some(configuration),
        Err(error) => {
            report.add("RG036", Level::Error, node, format!("Alertmanager refuses this: {error:#}"), "");
            None
        }
    }
}

/// Follows an alert through every configuration that was linted with it.
pub(super) fn check<'a>(rule: &Rule, configurations: impl Iterator<Item = &'a Configuration>, report: &mut Report<'_>) {
    let severity = rule.label("severity").map(|severity| severity.value.as_str());
    let loud = matches!(severity, Some("critical" | "warning" | "page" | "ticket"));
    if !rule.alerts || !loud {
        return;
    }
    report.enter(rule.scope.clone());
    report.about(Some(rule.name.value.clone()));
    let name = ("alertname".to_owned(), rule.name.value.clone());
    let own = rule.labels.iter().map(|(name, text)| (name.clone(), text.value.clone()));
    let labels: Labels = own.chain([name]).collect();
    for configuration in configurations {
        let receivers = configuration.receivers(&labels);
        if receivers.iter().all(|receiver| receiver.integrations.is_empty()) {
            let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
            let message = format!("it leads to {}, which tells nobody", names.join(", "));
            report.at("RG036", Level::Error, &rule.name, message, "give it a route to a receiver with an integration");
        }
        let itself = configuration.inhibit_rules.iter().find(|rule| {
            let all = |matchers: &[crate::routing::Matcher]| matchers.iter().all(|matcher| matcher.matches(&labels));
            rule.equal.is_empty() && all(&rule.source) && all(&rule.target)
        });
        if itself.is_some() {
            let message = "a rule of inhibition takes it as source and as target, with nothing that must be equal";
            report.at("RG036", Level::Warning, &rule.name, message, "tell source and target apart");
        }
    }
}
