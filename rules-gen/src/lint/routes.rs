//! RG036: alerts that no receiver tells anyone of, and pages that a rule of inhibition lets hide themselves.

use super::labels::labels;
use super::options::Options;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use crate::routing::Configuration;
use crate::server::Labels;

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
pub(super) fn check(rule: &Rule, configurations: &[&Configuration], report: &mut Report<'_>) {
    let severity = rule.label("severity").map(|severity| severity.value.as_str());
    let loud = matches!(severity, Some("critical" | "warning" | "page" | "ticket"));
    if configurations.is_empty() || !rule.alerts || !loud {
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
            all(&rule.target) && rule.sources.iter().all(|source| source.equal.is_empty() && all(&source.matchers))
        });
        if itself.is_some() {
            let message = "a rule of inhibition takes it as source and as target, with nothing that must be equal";
            report.at("RG036", Level::Warning, &rule.name, message, "tell source and target apart");
        }
    }
}

/// An `AlertmanagerConfig` object: its receivers are there, and alerts without the object's namespace do not come to
/// it unless the operator is told otherwise.
pub(super) fn object<'a>(
    node: &Node,
    rules: impl Iterator<Item = &'a Rule>,
    options: &Options,
    report: &mut Report<'_>,
) {
    let Some(spec) = node.get("spec") else {
        report.add("RG036", Level::Error, node, "the object has no spec", "spec: {route: {...}, receivers: [...]}");
        return;
    };
    let receivers: Vec<&str> = spec
        .get("receivers")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|receiver| receiver.get("name")?.text())
        .collect();
    let mut waiting: Vec<&Node> = spec.get("route").into_iter().collect();
    while let Some(route) = waiting.pop() {
        if let Some(receiver) = route.get("receiver")
            && let Some(name) = receiver.text().filter(|name| !name.is_empty() && !receivers.contains(name))
        {
            report.add(
                "RG036",
                Level::Error,
                receiver,
                format!("there is no receiver {name}"),
                "the operator refuses it",
            );
        }
        waiting.extend(route.get("routes").map(Node::items).unwrap_or_default());
    }
    let elsewhere: Vec<&str> = rules
        .filter(|rule| rule.alerts && rule.label("namespace").is_none())
        .filter(|rule| rule.ast.as_ref().is_some_and(|ast| !labels(ast, &options.known).may_have("namespace")))
        .map(|rule| rule.name.value.as_str())
        .collect();
    if let Some(first) = elsewhere.first() {
        let namespace = node.get("metadata").and_then(|meta| meta.get("namespace")?.text()).unwrap_or("its own");
        let message = format!(
            "the operator's default (OnNamespace) hands on only alerts with namespace {namespace}: {first} and {} more have no such label",
            elsewhere.len() - 1
        );
        let fix = "alertmanagerConfigMatcherStrategy: {type: OnNamespaceExceptForAlertmanagerNamespace} on an Alertmanager object in the same namespace, or give the rules the label";
        report.add("RG036", Level::Info, node, message, fix);
    }
}
