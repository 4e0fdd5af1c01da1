//! Compares the keys and refusals of Alertmanager's configuration with the oldest and newest supported amtool. The
//! configurations are generated from the required keys of each integration, with one change at a time.

use rules_gen::routing::Configuration;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// For each integration, the required keys, and changes: all other keys with a value each.
const INTEGRATIONS: [(&str, &str, &str); 18] = [
    ("discord", "webhook_url: http://h", "content: c|title: t|message: m|username: u|avatar_url: a"),
    (
        "email",
        "to: a@b, from: c@d, smarthost: 'h:25'",
        "hello: h|auth_username: u|auth_password: p|auth_password_file: f|auth_secret: s|auth_secret_file: f|auth_identity: i|headers: {A: b}|headers: {A: b, a: c}|html: h|text: t|require_tls: true|require_tls: maybe|tls_config: {}|force_implicit_tls: true|threading: {enabled: true, thread_by_date: daily}|threading: {thread_by_date: weekly}|smarthost: h|from: ''|to: ''",
    ),
    (
        "incidentio",
        "url: http://h, alert_source_token: t",
        "alert_source_token_file: f|max_alerts: 5|max_alerts: x|timeout: 5s|url_file: f|http_config: {authorization: {credentials: x}}|http_config: {}|url: ftp://h",
    ),
    (
        "jira",
        "api_url: http://h, project: p, issue_type: Bug",
        "api_type: cloud|api_type: sky|summary: s|summary: {template: t, enable_update: false}|description: d|labels: [a]|priority: p|reopen_transition: r|resolve_transition: r|wont_fix_resolution: w|reopen_duration: 1d|reopen_duration: soon|fields: {a: b}|custom_fields: {a: b}|project: ''|issue_type: ''|api_url: ftp://h",
    ),
    (
        "mattermost",
        "webhook_url: http://h",
        "webhook_url_file: f|channel: c|username: u|text: t|fallback: f|color: c|pretext: p|author_name: a|author_link: a|author_icon: a|title: t|title_link: t|fields: [{title: a, value: b, short: true}]|fields: [{title: a}]|thumb_url: t|footer: f|footer_icon: f|image_url: i|icon_url: i|icon_emoji: e|attachments: [{text: t, color: c}]|attachments: [{txt: t}]|type: t|props: {card: c}|priority: {priority: urgent, requested_ack: true}|priority: {prio: x}",
    ),
    ("msteams", "webhook_url: http://h", "webhook_url_file: f|title: t|summary: s|text: t|texts: t"),
    ("msteamsv2", "webhook_url: http://h", "webhook_url_file: f|title: t|text: t|summary: s"),
    (
        "opsgenie",
        "api_key: k",
        "api_key_file: f|api_url: http://h|api_url: h|message: m|description: d|source: s|details: {a: b}|details: [a]|entity: e|responders: [{name: n, type: team}]|responders: [{type: team}]|responders: [{name: n, type: dog}]|responders: [{name: n, type: TEAM}]|responders: [{name: n}]|actions: a|tags: t|note: n|priority: P1|update_alerts: true|team: t",
    ),
    (
        "pagerduty",
        "routing_key: k",
        "routing_key_file: f|service_key: k|service_key_file: f|url: http://h|url: ftp://h|client: c|client_url: c|description: d|details: {a: b}|images: [{src: s, alt: a, href: h}]|images: [{source: s}]|links: [{href: h, text: t}]|links: [{url: h}]|source: s|severity: s|class: c|component: c|group: g|timeout: 5s|timeout: 5",
    ),
    (
        "pushover",
        "user_key: u, token: t",
        "user_key_file: f|token_file: f|title: t|message: m|url: u|url_title: u|device: d|sound: s|priority: p|retry: 1m|retry: soon|expire: 1h|ttl: 1h|html: true|monospace: true|html: true, monospace: true|user_key: ''|token: ''",
    ),
    (
        "rocketchat",
        "token: t, token_id: i",
        "api_url: http://h|token_file: f|token_id_file: f|channel: c|color: c|title: t|title_link: t|text: t|fields: [{title: a, value: b}]|short_fields: true|emoji: e|icon_url: i|image_url: i|thumb_url: t|link_names: true|actions: [{type: b}]",
    ),
    (
        "slack",
        "api_url: http://s",
        "api_url_file: f|app_token: t|app_token_file: f|app_url: http://s|channel: c|username: u|color: c|title: t|title_link: t|pretext: p|text: t|message_text: m|fields: [{title: a, value: b, short: true}]|fields: [{title: a}]|short_fields: true|footer: f|fallback: f|callback_id: c|icon_emoji: e|icon_url: i|image_url: i|thumb_url: t|link_names: true|mrkdwn_in: [text]|mrkdwn_in: text|actions: [{type: button, text: t, url: u}]|actions: [{type: button, text: t}]|actions: [{type: button, text: t, name: n, confirm: {text: t}}]|actions: [{type: button, text: t, name: n, confirm: {title: t}}]|update_message: true|timeout: 5s|chanel: c",
    ),
    (
        "sns",
        "topic_arn: t, sigv4: {region: r}",
        "api_url: a|phone_number: p|target_arn: t|phone_number: p, target_arn: t|subject: s|message: m|attributes: {a: b}|use_aws_http_client: true|topic_arn: ''|sigv4: {access_key: a}|sigv4: {access_key: a, secret_key: b, profile: p, role_arn: r}|sigv4: {regio: r}|sigv4: {external_id: e}",
    ),
    (
        "telegram",
        "bot_token: b, chat_id: 5",
        "bot_token_file: f|chat_id_file: f|chat_id: x|chat_id: 0|api_url: http://h|message_thread_id: 5|message: m|disable_notifications: true|parse_mode: HTML|parse_mode: BBCode|chat: c|token: t|bot_token: ''",
    ),
    (
        "victorops",
        "api_key: k, routing_key: r",
        "api_key_file: f|api_url: http://h|message_type: m|state_message: s|entity_display_name: e|monitoring_tool: m|custom_fields: {a: b}|custom_fields: {entity_state: b}|routing_key: ''|api_key: ''",
    ),
    (
        "webex",
        "room_id: r, http_config: {authorization: {credentials: x}}",
        "api_url: http://h|message: m|room_id: ''|http_config: {}",
    ),
    (
        "webhook",
        "url: http://h",
        "url_file: f|url: <secret>|max_alerts: 5|max_alerts: -1|timeout: 5s|payload: {a: b}|url: ftp://h|url: h|url: 'not a url'|url: 'http://h/%zz'|url: 'http://[::1'|url: 'http://h/{{ .GroupLabels.a }}'|url: ''|max_alert: 5",
    ),
    (
        "wechat",
        "api_secret: s, corp_id: c",
        "api_secret_file: f|api_url: http://h|message: m|to_user: u|to_party: p|to_tag: t|agent_id: a|message_type: markdown|message_type: html|api_secret: ''|corp_id: ''",
    ),
];

