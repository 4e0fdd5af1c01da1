//! The keys of each integration in a receiver, and the keys that it requires.

use crate::server_files::http_client::{HTTP, TLS};
use crate::server_files::remote::SIGV4;
use crate::server_files::schema::{Findings, Kind, PLAIN, Table, is_on, is_there};
use serde_json::{Map, Value};

/// Every list of integrations in a receiver, with the keys of its entries.
pub(super) static INTEGRATIONS: &[(&str, &Table)] = &[
    ("discord_configs", &DISCORD),
    ("email_configs", &EMAIL),
    ("incidentio_configs", &INCIDENTIO),
    ("jira_configs", &JIRA),
    ("mattermost_configs", &MATTERMOST),
    ("msteams_configs", &MSTEAMS),
    ("msteamsv2_configs", &MSTEAMS_V2),
    ("opsgenie_configs", &OPSGENIE),
    ("pagerduty_configs", &PAGERDUTY),
    ("pushover_configs", &PUSHOVER),
    ("rocketchat_configs", &ROCKETCHAT),
    ("slack_configs", &SLACK),
    ("sns_configs", &SNS),
    ("telegram_configs", &TELEGRAM),
    ("victorops_configs", &VICTOROPS),
    ("webex_configs", &WEBEX),
    ("webhook_configs", &WEBHOOK),
    ("wechat_configs", &WECHAT),
];

static DISCORD: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "webhook_url"),
        (Kind::Text, "webhook_url_file content title message username avatar_url"),
    ],
    needs: &["webhook_url webhook_url_file"],
    at_most_one: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static EMAIL: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved require_tls force_implicit_tls"),
        (
            Kind::Text,
            "to from hello auth_username auth_password auth_password_file auth_secret auth_secret_file auth_identity \
             html text",
        ),
        (Kind::HostPort, "smarthost"),
        (Kind::TextMap, "headers"),
        (Kind::Table(&TLS), "tls_config"),
        (Kind::Table(&THREADING), "threading"),
    ],
    needs: &["to"],
    at_most_one: &[],
    more: Some(headers),
    ..PLAIN
};

static THREADING: Table =
    Table { keys: &[(Kind::Bool, "enabled"), (Kind::Text, "thread_by_date")], more: Some(threads), ..PLAIN };

fn threads(of: &Map<String, Value>, findings: &mut Findings) {
    let by = of.get("thread_by_date").and_then(Value::as_str).unwrap_or("daily");
    if is_on(of, "enabled") && !["none", "daily"].contains(&by) {
        findings.under("thread_by_date", |findings| findings.refuse(format!("{by:?} is not one of none and daily")));
    }
}

fn headers(of: &Map<String, Value>, findings: &mut Findings) {
    let mut seen: Vec<String> = Vec::new();
    for name in of.get("headers").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            findings.under("headers", |findings| findings.refuse(format!("the header {name} is repeated")));
        }
        seen.push(lower);
    }
}

static INCIDENTIO: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "url"),
        (Kind::Text, "url_file alert_source_token alert_source_token_file"),
        (Kind::Count, "max_alerts"),
        (Kind::GoDuration, "timeout"),
    ],
    needs: &["url url_file"],
    at_most_one: &["url url_file", "alert_source_token alert_source_token_file"],
    more: Some(incidentio),
    ..PLAIN
};

fn incidentio(of: &Map<String, Value>, findings: &mut Findings) {
    let http = of.get("http_config").and_then(Value::as_object);
    let authorized = http.is_some_and(|http| is_there(http, "authorization"));
    let token = is_there(of, "alert_source_token") || is_there(of, "alert_source_token_file");
    if authorized && token {
        findings.refuse("only one of alert_source_token and http_config.authorization may be set");
    } else if http.is_some() && !authorized && !token {
        findings.refuse("alert_source_token, alert_source_token_file or http_config.authorization is missing");
    }
}

static JIRA: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "api_type project priority issue_type reopen_transition resolve_transition wont_fix_resolution"),
        (Kind::TextOr(&JIRA_TEXT), "summary description"),
        (Kind::MapOf(&Kind::Any), "fields"),
        (Kind::Texts, "labels"),
        (Kind::Duration, "reopen_duration"),
    ],
    needs: &["project", "issue_type"],
    values: &[("api_type", "auto cloud datacenter")],
    more: Some(api_type),
    ..PLAIN
};
static JIRA_TEXT: Table = Table { keys: &[(Kind::Text, "template"), (Kind::Bool, "enable_update")], ..PLAIN };

