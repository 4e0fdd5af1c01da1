//! Labels, annotations and links of a rule.

use checklist::{Cadence, Config};
use std::collections::BTreeMap;

/// The dashboard of all checks: its identity in Grafana and in links.
pub const ROUNDS: &str = "checklist-rounds";

/// The identity of a cadence's dashboard.
pub fn dashboard_uid(cadence: Cadence) -> String {
    format!("checklist-{cadence}")
}

/// The identity of the dashboard that shows a check.
pub fn dashboard_of(config: &Config, check: &str) -> String {
    config.signal(check).map_or_else(|| ROUNDS.to_owned(), |signal| dashboard_uid(signal.cadence))
}

/// The labels of a rule: the operator's and those that routes and dashboards rely on.
pub fn labels(config: &Config, check: &str, cadence: &str, severity: &str) -> BTreeMap<String, String> {
    let mut labels = config.alerting.labels.clone();
    for (name, value) in [("check", check), ("cadence", cadence), ("severity", severity)] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    labels
}

/// The annotations of a rule, with links where the configuration has their addresses.
pub fn annotations(
    config: &Config,
    page: &str,
    alert: &str,
    summary: &str,
    description: &str,
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([
        ("summary".to_owned(), summary.to_owned()),
        ("description".to_owned(), description.to_owned()),
    ]);
    if let Some(base) = &config.alerting.runbook_base_url {
        annotations.insert("runbook_url".to_owned(), format!("{base}/{page}.md#{}", alert.to_lowercase()));
    }
    if let Some(base) = &config.alerting.grafana_base_url {
        annotations.insert("dashboard_url".to_owned(), format!("{base}/d/{}", dashboard_of(config, page)));
    }
    annotations
}

/// Labels of what is recorded: those of the expression are gone with its aggregation, but the variables of dashboards
/// and other people's routes go by job and instance.
pub fn recorded(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    let common = [("job", "checklist-rules"), ("instance", "rules")];
    own.iter().chain(&common).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
