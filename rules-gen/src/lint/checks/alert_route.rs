//! RG036: alerts whose receiver notifies nobody, and pages that an inhibition rule suppresses by themselves. What
//! Alertmanager refuses in its configuration is reported by `routes`, while it reads.

use crate::lint::context::Context;
use crate::lint::definition::{Check, Example, Lint, SERVICE_DOWN};
use crate::lint::report::{Level, Report};
use crate::lint::rule_file::Rule;
use crate::routing::Matcher;
use crate::server::Labels;

pub(super) static LINT: Lint = Lint {
    id: "RG036",
    title: "alert that notifies nobody, or invalid Alertmanager configuration",
    level: Level::Error,
    text: "An alert that is routed to a receiver without an integration notifies nobody; a receiver whose name says that it drops alerts (`null`, `blackhole`) is an info. An inhibition rule whose source matches its own target does not inhibit such alerts. An `AlertmanagerConfig` object gets only alerts with the label of its own namespace, unless the operator is configured otherwise. Lint the rules and Alertmanager's configuration together. What Alertmanager refuses in its configuration is an error: invalid routes, times, matchers and inhibition rules, unknown keys in `global` and in receivers, and missing settings of an integration.",
    check: Check::Rule(check),
    found: &[
        Example::Files(&[("rules.yaml", SERVICE_DOWN), ("alertmanager.yaml", NOBODY)]),
        Example::Files(&[("rules.yaml", SERVICE_DOWN), ("alertmanager.yaml", NO_INTEGRATION)]),
    ],
    fine: &[
        Example::Files(&[("rules.yaml", SERVICE_DOWN), ("alertmanager.yaml", PAGER)]),
        Example::Files(&[("alertmanager.yaml", NO_INTEGRATION)]),
    ],
};

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

/// Names of receivers that are meant to notify nobody.
const DROPS: [&str; 8] = ["null", "blackhole", "devnull", "dev-null", "drop", "ignore", "noop", "void"];

/// Follows an alert through every Alertmanager configuration that was linted with it.
fn check(rule: &Rule, context: &Context<'_>, report: &mut Report<'_>) {
    let severity = rule.label("severity").map(|severity| severity.value.as_str());
    let loud = matches!(severity, Some("critical" | "warning" | "page" | "ticket"));
    if context.routing.is_empty() || !rule.alerts || !loud {
        return;
    }
    let name = ("alertname".to_owned(), rule.name.value.clone());
    let own = rule.labels.iter().map(|(name, text)| (name.clone(), text.value.clone()));
    let labels: Labels = own.chain([name]).collect();
    // Where no receiver at all has an integration, `routes` says so once.
    for configuration in context.routing.iter().filter(|configuration| configuration.has_integrations()) {
        let receivers = configuration.receivers(&labels);
        if receivers.iter().all(|receiver| receiver.integrations.is_empty()) {
            let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
            let message = format!("the alert is routed to the receiver {}, which has no integration", names.join(", "));
            let meant = names.iter().all(|name| DROPS.contains(&name.to_lowercase().as_str()));
            let level = if meant { Level::Info } else { Level::Error };
            report.at(LINT.id, level, &rule.name, message, "route it to a receiver with an integration");
        }
        let itself = configuration.inhibit_rules.iter().find(|rule| {
            let all = |matchers: &[Matcher]| matchers.iter().all(|matcher| matcher.matches(&labels));
            rule.equal.is_empty() && all(&rule.source) && all(&rule.target)
        });
        if itself.is_some() {
            let message = "an inhibition rule matches the alert as source and as target, and has no `equal`";
            report.at(LINT.id, Level::Warning, &rule.name, message, "make the matchers of source and target differ");
        }
    }
}
