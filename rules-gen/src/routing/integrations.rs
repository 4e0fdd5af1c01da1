//! The keys of each integration in a receiver, and the keys that it requires.

use super::integration_rules as rules;
use crate::server_files::http_client::{HTTP, TLS};
use crate::server_files::remote::SIGV4;
use crate::server_files::schema::{Kind, PLAIN, Table};

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

/// The keys of every integration that sends over HTTP.
static NOTIFIER: Table = Table { keys: &[(Kind::Bool, "send_resolved"), (Kind::Table(&HTTP), "http_config")], ..PLAIN };

static DISCORD: Table = Table {
    keys: &[
        (Kind::SecretUrl, "webhook_url"),
        (Kind::Text, "webhook_url_file content title message username avatar_url"),
    ],
    inline: &[&NOTIFIER],
    one_of: &["webhook_url webhook_url_file"],
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
    more: Some(rules::email_headers),
    ..PLAIN
};

static THREADING: Table = Table {
    keys: &[(Kind::Bool, "enabled"), (Kind::Text, "thread_by_date")],
    more: Some(rules::email_threading),
    ..PLAIN
};

static INCIDENTIO: Table = Table {
    keys: &[
        (Kind::Url, "url"),
        (Kind::Text, "url_file alert_source_token alert_source_token_file"),
        (Kind::Count, "max_alerts"),
        (Kind::GoDuration, "timeout"),
    ],
    inline: &[&NOTIFIER],
    one_of: &["url url_file"],
    at_most_one: &["alert_source_token alert_source_token_file"],
    more: Some(rules::incidentio_token),
    ..PLAIN
};

static JIRA: Table = Table {
    keys: &[
        (Kind::Url, "api_url"),
        (Kind::Text, "api_type project priority issue_type reopen_transition resolve_transition wont_fix_resolution"),
        (Kind::TextOr(&JIRA_TEXT), "summary description"),
        (Kind::MapOf(&Kind::Any), "fields"),
        (Kind::Texts, "labels"),
        (Kind::Duration, "reopen_duration"),
    ],
    inline: &[&NOTIFIER],
    needs: &["project", "issue_type"],
    values: &[("api_type", "auto cloud datacenter")],
    more: Some(rules::jira_api_type),
    ..PLAIN
};
static JIRA_TEXT: Table = Table { keys: &[(Kind::Text, "template"), (Kind::Bool, "enable_update")], ..PLAIN };