/// Values of `http_config`.
const HTTP: &str = "{}|{follow_redirects: false, enable_http2: true}|{proxy_url: 'http://p'}|{proxy_url: 'http://p', no_proxy: a}|{no_proxy: a}|{proxy_from_environment: true}|{proxy_from_environment: true, proxy_url: 'http://p'}|{proxy_url: 'http://p', proxy_connect_header: {a: [b]}}|{proxy_connect_header: {a: [b]}}|{http_headers: {a: {values: [b]}}}|{bearer_token: a}|{bearer_token_file: a}|{bearer_token: a, bearer_token_file: b}|{basic_auth: {username: a, password: b}}|{basic_auth: {username_file: a, password_file: b}}|{basic_auth: {username: a, username_file: b}}|{basic_auth: {password: a, password_file: b}}|{basic_auth: {user: a}}|{authorization: {credentials: a}}|{authorization: {type: Basic, credentials: a}}|{authorization: {credentials: a, credentials_file: b}}|{bearer_token: a, basic_auth: {username: b}}|{authorization: {credentials: a}, basic_auth: {username: b}}|{oauth2: {client_id: a, client_secret: b, token_url: 'http://t', scopes: [a], endpoint_params: {a: b}}}|{oauth2: {client_id: a, client_secret: b, client_secret_file: c, token_url: 'http://t'}}|{oauth2: {client_secret: b, token_url: 'http://t'}}|{oauth2: {client_id: a, client_secret: b}}|{oauth2: {client_id: a, client_secret: b, token_url: 'http://t'}, basic_auth: {username: b}}|{tls_config: {insecure_skip_verify: true, server_name: a, min_version: TLS12, max_version: TLS13}}|{tls_config: {min_version: TLS9}}|{tls_config: {cert_file: a, key_file: b}}|{tls_config: {cert_file: a}}|{tls_config: {key_file: a}}|{tls_config: {ca: a, ca_file: b}}|{tls_config: {certificate: a}}|{tls_config: {ca_file: a}}|{basic_auht: {}}|{http_headers: {a: b}}|{http_headers: {a: {values: b}}}|{http_headers: {Host: {values: [b]}}}|{http_headers: []}|{proxy_url: 'http://p', proxy_connect_header: {a: b}}|{proxy_connect_header: {}}|{proxy_url: '::'}|{follow_redirects: 'no'}|{follow_redirects: no}|{follow_redirects: y}";

