//! The keys of `global`, and the settings that integrations take from there.

use crate::server_files::http_client::{HTTP, TLS};
use crate::server_files::schema::{Findings, Kind, PLAIN, Table, is_there};
use serde_json::{Map, Value};

pub(super) static GLOBAL: Table = Table {
    keys: &[
        (Kind::Duration, "resolve_timeout"),
        (Kind::Table(&HTTP), "http_config"),
        (Kind::Table(&TLS), "smtp_tls_config"),
        (Kind::HostPort, "smtp_smarthost"),
        (Kind::Bool, "smtp_require_tls smtp_force_implicit_tls"),
        (
            Kind::Url,
            "jira_api_url opsgenie_api_url pagerduty_url rocketchat_api_url slack_app_url telegram_api_url \
             victorops_api_url webex_api_url wechat_api_url",
        ),
        (Kind::SecretUrl, "mattermost_webhook_url slack_api_url"),
        (
            Kind::Text,
            "smtp_from smtp_hello smtp_auth_username smtp_auth_password smtp_auth_password_file smtp_auth_secret \
             smtp_auth_secret_file smtp_auth_identity mattermost_webhook_url_file opsgenie_api_key \
             opsgenie_api_key_file rocketchat_token rocketchat_token_file rocketchat_token_id rocketchat_token_id_file \
             slack_api_url_file slack_app_token slack_app_token_file telegram_bot_token telegram_bot_token_file \
             victorops_api_key victorops_api_key_file wechat_api_secret wechat_api_secret_file wechat_api_corp_id",
        ),
    ],
    at_most_one: &[
        "slack_app_token slack_app_token_file",
        "slack_api_url slack_api_url_file",
        "opsgenie_api_key opsgenie_api_key_file",
        "victorops_api_key victorops_api_key_file",
        "telegram_bot_token telegram_bot_token_file",
        "smtp_auth_password smtp_auth_password_file",
        "smtp_auth_secret smtp_auth_secret_file",
        "rocketchat_token rocketchat_token_file",
        "rocketchat_token_id rocketchat_token_id_file",
        "wechat_api_secret wechat_api_secret_file",
        "mattermost_webhook_url mattermost_webhook_url_file",
    ],
    more: Some(slack),
    ..PLAIN
};

/// Slack is reached by a webhook or by an app. Both are taken when they are one address.
fn slack(of: &Map<String, Value>, findings: &mut Findings) {
    const APP: &str = "https://slack.com/api/chat.postMessage";
    let app = is_there(of, "slack_app_token") || is_there(of, "slack_app_token_file");
    let hook = is_there(of, "slack_api_url") || is_there(of, "slack_api_url_file");
    let address = of.get("slack_app_url").and_then(Value::as_str).unwrap_or(APP);
    if app && hook && of.get("slack_api_url").and_then(Value::as_str) != Some(address) {
        findings.refuse("only one of slack_app_token and slack_api_url may be set");
    }
}

/// Settings that an integration needs, in its own table or in `global`: the name of the integration's list, its keys,
/// and the keys of `global`.
const SHARED: [(&str, &str, &str); 12] = [
    ("email_configs", "smarthost", "smtp_smarthost"),
    ("email_configs", "from", "smtp_from"),
    ("jira_configs", "api_url", "jira_api_url"),
    ("mattermost_configs", "webhook_url webhook_url_file", "mattermost_webhook_url mattermost_webhook_url_file"),
    ("opsgenie_configs", "api_key api_key_file", "opsgenie_api_key opsgenie_api_key_file"),
    ("rocketchat_configs", "token token_file", "rocketchat_token rocketchat_token_file"),
    ("rocketchat_configs", "token_id token_id_file", "rocketchat_token_id rocketchat_token_id_file"),
    (
        "slack_configs",
        "api_url api_url_file app_token app_token_file",
        "slack_api_url slack_api_url_file slack_app_token slack_app_token_file",
    ),
    ("telegram_configs", "bot_token bot_token_file", "telegram_bot_token telegram_bot_token_file"),
    ("victorops_configs", "api_key api_key_file", "victorops_api_key victorops_api_key_file"),
    ("wechat_configs", "api_secret api_secret_file", "wechat_api_secret wechat_api_secret_file"),
    ("wechat_configs", "corp_id", "wechat_api_corp_id"),
];

/// Checks that an integration has its required settings, in its own table or in `global`.
pub(super) fn shared(list: &str, one: &Map<String, Value>, global: &Value, findings: &mut Findings) {
    let nothing = Map::new();
    let global = global.as_object().unwrap_or(&nothing);
    for (_, own, all) in SHARED.iter().filter(|(of, _, _)| *of == list) {
        // The settings of Rocket.Chat may be empty.
        let is_given = |of: &Map<String, Value>, key: &str| match list {
            "rocketchat_configs" => of.get(key).is_some_and(|value| !value.is_null()),
            _ => is_there(of, key),
        };
        let there = |of: &Map<String, Value>, keys: &str| keys.split(' ').any(|key| is_given(of, key));
        if !there(one, own) && !there(global, all) {
            let own = own.replace(' ', " or ");
            let first = all.split(' ').next().unwrap_or_default();
            findings.refuse(format!("{own} is missing, here or as {first} in global"));
        }
    }
}