static MATTERMOST: Table = Table {
    keys: &[
        (Kind::SecretUrl, "webhook_url"),
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
    inline: &[&NOTIFIER],
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
    keys: &[(Kind::SecretUrl, "webhook_url"), (Kind::Text, "webhook_url_file title summary text")],
    inline: &[&NOTIFIER],
    one_of: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static MSTEAMS_V2: Table = Table {
    keys: &[(Kind::SecretUrl, "webhook_url"), (Kind::Text, "webhook_url_file title text")],
    inline: &[&NOTIFIER],
    one_of: &["webhook_url webhook_url_file"],
    ..PLAIN
};

static OPSGENIE: Table = Table {
    keys: &[
        (Kind::Bool, "update_alerts"),
        (Kind::Url, "api_url"),
        (Kind::Text, "api_key api_key_file message description source entity actions tags note priority"),
        (Kind::TextMap, "details"),
        (Kind::Tables(&RESPONDER), "responders"),
    ],
    inline: &[&NOTIFIER],
    at_most_one: &["api_key api_key_file"],
    ..PLAIN
};

static RESPONDER: Table = Table {
    keys: &[(Kind::Text, "id name username type")],
    needs: &["id name username"],
    more: Some(rules::opsgenie_responder),
    ..PLAIN
};

static PAGERDUTY: Table = Table {
    keys: &[
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
    inline: &[&NOTIFIER],
    needs: &["routing_key service_key routing_key_file service_key_file"],
    at_most_one: &["routing_key routing_key_file", "service_key service_key_file"],
    ..PLAIN
};
static IMAGE: Table = Table { keys: &[(Kind::Text, "src alt href")], ..PLAIN };
static LINK: Table = Table { keys: &[(Kind::Text, "href text")], ..PLAIN };

static PUSHOVER: Table = Table {
    keys: &[
        (Kind::Bool, "html monospace"),
        (Kind::Text, "user_key user_key_file token token_file title message url url_title device sound priority"),
        (Kind::GoDurationText, "retry expire ttl"),
    ],
    inline: &[&NOTIFIER],
    one_of: &["user_key user_key_file", "token token_file"],
    more: Some(rules::pushover_markup),
    ..PLAIN
};

static ROCKETCHAT: Table = Table {
    keys: &[
        (Kind::Bool, "short_fields link_names"),
        (Kind::Url, "api_url"),
        (
            Kind::Text,
            "token_id token_id_file token token_file channel color title title_link text emoji icon_url image_url \
             thumb_url",
        ),
        (Kind::TablesOrNull(&CHAT_FIELD), "fields"),
        (Kind::TablesOrNull(&CHAT_ACTION), "actions"),
    ],
    inline: &[&NOTIFIER],
    at_most_one: &["token token_file", "token_id token_id_file"],
    ..PLAIN
};
static CHAT_FIELD: Table = Table { keys: &[(Kind::Text, "title value"), (Kind::Bool, "short")], ..PLAIN };
static CHAT_ACTION: Table = Table { keys: &[(Kind::Text, "type text url msg")], ..PLAIN };

static SLACK: Table = Table {
    keys: &[
        (Kind::Bool, "short_fields link_names update_message edit_messages"),
        (Kind::SecretUrl, "api_url"),
        (Kind::Url, "app_url"),
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
    inline: &[&NOTIFIER],
    at_most_one: &["api_url api_url_file app_token app_token_file"],
    more: Some(rules::slack_update),
    ..PLAIN
};

static ACTION: Table = Table {
    keys: &[(Kind::Text, "type text url style name value"), (Kind::Table(&CONFIRM), "confirm")],
    needs: &["type", "text", "url name"],
    ..PLAIN
};
static CONFIRM: Table = Table { keys: &[(Kind::Text, "text title ok_text dismiss_text")], needs: &["text"], ..PLAIN };

static SNS: Table = Table {
    keys: &[
        (Kind::Bool, "use_aws_http_client"),
        (Kind::Text, "api_url topic_arn phone_number target_arn subject message"),
        (Kind::TextMap, "attributes"),
        (Kind::Table(&SIGV4), "sigv4"),
    ],
    inline: &[&NOTIFIER],
    needs: &["topic_arn phone_number target_arn"],
    more: Some(rules::sns_address),
    ..PLAIN
};

static TELEGRAM: Table = Table {
    keys: &[
        (Kind::Bool, "disable_notifications"),
        (Kind::Url, "api_url"),
        (Kind::Text, "bot_token bot_token_file chat_id_file message parse_mode"),
        (Kind::Whole, "chat_id message_thread_id"),
    ],
    inline: &[&NOTIFIER],
    one_of: &["chat_id chat_id_file"],
    at_most_one: &["bot_token bot_token_file"],
    values: &[("parse_mode", "Markdown MarkdownV2 HTML")],
    more: Some(rules::telegram_chat),
    ..PLAIN
};

static VICTOROPS: Table = Table {
    keys: &[
        (Kind::Url, "api_url"),
        (Kind::Text, "api_key api_key_file routing_key message_type state_message entity_display_name monitoring_tool"),
        (Kind::TextMap, "custom_fields"),
    ],
    inline: &[&NOTIFIER],
    needs: &["routing_key"],
    at_most_one: &["api_key api_key_file"],
    more: Some(rules::victorops_fields),
    ..PLAIN
};

static WEBEX: Table = Table {
    keys: &[(Kind::Url, "api_url"), (Kind::Text, "message room_id")],
    inline: &[&NOTIFIER],
    needs: &["room_id"],
    more: Some(rules::webex_authorization),
    ..PLAIN
};

static WEBHOOK: Table = Table {
    keys: &[
        (Kind::TemplateUrl, "url"),
        (Kind::Text, "url_file"),
        (Kind::Count, "max_alerts"),
        (Kind::GoDuration, "timeout"),
        (Kind::Any, "payload"),
    ],
    inline: &[&NOTIFIER],
    one_of: &["url url_file"],
    ..PLAIN
};

static WECHAT: Table = Table {
    keys: &[
        (Kind::Url, "api_url"),
        (Kind::Text, "api_secret api_secret_file corp_id message to_user to_party to_tag agent_id message_type"),
    ],
    inline: &[&NOTIFIER],
    at_most_one: &["api_secret api_secret_file"],
    values: &[("message_type", "text markdown")],
    ..PLAIN
};