const GLOBAL: &str = "resolve_timeout: 5m|resolve_timeout: soon|resolve_timeot: 5m|smtp_from: a|smtp_hello: a|smtp_smarthost: 'h:25'|smtp_smarthost: h|smtp_auth_username: a|smtp_auth_password: a|smtp_auth_password: a, smtp_auth_password_file: b|smtp_auth_secret: a|smtp_auth_secret: a, smtp_auth_secret_file: b|smtp_auth_identity: a|smtp_require_tls: false|smtp_tls_config: {}|smtp_force_implicit_tls: true|slack_api_url: 'http://s'|slack_api_url: '<secret>'|opsgenie_api_url: '<secret>'|slack_api_url: 'ftp://s'|slack_api_url: 'http://s', slack_api_url_file: b|slack_app_token: a|slack_app_token: a, slack_app_token_file: b|slack_app_token: a, slack_api_url: 'http://s'|slack_app_token: a, slack_api_url: 'http://s', slack_app_url: 'http://s'|slack_app_url: 'http://s'|pagerduty_url: 'http://s'|opsgenie_api_url: 'http://s'|opsgenie_api_key: a|opsgenie_api_key: a, opsgenie_api_key_file: b|wechat_api_url: 'http://s'|wechat_api_secret: a|wechat_api_secret_file: a|wechat_api_secret: a, wechat_api_secret_file: b|wechat_api_corp_id: a|victorops_api_url: 'http://s'|victorops_api_key: a|victorops_api_key: a, victorops_api_key_file: b|telegram_api_url: 'http://s'|telegram_bot_token: a|telegram_bot_token: a, telegram_bot_token_file: b|webex_api_url: 'http://s'|jira_api_url: 'http://s'|rocketchat_api_url: 'http://s'|rocketchat_token: a|rocketchat_token: a, rocketchat_token_file: b|rocketchat_token_id: a|rocketchat_token_id: a, rocketchat_token_id_file: b|mattermost_webhook_url: 'http://s'|mattermost_webhook_url: 'http://s', mattermost_webhook_url_file: b|hipchat_api_url: 'http://s'|hipchat_auth_token: a|http_config: {bearer_token: a, bearer_token_file: b}";

const ROUTE: &str = "match: ~|routes: [{match: {a-b: c}}]|routes: [{match_re: {a.b: c}}]|matchers: ~|matchers: [~]|matchers: ['']|continue: ~|routes: ~|routes: [{match_re: ~, continue: ~, routes: ~, mute_time_intervals: ~}]|group_by: [a, b]|group_by: [a, a]|group_by: ['...']|group_by: ['...', '...']|group_by: [a, '...']|group_by: ['']|group_by: a|group_wait: 0s|group_interval: 0s|repeat_interval: 1d|routes: [{matchers: ['a=b'], labels: {team: x}}]|labels: {team: x}|routes: [{match: {a: b}, match_re: {c: d.*}}]|routes: [{match_re: {c: '('}}]|routes: [{matchers: ['a=b'], continue: maybe}]|routes: [{matchers: ['a=b'], mute_time_intervals: [n]}]|routes: [{matchers: ['a=b'], mute_time_intervals: [m]}]|routes: [{matchers: ['a=b'], group_by: [a, a]}]|routes: [{matchers: ['é=b', 'a-b=c', 'a.b=~c', '1a!=b']}]|routes: [{matchers: ['\"a b\"=c']}]|routes: [{matchers: ['a b=c']}]|routes: [{matchers: ['=b']}]|routes: [{matchers: ['a==b']}]|routes: [{matchers: ['a=~\"(\"']}]|routes: [{matchers: ['{a=b,c=d}']}]";

