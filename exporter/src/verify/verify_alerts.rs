//! `verify-alerts`: sends one synthetic alert of each severity through an Alertmanager, and records each result.

use super::webhook::Webhook;
use checklist::Severity;
use checklist::config::{Alerting, Alertmanager, RecordPlace};
use clients::records::{Act, Record, append};
use clients::synthetic_alert::{Received, deliver, severities};
use jiff::Timestamp;
use std::time::Duration;

/// For each severity the seconds until the delivery, or why the alert did not arrive.
pub type Results = Vec<(Severity, anyhow::Result<f64>)>;

/// Sends an alert of each severity that has a receiver, and records every result.
///
/// # Errors
/// Fails when no receiver is configured, or a result cannot be recorded.
pub async fn verify(
    server: &Alertmanager,
    alerting: &Alerting,
    webhook: Option<&Webhook>,
    place: &RecordPlace,
    within: Duration,
    by: &str,
) -> anyhow::Result<Results> {
    let has_received = |name: &str| webhook.is_some_and(|webhook| webhook.has_received(name));
    let received: Option<Received<'_>> = if webhook.is_some() { Some(&has_received) } else { None };
    let mut results = Vec::new();
    for severity in severities(alerting, webhook.is_some())? {
        let result = deliver(server, alerting, severity, received, within).await;
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
    Ok(results)
}
