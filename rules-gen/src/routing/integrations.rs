//! The keys of Alertmanager's configuration below `global` and `receivers`, of every version so far: a key that only
//! older or newer servers know is none that no server knows.

use super::keys::{keys, list};
use anyhow::ensure;
use serde_json::Value;

const GLOBAL: [&str; 44] = [
    "resolve_timeout",
    "http_config",
    "hipchat_api_url",
    "hipchat_auth_token",
    "jira_api_url",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "opsgenie_api_url",
    "pagerduty_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "smtp_auth_identity",
    "smtp_auth_password",
    "smtp_auth_password_file",
    "smtp_auth_secret",
    "smtp_auth_secret_file",
    "smtp_auth_username",
    "smtp_force_implicit_tls",
    "smtp_from",
    "smtp_hello",
    "smtp_require_tls",
    "smtp_smarthost",
    "smtp_tls_config",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "victorops_api_key",
    "victorops_api_key_file",
    "victorops_api_url",
    "webex_api_url",
    "wechat_api_corp_id",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_url",
];

const HTTP: [&str; 13] = [
    "authorization",
    "basic_auth",
    "bearer_token",
    "bearer_token_file",
    "enable_http2",
    "follow_redirects",
    "http_headers",
    "no_proxy",
    "oauth2",
    "proxy_connect_header",
    "proxy_from_environment",
    "proxy_url",
    "tls_config",
];

/// A way to tell somebody.
struct Integration {
    /// The key of its list in a receiver.
    list: &'static str,
    /// Its keys beside `send_resolved` and `http_config`, with blanks between.
    keys: &'static str,
    /// Of each of these one must be there.
    needs: &'static [&'static [&'static str]],
}

const INTEGRATIONS: [Integration; 18] = [
    Integration {
        list: "discord_configs",
        keys: "avatar_url content message title username webhook_url webhook_url_file",
        needs: &[&["webhook_url", "webhook_url_file"]],
    },
    Integration {
        list: "email_configs",
        keys: "auth_identity auth_password auth_password_file auth_secret auth_secret_file auth_username \
               force_implicit_tls from headers hello html require_tls smarthost text threading tls_config to",
        needs: &[&["to"]],
    },
    Integration {
        list: "incidentio_configs",
        keys: "alert_source_token alert_source_token_file max_alerts timeout url url_file",
        needs: &[&["url", "url_file"]],
    },
    Integration {
        list: "jira_configs",
        keys: "api_type api_url custom_fields description fields issue_type labels priority project reopen_duration \
               reopen_transition resolve_transition summary wont_fix_resolution",
        needs: &[&["project"], &["issue_type"]],
    },
    Integration {
        list: "mattermost_configs",
        keys: "attachments channel icon_emoji icon_url priority props text type username webhook_url webhook_url_file",
        needs: &[],
    },
    Integration {
        list: "msteams_configs",
        keys: "summary text title webhook_url webhook_url_file",
        needs: &[&["webhook_url", "webhook_url_file"]],
    },
    Integration {
        list: "msteamsv2_configs",
        keys: "text title webhook_url webhook_url_file",
        needs: &[&["webhook_url", "webhook_url_file"]],
    },
    Integration {
        list: "opsgenie_configs",
        keys: "actions api_key api_key_file api_url description details entity message note priority responders source \
               tags update_alerts",
        needs: &[],
    },
    Integration {
        list: "pagerduty_configs",
        keys: "class client client_url component description details group images links routing_key routing_key_file \
               service_key service_key_file severity source timeout url",
        needs: &[&["routing_key", "routing_key_file", "service_key", "service_key_file"]],
    },
    Integration {
        list: "pushover_configs",
        keys: "device expire html message monospace priority retry sound title token token_file ttl url url_title \
               user_key user_key_file",
        needs: &[&["user_key", "user_key_file"], &["token", "token_file"]],
    },
    Integration {
        list: "rocketchat_configs",
        keys: "actions api_url channel color emoji fields icon_url image_url link_names short_fields text thumb_url \
               title title_link token token_file token_id token_id_file",
        needs: &[],
    },
    Integration {
        list: "slack_configs",
        keys: "actions api_url api_url_file app_token app_token_file app_url callback_id channel color edit_messages \
               fallback fields footer icon_emoji icon_url image_url link_names message_text mrkdwn_in pretext \
               short_fields text thumb_url timeout title title_link update_message username",
        needs: &[],
    },
    Integration {
        list: "sns_configs",
        keys: "api_url attributes message phone_number sigv4 subject target_arn topic_arn",
        needs: &[&["topic_arn", "phone_number", "target_arn"]],
    },
    Integration {
        list: "telegram_configs",
        keys: "api_url bot_token bot_token_file chat chat_id chat_id_file disable_notifications message \
               message_thread_id parse_mode token",
        needs: &[&["chat_id", "chat_id_file", "chat"]],
    },
    Integration {
        list: "victorops_configs",
        keys: "api_key api_key_file api_url custom_fields entity_display_name message_type monitoring_tool routing_key \
               state_message",
        needs: &[&["routing_key"]],
    },
    Integration { list: "webex_configs", keys: "api_url message room_id", needs: &[&["room_id"], &["http_config"]] },
    Integration {
        list: "webhook_configs",
        keys: "max_alerts payload timeout url url_file",
        needs: &[&["url", "url_file"]],
    },
    Integration {
        list: "wechat_configs",
        keys: "agent_id api_secret api_secret_file api_url corp_id message message_type to_party to_tag to_user",
        needs: &[],
    },
];

/// # Errors
/// The first key below `global` or in a receiver that no version knows, and what an integration lacks.
pub(super) fn check(global: &Value, receivers: &[Value]) -> anyhow::Result<()> {
    if let Some(global) = global.as_object() {
        keys(global, &GLOBAL, "global")?;
    }
    http(&global["http_config"], "global")?;
    for (at, receiver) in receivers.iter().enumerate() {
        let Some(table) = receiver.as_object() else { continue };
        let place = match table.get("name").and_then(Value::as_str) {
            Some(name) => format!("the receiver {name:?}"),
            None => format!("receivers[{at}]"),
        };
        let known: Vec<&str> = INTEGRATIONS.iter().map(|one| one.list).chain(["name"]).collect();
        keys(table, &known, &place)?;
        for integration in &INTEGRATIONS {
            for (at, one) in list(table, integration.list).iter().enumerate() {
                self::one(integration, one, &format!("{place}: {}[{at}]", integration.list))?;
            }
        }
    }
    Ok(())
}

fn one(integration: &Integration, value: &Value, place: &str) -> anyhow::Result<()> {
    let Some(table) = value.as_object() else { return Ok(()) };
    let known: Vec<&str> = integration.keys.split_whitespace().chain(["send_resolved", "http_config"]).collect();
    keys(table, &known, place)?;
    let there = |key: &&str| table.get(*key).is_some_and(|value| !value.is_null() && value != "");
    for needed in integration.needs {
        ensure!(needed.iter().any(there), "{place}: {} is missing", needed.join(" or "));
    }
    http(&value["http_config"], place)
}

fn http(config: &Value, place: &str) -> anyhow::Result<()> {
    match config.as_object() {
        Some(table) => keys(table, &HTTP, &format!("{place}: http_config")),
        None => Ok(()),
    }
}