const TIMES: &str = "weekdays: [monday]|weekdays: ['monday:friday']|weekdays: [mon]|weekdays: ['friday:monday']|weekdays: ['saturday:sunday']|weekdays: ['monday:tuesday:friday']|weekdays: ['monday ']|months: [' may']|years: [' 2024']|days_of_month: ['1 : 5']|weekdays: [Monday]|months: [january]|months: ['1:3']|months: ['march:january']|months: [jan]|months: [13]|months: [0]|months: [-1]|months: ['1:13']|months: ['march:13']|months: ['12:1']|months: [1.5]|months: ['12']|months: ['1:2:3']|years: ['2024:2026']|years: ['2026:2024']|years: [soon]|days_of_month: ['1:5']|days_of_month: ['5:1']|days_of_month: ['-3:-1']|days_of_month: ['-1:-3']|days_of_month: ['1:-1']|days_of_month: ['-5:5']|days_of_month: ['15:-20']|days_of_month: [0]|days_of_month: [32]|days_of_month: ['a']|times: [{start_time: '09:00', end_time: '17:00'}]|times: [{start_time: '17:00', end_time: '09:00'}]|times: [{start_time: '09:00', end_time: '09:00'}]|times: [{start_time: '09:00'}]|times: [{start_time: '00:00', end_time: '24:00'}]|times: [{start_time: '9:00', end_time: '17:00'}]|times: [{start_time: '09:00', end_time: '24:01'}]|times: [{from: '09:00', to: '17:00'}]|location: Europe/Berlin|location: 5|weekdays: [~]|months: [~]|times: [~]|location: Mars/Base|hours: ['1:2']";

const WHOLE: &str = "templates: [a.tmpl]|templates: a.tmpl|inhibit_rules: [{source_matchers: ['a=b'], target_matchers: ['c=d'], equal: [e]}]|inhibit_rules: [{source_matchers: ['a=b'], target_matchers: ['c=d'], equals: [e]}]|inhibit_rules: [{name: n, source_match: {a: b}, target_match_re: {c: d}}]|inhibit_rules: [{sources: [{matchers: ['a=b'], equal: [e]}], target_matchers: ['c=d']}]|inhibit_rules: [{sources: [], source_matchers: ['a=b'], target_matchers: ['c=d']}]|tracing: {endpoint: 'h:1', client_type: grpc}|tracing: {client_type: http}|tracing: {endpoint: h, client_type: udp}|tracing: {endpoint: h, compression: zip}|trace: {}|time_intervals: [{time_intervals: []}]|time_intervals: [{name: x, time_intervals: []}, {name: x, time_intervals: []}]|time_intervals: [{name: x, intervals: []}]|receivers: [{name: r}, {name: r}]|receivers: [{name: r}, {nam: x}]|receivers: [{name: r}, {}]|receivers: [{name: r, webhook_configs: [null]}]|receivers: [{name: r, webhok_configs: []}]|receivers: [{name: r, email_configs: [{to: a@b}]}]|global: {smtp_smarthost: 'h:25', smtp_from: a@b}, receivers: [{name: r, email_configs: [{to: a@b}]}]|receivers: [{name: r, slack_configs: [{channel: c}]}]|global: {slack_api_url: 'http://s'}, receivers: [{name: r, slack_configs: [{channel: c}]}]|global: {opsgenie_api_key: k}, receivers: [{name: r, opsgenie_configs: [{note: c}]}]|receivers: [{name: r, opsgenie_configs: [{note: c}]}]|global: {victorops_api_key: k}, receivers: [{name: r, victorops_configs: [{routing_key: c}]}]|receivers: [{name: r, victorops_configs: [{routing_key: c}]}]|receivers: [{name: r, jira_configs: [{project: p, issue_type: i}]}]|global: {jira_api_url: 'http://j'}, receivers: [{name: r, jira_configs: [{project: p, issue_type: i}]}]|receivers: [{name: r, telegram_configs: [{chat_id: 1}]}]|global: {telegram_bot_token: t}, receivers: [{name: r, telegram_configs: [{chat_id: 1}]}]|receivers: [{name: r, rocketchat_configs: [{channel: c}]}]|receivers: [{name: r, mattermost_configs: [{channel: c}]}]|receivers: [{name: r, wechat_configs: [{api_secret: s}]}]|route: {receiver: r}, route: {receiver: r}|templates: {}|templates: ''|templates: [[a]]|inhibit_rules: {}|inhibit_rules: [{source_match: {a-b: c}}]|inhibit_rules: [{target_match_re: {é: c}}]|inhibit_rules: [{equal: [a-b]}]|templates: ['[']|templates: ['a/*/b.tmpl']|inhibit_rules: a|inhibit_rules: [5]|time_intervals: {}|time_intervals: 5|time_intervals: [a]|mute_time_intervals: {}|receivers: {}|receivers: [{name: r}, 5]|receivers: [{name: r}, []]|receivers: [{name: r, webhook_configs: [5]}]|global: []|tracing: []";

