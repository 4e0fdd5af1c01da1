//! `verify-alerts`: one synthetic alert of each severity goes through Alertmanager to its receiver.

use crate::records::{Act, Record, append};
use crate::sources::http::{fetch_good, post_json};
use anyhow::{Context, bail};
use checklist::Severity;
use checklist::config::{Alerting, RecordPlace, Server};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::{Duration, Instant};

/// The page of Alertmanager's metrics is some hundred kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Sends an alert of each severity, waits for its delivery, resolves it, and records every result.
///
/// Proof is Alertmanager's own count of notifications by integration: what the receiver answered is in it.
pub async fn verify(
    server: &Server,
    alerting: &Alerting,
    place: &RecordPlace,
    within: Duration,
    by: &str,
) -> anyhow::Result<Vec<(Severity, anyhow::Result<f64>)>> {
    let mut results = Vec::new();
    for severity in [Severity::Critical, Severity::Warning] {
        let Some(integration) = integration(alerting, severity) else { continue };
        let result = deliver(server, severity, integration, within).await;
        let act = Act::Routed {
            alertmanager: server.name.clone(),
            level: severity.as_str().to_owned(),
            passed: result.is_ok(),
            why: result.as_ref().err().map(|error| format!("{error:#}")),
            seconds: result.as_ref().ok().copied(),
        };
        append(place, &Record { at: Timestamp::now(), by: by.to_owned(), act }).await?;
        results.push((severity, result));
    }
    anyhow::ensure!(!results.is_empty(), "no receiver is configured under alerting:");
    Ok(results)
}

/// Alertmanager's name for the receiver of a severity, as rules-gen routes it.
const fn integration(alerting: &Alerting, severity: Severity) -> Option<&'static str> {
    match (severity, &alerting.pagerduty, &alerting.slack) {
        (Severity::Critical, Some(_), _) | (Severity::Warning, Some(_), None) => Some("pagerduty"),
        (_, _, Some(_)) => Some("slack"),
        (_, None, None) => None,
    }
}

async fn deliver(server: &Server, severity: Severity, integration: &str, within: Duration) -> anyhow::Result<f64> {
    let before = counts(server, integration).await?;
    let begun = Instant::now();
    // A name of its own, so that no group of a test before holds it back.
    let now = Timestamp::now();
    let name = format!("ChecklistRoutingTest{}", now.as_millisecond());
    send(server, &name, severity, now + SignedDuration::from_mins(10)).await?;
    let outcome = loop {
        let (sent, failed) = counts(server, integration).await?;
        if failed > before.1 {
            break Err(anyhow::anyhow!("{integration} refused the notification; Alertmanager's log has its answer"));
        }
        // A request is counted a moment before its failure is: looked at twice, it was delivered.
        if sent > before.0 {
            let took = begun.elapsed().as_secs_f64();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if counts(server, integration).await?.1 <= before.1 {
                break Ok(took);
            }
            continue;
        }
        if begun.elapsed() > within {
            break Err(anyhow::anyhow!("nothing went to {integration} within {within:?}: is the route right?"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // Resolved also when it did not arrive, or it would arrive later and wake someone.
    send(server, &name, severity, Timestamp::now()).await?;
    outcome
}

async fn send(server: &Server, name: &str, severity: Severity, ends: Timestamp) -> anyhow::Result<()> {
    let alert = json!([{
        "labels": {"alertname": name, "severity": severity.as_str(), "check": "alert_path", "target": server.name},
        "annotations": {
            "summary": "This is a test of the alert path.",
            "description": "checklist-exporter verify-alerts sent it; nothing is wrong.",
        },
        "endsAt": ends.to_string(),
    }]);
    post_json(&server.endpoint, "/api/v2/alerts", &alert).await.context("cannot send a synthetic alert")
}

/// Requests that the receiver accepted, and those that failed, for an integration. The count of notifications
/// would not do: it rises before the first attempt.
async fn counts(server: &Server, integration: &str) -> anyhow::Result<(f64, f64)> {
    let page = fetch_good(&server.endpoint, "/metrics", MAX_BODY).await?;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let sum = |metric: &str| -> f64 {
        let begins = format!("{metric}{{");
        let label = format!("integration=\"{integration}\"");
        let mine = page.lines().filter(|line| line.starts_with(&begins) && line.contains(&label));
        mine.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    if !page.contains("alertmanager_notification_requests_total") {
        bail!("{} has no metric alertmanager_notification_requests_total: is it Alertmanager?", server.endpoint.url);
    }
    let failed = sum("alertmanager_notification_requests_failed_total");
    Ok((sum("alertmanager_notification_requests_total") - failed, failed))
}
