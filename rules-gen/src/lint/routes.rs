//! RG036 where it is read: Alertmanager's configuration, and the operator's objects with routes.

use super::labels::labels;
use super::options::Options;
use super::refusals;
use super::report::{Level, Report};
use super::rule_file::Rule;
use super::yaml::Node;
use crate::routing::Configuration;

/// Reads Alertmanager's configuration; what it refuses is an error.
pub(super) fn read(text: &str, node: &Node, report: &mut Report<'_>) -> Option<Configuration> {
    let refusals = Configuration::refusals(text);
    if refusals::tell("RG036", "Alertmanager", node, &refusals, report) {
        return None;
    }
    match Configuration::parse(text) {
        Ok(configuration) => Some(configuration),
        Err(error) => {
            report.add("RG036", Level::Error, node, format!("Alertmanager refuses this: {error:#}"), "");
            None
        }
    }
}

/// A configuration of which no receiver tells anybody, beside rules that alert.
pub(super) fn nobody<'a>(
    configuration: &Configuration,
    mut rules: impl Iterator<Item = &'a Rule>,
    report: &mut Report<'_>,
) {
    if !configuration.tells_somebody() && rules.any(|rule| rule.alerts) {
        let message = "no receiver has an integration: nobody is told of any alert".to_owned();
        report.near("RG036", Level::Error, "receivers", message, "give one of them slack_configs, webhook_configs ...");
    }
}

/// An `AlertmanagerConfig` object: its receivers are there, and alerts without the object's namespace do not come to
/// it unless the operator is configured otherwise.
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
