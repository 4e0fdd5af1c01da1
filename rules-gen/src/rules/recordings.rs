//! Generates recording rules: from the application's own metrics, from metrics of other exporters, and for the verdicts
//! of checks that Prometheus judges.

use crate::rules::labels::recorded;
use crate::rules::model::Recording;
use checklist::self_metrics::{CHECK_INFO, CHECK_PASSED};
use checklist::{Config, Metric, Signal};

/// Returns the recording rules of a signal.
pub fn recordings(config: &Config, signal: &Signal) -> Vec<Recording> {
    let mut recordings = Vec::new();
    for target in config.targets(signal) {
        let labels = recorded(&[("check", signal.id), ("target", &target)]);
        if let Some(external) = config.source(signal, &target) {
            recordings.extend(external.records.iter().map(|(metric, expr)| Recording {
                record: metric.name,
                expr: config.filled(signal, &target, metric, expr),
                labels: labels.clone(),
            }));
        }
        if let Some(traffic) = config.traffic.iter().find(|traffic| traffic.name == target) {
            recordings.extend(signal.records.iter().map(|record| Recording {
                record: record.metric.name,
                expr: (record.expr)(traffic),
                labels: labels.clone(),
            }));
        }
        if let Some(metric) = judged_by(config, signal, &target) {
            recordings.extend(verdict(signal, &target, metric));
        }
    }
    recordings
}

/// Returns the metric of another exporter whose presence shows that a check has data. `None` when the exporter makes
/// the check.
pub fn judged_by(config: &Config, signal: &Signal, target: &str) -> Option<&'static Metric> {
    if config.probed(signal).iter().any(|probed| probed == target) {
        return None;
    }
    signal.metrics.iter().copied().find(|metric| !metric.sparse && config.has(signal, metric))
}

/// Returns the recording rules for the verdict of a check on other exporters' metrics, under the names that the
/// exporter uses for its own checks. The check passed when its metrics exist and none of its alerts fires. Without the
/// metrics it has no verdict.
fn verdict(signal: &Signal, target: &str, metric: &Metric) -> [Recording; 2] {
    let scope = format!("check={:?}, target={target:?}", signal.id);
    let alerts = "alertname=~\"Checklist.+\", alertname!=\"ChecklistSourceMissing\"";
    let firing = format!("ALERTS{{{alerts}, alertstate=\"firing\", severity=~\"critical|warning\", {scope}}}");
    let passed = format!("0 * max({firing}) or 0 * max({metric}{{{scope}}}) + 1");
    let (cadence, severity) = (signal.cadence.as_str(), signal.worst().as_str());
    let facts = [("cadence", cadence), ("section", signal.section), ("severity", severity)];
    let own = [("check", signal.id), ("target", target)];
    let info = own.iter().copied().chain(facts).collect::<Vec<_>>();
    [
        Recording { record: CHECK_PASSED.name, expr: passed, labels: recorded(&own) },
        Recording { record: CHECK_INFO.name, expr: "vector(1)".to_owned(), labels: recorded(&info) },
    ]
}
