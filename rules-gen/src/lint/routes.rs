//! Reads Alertmanager configurations and `AlertmanagerConfig` objects, and reports with RG036 what is wrong with them.

use super::labels::labels;
use super::options::Options;
use super::refusals;
use super::report::{Level, Report, Scope};
use super::rule_file::Rule;
use super::yaml::Node;
use crate::routing::Configuration;

/// Reads an Alertmanager configuration. What Alertmanager refuses is reported, and the result is then `None`.
pub(super) fn read(text: &str, node: &Node, report: &mut Report<'_>) -> Option<Configuration> {
    let refusals = Configuration::refusals(text);
    if refusals::report_all("RG036", "Alertmanager", node, &refusals, report) {
        return None;
    }
    match Configuration::parse(text) {
        Ok(configuration) => Some(configuration),
        Err(error) => {
            report.add("RG036", Level::Error, node, format!("Alertmanager refuses the file: {error:#}"), "");
            None
        }
    }
}

/// Reports a configuration in which no receiver has an integration, so that no linted alert notifies anybody.
pub(super) fn without_integrations(configuration: &Configuration, alerts: usize, report: &mut Report<'_>) {
    if alerts > 0 && !configuration.has_integrations() {
        report.enter(Scope::default());
        report.about(None);
        let which =
            if alerts == 1 { "the only alert notifies".to_owned() } else { format!("the {alerts} alerts notify") };
        let message = format!("no receiver has an integration: {which} nobody");
        let fix = "add an integration such as slack_configs to a receiver, and route the alerts to it";
        report.near("RG036", Level::Error, "receivers", message, fix);
    }
}

/// Checks an `AlertmanagerConfig` object: its receivers must exist, and it gets alerts of other namespaces only if the
/// operator is configured so.
pub(super) fn object<'a>(
    node: &Node,
    rules: impl Iterator<Item = &'a Rule>,
    options: &Options,
    report: &mut Report<'_>,
) {
    let Some(spec) = node.get("spec") else {
        report.add("RG036", Level::Error, node, "the object has no spec", "add spec: {route: {...}, receivers: [...]}");
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
                format!("the receiver {name} is not defined in this object"),
                "define it; the operator refuses the object",
            );
        }
        waiting.extend(route.get("routes").map(Node::items).unwrap_or_default());
    }
    let unrouted: Vec<&str> = rules
        .filter(|rule| rule.alerts && rule.label("namespace").is_none())
        .filter(|rule| rule.ast.as_ref().is_some_and(|ast| !labels(ast, &options.known).may_have("namespace")))
        .map(|rule| rule.name.value.as_str())
        .collect();
    if let Some(first) = unrouted.first() {
        let namespace = node.get("metadata").and_then(|meta| meta.get("namespace")?.text()).unwrap_or("its own");
        let message = format!(
            "by default (OnNamespace) the operator routes only alerts with namespace={namespace} to this object: {first} and {} more do not have the label",
            unrouted.len() - 1
        );
        let fix = "alertmanagerConfigMatcherStrategy: {type: OnNamespaceExceptForAlertmanagerNamespace} on an Alertmanager object in the same namespace, or give the rules the label";
        report.add("RG036", Level::Info, node, message, fix);
    }
}