fn api_type(of: &Map<String, Value>, findings: &mut Findings) {
    if of.contains_key("api_type") && !is_there(of, "api_type") {
        findings.under("api_type", |findings| {
            findings.refuse("the value is empty: remove the key, or use auto, cloud or datacenter")
        });
    }
}

static MATTERMOST: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "webhook_url"),
        (
            Kind::Text,
            "webhook_url_file channel username text fallback color pretext author_name author_link author_icon title \
             title_link thumb_url footer footer_icon image_url icon_url icon_emoji type",
        ),
        (Kind::TablesOrNull(&FIELD), "fields"),
        (Kind::TablesOrNull(&ATTACHMENT), "attachments"),
        (Kind::Table(&PROPS), "props"),
        (Kind::Table(&PRIORITY), "priority"),
    ],
    at_most_one: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static ATTACHMENT: Table = Table {
    keys: &[
        (
            Kind::Text,
            "fallback color pretext text author_name author_link author_icon title title_link thumb_url footer \
             footer_icon image_url",
        ),
        (Kind::TablesOrNull(&FIELD), "fields"),
    ],
    ..PLAIN
};
static PROPS: Table = Table { keys: &[(Kind::Text, "card")], ..PLAIN };
static PRIORITY: Table =
    Table { keys: &[(Kind::Text, "priority"), (Kind::Bool, "requested_ack persistent_notifications")], ..PLAIN };
/// A field of a message in Slack or Mattermost.
static FIELD: Table =
    Table { keys: &[(Kind::Text, "title value"), (Kind::Bool, "short")], needs: &["title", "value"], ..PLAIN };

static MSTEAMS: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "webhook_url"),
        (Kind::Text, "webhook_url_file title summary text"),
    ],
    needs: &["webhook_url webhook_url_file"],
    at_most_one: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static MSTEAMS_V2: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "webhook_url"),
        (Kind::Text, "webhook_url_file title text"),
    ],
    needs: &["webhook_url webhook_url_file"],
    at_most_one: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static OPSGENIE: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved update_alerts"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "api_key api_key_file message description source entity actions tags note priority"),
        (Kind::TextMap, "details"),
        (Kind::Tables(&RESPONDER), "responders"),
    ],
    at_most_one: &["api_key api_key_file"],
    ..PLAIN
};

static RESPONDER: Table = Table {
    keys: &[(Kind::Text, "id name username type")],
    needs: &["id name username"],
    more: Some(responder),
    ..PLAIN
};

fn responder(of: &Map<String, Value>, findings: &mut Findings) {
    const KINDS: [&str; 5] = ["team", "teams", "user", "escalation", "schedule"];
    let kind = of.get("type").and_then(Value::as_str).unwrap_or_default();
    if !kind.contains("{{") && !KINDS.contains(&kind.to_lowercase().as_str()) {
        findings.refuse(format!("the type {kind:?} is not one of {}", KINDS.join(", ")));
    }
}

static PAGERDUTY: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "url"),
        (
            Kind::Text,
            "service_key service_key_file routing_key routing_key_file client client_url description source severity \
             class component group",
        ),
        (Kind::MapOf(&Kind::Any), "details"),
        (Kind::TablesOrNull(&IMAGE), "images"),
        (Kind::TablesOrNull(&LINK), "links"),
        (Kind::GoDuration, "timeout"),
    ],
    needs: &["routing_key service_key routing_key_file service_key_file"],
    at_most_one: &["routing_key routing_key_file", "service_key service_key_file"],
    ..PLAIN
};
static IMAGE: Table = Table { keys: &[(Kind::Text, "src alt href")], ..PLAIN };
static LINK: Table = Table { keys: &[(Kind::Text, "href text")], ..PLAIN };

static PUSHOVER: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved html monospace"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Text, "user_key user_key_file token token_file title message url url_title device sound priority"),
        (Kind::GoDurationText, "retry expire ttl"),
    ],
    needs: &["user_key user_key_file", "token token_file"],
    at_most_one: &["user_key user_key_file", "token token_file"],
    more: Some(markup),
    ..PLAIN
};

fn markup(of: &Map<String, Value>, findings: &mut Findings) {
    if is_on(of, "html") && is_on(of, "monospace") {
        findings.refuse("only one of html and monospace may be set");
    }
}

static ROCKETCHAT: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved short_fields link_names"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (
            Kind::Text,
            "token_id token_id_file token token_file channel color title title_link text emoji icon_url image_url \
             thumb_url",
        ),
        (Kind::TablesOrNull(&CHAT_FIELD), "fields"),
        (Kind::TablesOrNull(&CHAT_ACTION), "actions"),
    ],
    at_most_one: &["token token_file", "token_id token_id_file"],
    ..PLAIN
};
static CHAT_FIELD: Table = Table { keys: &[(Kind::Text, "title value"), (Kind::Bool, "short")], ..PLAIN };
static CHAT_ACTION: Table = Table { keys: &[(Kind::Text, "type text url msg")], ..PLAIN };

