//! The labels, annotations and links of a rule.

use checklist::{Cadence, Config};
use std::collections::BTreeMap;

/// The identifier of the dashboard of all checks, in Grafana and in links.
pub const ROUNDS: &str = "checklist-rounds";

/// Returns the identifier of a cadence's dashboard.
pub fn dashboard_uid(cadence: Cadence) -> String {
    format!("checklist-{cadence}")
}

/// Returns the identifier of the dashboard that shows a check.
pub fn dashboard_of(config: &Config, check: &str) -> String {
    config.signal(check).map_or_else(|| ROUNDS.to_owned(), |signal| dashboard_uid(signal.cadence))
}

/// Returns the labels of a rule: those from checklist.yaml, and those that routes and dashboards use.
pub fn labels(config: &Config, check: &str, cadence: &str, severity: &str) -> BTreeMap<String, String> {
    let mut labels = config.alerting.labels.clone();
    for (name, value) in [("check", check), ("cadence", cadence), ("severity", severity)] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    labels
}

/// Returns the annotations of a rule. Links are included if checklist.yaml has their base addresses.
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

/// Returns the labels of a recorded series. Aggregation removes `job` and `instance`, but the variables of dashboards
/// and existing routes use them, so they get fixed values.
pub fn recorded(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    let common = [("job", "checklist-rules"), ("instance", "rules")];
    own.iter().chain(&common).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
