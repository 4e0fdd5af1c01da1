//! A fake PagerDuty and Slack that records the notifications.

use crate::http::{Server, response, serve};
use crate::waiting::found;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A received notification.
#[derive(Debug, Clone)]
pub struct Message {
    /// Time of arrival.
    pub at: Instant,
    /// `pagerduty` or `slack`.
    pub receiver: &'static str,
    /// Whether it reports a resolved alert.
    pub resolved: bool,
    pub body: Value,
}

impl Message {
    /// Whether the body contains this text.
    pub fn has(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }

    /// Whether it reports a firing alert (`NAME:`, and not `Resolved: NAME:`, which one message may contain too).
    pub fn fires(&self, alert: &str) -> bool {
        let body = self.body.to_string();
        body.match_indices(&format!("{alert}:")).any(|(at, _)| {
            let before = &body[..at];
            before.ends_with(' ') && !before.ends_with("Resolved: ")
        })
    }

    /// Whether it reports that an alert is resolved.
    pub fn resolves(&self, alert: &str) -> bool {
        self.has(&format!("Resolved: {alert}:"))
    }
}

/// The running recorder.
pub struct Recorder {
    server: Server,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Recorder {
    /// Starts the recorder.
    pub async fn start() -> anyhow::Result<Self> {
        let messages: Arc<Mutex<Vec<Message>>> = Arc::default();
        let kept = Arc::clone(&messages);
        let server = serve(None, move |request| {
            let kept = Arc::clone(&kept);
            async move {
                let receiver = if request.uri().path().starts_with("/v2/enqueue") { "pagerduty" } else { "slack" };
                let bytes =
                    request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let resolved = body["event_action"] == "resolve" || body.to_string().contains("[RESOLVED]");
                let message = Message { at: Instant::now(), receiver, resolved, body };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                match receiver {
                    "pagerduty" => {
                        response(202, "application/json", r#"{"status":"success","message":"Event processed"}"#)
                    }
                    _ => response(200, "text/plain", "ok"),
                }
            }
        })
        .await?;
        Ok(Self { server, messages })
    }

    /// The URL for PagerDuty's Events API.
    pub fn pagerduty_url(&self) -> String {
        format!("http://127.0.0.1:{}/v2/enqueue", self.server.port)
    }

    /// The URL for the Slack webhook.
    pub fn slack_url(&self) -> String {
        format!("http://127.0.0.1:{}/slack", self.server.port)
    }

    /// Returns all notifications so far.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the first notification that `wanted` accepts.
    pub async fn wait(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> anyhow::Result<Message> {
        found(what, || async { Ok(self.messages().into_iter().find(&wanted)) }).await
    }
}