static SLACK: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved short_fields link_names update_message edit_messages"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url app_url"),
        (
            Kind::Text,
            "api_url_file app_token app_token_file channel username color title title_link pretext text message_text \
             footer fallback callback_id icon_emoji icon_url image_url thumb_url",
        ),
        (Kind::TablesOrNull(&FIELD), "fields"),
        (Kind::TablesOrNull(&ACTION), "actions"),
        (Kind::Texts, "mrkdwn_in"),
        (Kind::GoDuration, "timeout"),
    ],
    at_most_one: &["api_url api_url_file app_token app_token_file"],
    more: Some(update),
    ..PLAIN
};

fn update(of: &Map<String, Value>, findings: &mut Findings) {
    const BOT: &str = "https://slack.com/api/chat.postMessage";
    if is_on(of, "update_message") && of.get("api_url").and_then(Value::as_str) != Some(BOT) {
        findings.under("update_message", |findings| findings.refuse(format!("only with api_url: {BOT}")));
    }
}

static ACTION: Table = Table {
    keys: &[(Kind::Text, "type text url style name value"), (Kind::Table(&CONFIRM), "confirm")],
    needs: &["type", "text", "url name"],
    ..PLAIN
};
static CONFIRM: Table = Table { keys: &[(Kind::Text, "text title ok_text dismiss_text")], needs: &["text"], ..PLAIN };

static SNS: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved use_aws_http_client"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Text, "api_url topic_arn phone_number target_arn subject message"),
        (Kind::TextMap, "attributes"),
        (Kind::Table(&SIGV4), "sigv4"),
    ],
    needs: &["topic_arn phone_number target_arn"],
    more: Some(one_address),
    ..PLAIN
};

/// Checks the address of an SNS message. Alertmanager refuses two of the three keys, but accepts all three.
fn one_address(of: &Map<String, Value>, findings: &mut Findings) {
    if ["topic_arn", "phone_number", "target_arn"].iter().filter(|key| is_there(of, key)).count() == 2 {
        findings.refuse("only one of topic_arn, phone_number and target_arn may be set");
    }
}

static TELEGRAM: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved disable_notifications"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "bot_token bot_token_file chat_id_file message parse_mode"),
        (Kind::Whole, "chat_id message_thread_id"),
    ],
    needs: &["chat_id chat_id_file"],
    at_most_one: &["bot_token bot_token_file", "chat_id chat_id_file"],
    values: &[("parse_mode", "Markdown MarkdownV2 HTML")],
    more: Some(chat),
    ..PLAIN
};

fn chat(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("chat_id").and_then(Value::as_f64) == Some(0.0) && !is_there(of, "chat_id_file") {
        findings.under("chat_id", |findings| findings.refuse("0 is not a valid chat id"));
    }
}

static VICTOROPS: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "api_key api_key_file routing_key message_type state_message entity_display_name monitoring_tool"),
        (Kind::TextMap, "custom_fields"),
    ],
    needs: &["routing_key"],
    at_most_one: &["api_key api_key_file"],
    more: Some(reserved),
    ..PLAIN
};

fn reserved(of: &Map<String, Value>, findings: &mut Findings) {
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

static WEBEX: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "message room_id"),
    ],
    needs: &["room_id"],
    more: Some(authorized),
    ..PLAIN
};

fn authorized(of: &Map<String, Value>, findings: &mut Findings) {
    let http = of.get("http_config").and_then(Value::as_object);
    if http.and_then(|http| http.get("authorization")).is_none_or(Value::is_null) {
        findings.refuse("http_config.authorization is missing");
    }
}

static WEBHOOK: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::TemplateUrl, "url"),
        (Kind::Text, "url_file"),
        (Kind::Count, "max_alerts"),
        (Kind::GoDuration, "timeout"),
        (Kind::Any, "payload"),
    ],
    needs: &["url url_file"],
    at_most_one: &["url url_file"],
    ..PLAIN
};

static WECHAT: Table = Table {
    keys: &[
        (Kind::Bool, "send_resolved"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Url, "api_url"),
        (Kind::Text, "api_secret api_secret_file corp_id message to_user to_party to_tag agent_id message_type"),
    ],
    at_most_one: &["api_secret api_secret_file"],
    values: &[("message_type", "text markdown")],
    ..PLAIN
};
