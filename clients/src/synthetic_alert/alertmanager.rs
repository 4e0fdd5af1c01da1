//! The requests to Alertmanager: sending an alert, counters of notifications, and the route of an alert.

use crate::http::{fetch_good, fetch_json, post_json};
use anyhow::{Context, ensure};
use checklist::Severity;
use checklist::config::Alertmanager;
use checklist::yaml;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The limit of a response in bytes. Metrics and configuration have some hundred kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;
const REQUESTS: &str = "alertmanager_notification_requests_total";
const FAILED: &str = "alertmanager_notification_requests_failed_total";

/// The counters of requests to the receivers of one integration. Alertmanager's counter of notifications is not usable,
/// because it rises before the first attempt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) accepted: f64,
    pub(super) failed: f64,
}

/// Where Alertmanager routes an alert.
#[derive(Debug)]
pub(super) struct Routing {
    /// The integrations of the alert's receivers.
    pub(super) kinds: BTreeSet<String>,
    pub(super) receivers: Vec<String>,
    /// Why Alertmanager suppresses the alert: a silence, an inhibition or a mute time interval.
    pub(super) suppressed: Option<String>,
}

/// Sends an alert with a start and an end.
pub(super) async fn send(
    server: &Alertmanager,
    name: &str,
    severity: Severity,
    (starts, ends): (Timestamp, Timestamp),
) -> anyhow::Result<()> {
    let alert = json!([{
        "labels": {"alertname": name, "severity": severity.as_str(), "check": "alert_path", "target": server.name},
        "annotations": {
            "summary": "Test of the alert path.",
            "description": "checklist-exporter verify-alerts tests the alert path. No action is needed.",
        },
        // Without `startsAt`, Alertmanager takes the time of the request, also when the request only resolves the
        // alert.
        "startsAt": starts.to_string(),
        "endsAt": ends.to_string(),
    }]);
    post_json(&server.endpoint, "/api/v2/alerts", &alert).await.context("cannot send a synthetic alert")
}

/// Returns the counters by integration.
pub(super) async fn counts(server: &Alertmanager) -> anyhow::Result<BTreeMap<String, Counts>> {
    let page = fetch_good(&server.endpoint, "/metrics", MAX_BODY).await?;
    let page = String::from_utf8_lossy(&page.body);
    ensure!(page.contains(REQUESTS), "{} does not expose {REQUESTS}; is it Alertmanager?", server.endpoint.url);
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    for line in page.lines() {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let Some((_, labelled)) = rest.split_once("integration=\"") else { continue };
        let (Some((kind, _)), Some(value)) = (labelled.split_once('"'), line.rsplit(' ').next()) else { continue };
        let counts = all.entry(kind.to_owned()).or_default();
        let value: f64 = value.parse().unwrap_or_default();
        match name {
            REQUESTS => counts.accepted += value,
            FAILED => {
                counts.accepted -= value;
                counts.failed += value;
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Returns where an alert is routed, or `None` as long as Alertmanager has not processed it.
pub(super) async fn routing(server: &Alertmanager, name: &str) -> anyhow::Result<Option<Routing>> {
    let path = format!("/api/v2/alerts?filter=alertname%3D%22{name}%22");
    let alerts: Value = fetch_json(&server.endpoint, &path, MAX_BODY).await?;
    let Some(alert) = alerts.get(0).filter(|alert| alert["status"]["state"] != "unprocessed") else { return Ok(None) };
    let of_list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let receivers: Vec<String> =
        of_list(&alert["receivers"]).iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect();
    let status: Value = fetch_json(&server.endpoint, "/api/v2/status", MAX_BODY).await?;
    let text = status["config"]["original"]
        .as_str()
        .context("the status of Alertmanager does not contain its configuration")?;
    let config: Value = yaml::parse(text).context("cannot parse the configuration of Alertmanager")?;
    let mut kinds = BTreeSet::new();
    for receiver in of_list(&config["receivers"]) {
        if !receivers.iter().any(|name| receiver["name"] == name.as_str()) {
            continue;
        }
        let keys = receiver.as_object().into_iter().flatten();
        kinds.extend(keys.filter_map(|(key, _)| Some(key.strip_suffix("_configs")?.to_owned())));
    }
    let why = [("silencedBy", "a silence"), ("inhibitedBy", "another alert inhibits it"), ("mutedBy", "a mute time")];
    let held = why.iter().find(|(key, _)| !of_list(&alert["status"][key]).is_empty());
    let suppressed = held.map(|(key, what)| {
        let by: Vec<String> = of_list(&alert["status"][key]).iter().map(ToString::to_string).collect();
        format!("{what} ({})", by.join(", "))
    });
    Ok(Some(Routing { kinds, receivers, suppressed }))
}
