//! Checks of integrations that the tables of their keys cannot express.

use crate::server_files::schema::{Findings, is_on, is_there};
use serde_json::{Map, Value};

pub(super) fn email_threading(of: &Map<String, Value>, findings: &mut Findings) {
    let by = of.get("thread_by_date").and_then(Value::as_str).unwrap_or("daily");
    if is_on(of, "enabled") && !["none", "daily"].contains(&by) {
        findings.under("thread_by_date", |findings| findings.refuse(format!("{by:?} is not one of none and daily")));
    }
}

pub(super) fn email_headers(of: &Map<String, Value>, findings: &mut Findings) {
    let mut seen: Vec<String> = Vec::new();
    for name in of.get("headers").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            findings.under("headers", |findings| findings.refuse(format!("the header {name} is repeated")));
        }
        seen.push(lower);
    }
}

pub(super) fn incidentio_token(of: &Map<String, Value>, findings: &mut Findings) {
    let http = of.get("http_config").and_then(Value::as_object);
    let authorized = http.is_some_and(|http| is_there(http, "authorization"));
    let token = is_there(of, "alert_source_token") || is_there(of, "alert_source_token_file");
    if authorized && token {
        findings.refuse("only one of alert_source_token and http_config.authorization may be set");
    } else if http.is_some() && !authorized && !token {
        findings.refuse("alert_source_token, alert_source_token_file or http_config.authorization is missing");
    }
}

pub(super) fn jira_api_type(of: &Map<String, Value>, findings: &mut Findings) {
    if of.contains_key("api_type") && !is_there(of, "api_type") {
        findings.under("api_type", |findings| {
            findings.refuse("the value is empty: remove the key, or use auto, cloud or datacenter");
        });
    }
}

pub(super) fn opsgenie_responder(of: &Map<String, Value>, findings: &mut Findings) {
    const KINDS: [&str; 5] = ["team", "teams", "user", "escalation", "schedule"];
    let kind = of.get("type").and_then(Value::as_str).unwrap_or_default();
    if !kind.contains("{{") && !KINDS.contains(&kind.to_lowercase().as_str()) {
        findings.refuse(format!("the type {kind:?} is not one of {}", KINDS.join(", ")));
    }
}

pub(super) fn pushover_markup(of: &Map<String, Value>, findings: &mut Findings) {
    if is_on(of, "html") && is_on(of, "monospace") {
        findings.refuse("only one of html and monospace may be set");
    }
}

pub(super) fn slack_update(of: &Map<String, Value>, findings: &mut Findings) {
    const BOT: &str = "https://slack.com/api/chat.postMessage";
    if is_on(of, "update_message") && of.get("api_url").and_then(Value::as_str) != Some(BOT) {
        findings.under("update_message", |findings| findings.refuse(format!("only with api_url: {BOT}")));
    }
}

/// Checks the address of an SNS message. Alertmanager refuses two of the three keys, but accepts all three.
pub(super) fn sns_address(of: &Map<String, Value>, findings: &mut Findings) {
    if ["topic_arn", "phone_number", "target_arn"].iter().filter(|key| is_there(of, key)).count() == 2 {
        findings.refuse("only one of topic_arn, phone_number and target_arn may be set");
    }
}

pub(super) fn telegram_chat(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("chat_id").and_then(Value::as_f64) == Some(0.0) && !is_there(of, "chat_id_file") {
        findings.under("chat_id", |findings| findings.refuse("0 is not a valid chat id"));
    }
}

pub(super) fn victorops_fields(of: &Map<String, Value>, findings: &mut Findings) {
    const RESERVED: [&str; 7] = [
        "routing_key",
        "message_type",
        "state_message",
        "entity_display_name",
        "monitoring_tool",
        "entity_id",
        "entity_state",
    ];
    let fields = of.get("custom_fields").and_then(Value::as_object);
    if let Some(name) = RESERVED.iter().find(|name| fields.is_some_and(|fields| fields.contains_key(**name))) {
        findings.under("custom_fields", |findings| {
            findings.refuse(format!("{name} must not be a custom field, because Alertmanager sets it"));
        });
    }
}

pub(super) fn webex_authorization(of: &Map<String, Value>, findings: &mut Findings) {
    let http = of.get("http_config").and_then(Value::as_object);
    if http.and_then(|http| http.get("authorization")).is_none_or(Value::is_null) {
        findings.refuse("http_config.authorization is missing");
    }
}
