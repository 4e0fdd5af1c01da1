//! RG007 in a prometheus.yml: the API of Alertmanager that Prometheus 3 refuses.

use super::report::{Level, Report};
use super::yaml::Node;

/// Reports the old API of Alertmanager in a prometheus.yml.
pub(super) fn check(root: &Node, report: &mut Report<'_>) {
    let version = report.version();
    if version.is_some_and(|version| version < (3, 0)) {
        return;
    }
    let level = if version.is_some() { Level::Error } else { Level::Warning };
    let all = root.get("alerting").and_then(|alerting| alerting.get("alertmanagers")).map(Node::items);
    for old in all.unwrap_or_default().iter().filter_map(|one| one.get("api_version")) {
        if old.text() == Some("v1") {
            let message = "Prometheus 3 refuses api_version: v1";
            report.add("RG007", level, old, message, "v2, which Alertmanager has since 0.16");
        }
    }
}