/// Returns a one-line configuration for each change.
fn configurations() -> Vec<String> {
    let root = "route: {receiver: r}";
    let mut all = Vec::new();
    for (name, needs, more) in INTEGRATIONS {
        let with = |keys: &str| format!("{{{root}, receivers: [{{name: r, {name}_configs: [{{{keys}}}]}}]}}");
        all.push(with(needs));
        // One configuration without each required key.
        let parts: Vec<&str> = needs.split(", ").collect();
        for at in 0..parts.len() {
            let rest: Vec<&str> =
                parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| *part).collect();
            all.push(with(&rest.join(", ")));
        }
        for change in more.split('|').chain(["send_resolved: false", "nonsense: 1"]) {
            // The change replaces a key that is there already.
            let key = change.split(':').next().unwrap_or_default();
            let kept = parts.iter().filter(|part| part.split(':').next() != Some(key));
            let keys: Vec<&str> = kept.copied().chain([change]).collect();
            all.push(with(&keys.join(", ")));
        }
        // A mapping or a decimal number as any value.
        let keys: BTreeSet<&str> = needs
            .split(", ")
            .chain(more.split('|'))
            .filter_map(|part| part.split_once(':'))
            .map(|(key, _)| key)
            .collect();
        for key in keys.into_iter().filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
            let kept = parts.iter().filter(|part| part.split(':').next() != Some(key)).copied();
            let kept: Vec<&str> = kept.collect();
            let own = format!("{key}: {}", if key.len().is_multiple_of(2) { "{}" } else { "5.5" });
            all.push(with(&[kept.as_slice(), &[own.as_str()]].concat().join(", ")));
        }
        // A mapping or text where a list is required.
        all.extend(
            ["{}", "{a: b}", "''", "a", "~"]
                .map(|list| format!("{{{root}, receivers: [{{name: r, {name}_configs: {list}}}]}}")),
        );
    }
    let receiver = "receivers: [{name: r}]";
    all.extend(HTTP.split('|').map(|http| {
        format!("{{{root}, receivers: [{{name: r, webhook_configs: [{{url: 'http://h', http_config: {http}}}]}}]}}")
    }));
    all.extend(GLOBAL.split('|').map(|keys| format!("{{global: {{{keys}}}, {root}, {receiver}}}")));
    let night = "time_intervals: [{name: n, time_intervals: [{weekdays: [monday]}]}]";
    all.extend(ROUTE.split('|').map(|keys| format!("{{route: {{receiver: r, {keys}}}, {receiver}, {night}}}")));
    all.extend(
        TIMES
            .split('|')
            .map(|keys| format!("{{{root}, {receiver}, time_intervals: [{{name: n, time_intervals: [{{{keys}}}]}}]}}")),
    );
    all.extend(WHOLE.split('|').map(|keys| {
        let has = |key: &str| keys.starts_with(&format!("{key}:")) || keys.contains(&format!(", {key}:"));
        let rest = [("route", root), ("receivers", receiver)];
        let rest: Vec<&str> = rest.iter().filter(|(key, _)| !has(key)).map(|(_, text)| *text).collect();
        format!("{{{}}}", [&[keys], rest.as_slice()].concat().join(", "))
    }));
    all
}

fn accepts(amtool: &Path, file: &Path) -> std::io::Result<bool> {
    Ok(Command::new(amtool).arg("check-config").arg(file).output()?.status.success())
}

/// What the newest version accepts must be accepted, and what both refuse must be refused. What only the old version
/// accepts may be either.
#[test]
#[cfg_attr(not(has_newest_amtool), ignore = "no newest amtool (make parts)")]
fn receiver_keys_and_refusals_match_old_and_new_amtool() -> Result<(), Box<dyn std::error::Error>> {
    let newest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/amtool");
    let tools = [PathBuf::from("amtool"), newest];
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alertmanager.yml");
    let (mut wrong, mut refused, mut all) = (Vec::new(), 0, 0);
    for text in configurations() {
        std::fs::write(&file, &text)?;
        let verdicts = tools.iter().map(|tool| accepts(tool, &file)).collect::<Result<Vec<bool>, _>>()?;
        let own = Configuration::parse(&text);
        let taken = verdicts.contains(&true);
        let newest = verdicts.last() == Some(&true);
        if own.is_ok() != newest && (newest || !taken) {
            wrong
                .push(format!("{text}\n  amtool takes it: {verdicts:?}; here: {:?}", own.err().map(|e| e.to_string())));
        }
        all += 1;
        refused += usize::from(!taken);
    }
    println!("{all} configurations, {refused} refused, {} differences", wrong.len());
    assert!(refused > 100 && all - refused > 200, "{refused} of {all}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
