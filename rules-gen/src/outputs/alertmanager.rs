//! Writes the configuration file of Alertmanager: critical alerts page, warnings go to the chat, and a critical alert
//! inhibits the warning of the same name.

use crate::outputs::alert_routes::{self, Matcher, Route, RouteTree, text};
use crate::outputs::file::{File, yaml};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::promql::duration::prometheus_duration;
use checklist::Config;
use checklist::config::{Address, Email};
use serde_json::{Value, json};
use std::time::Duration;

/// The file `alertmanager/alertmanager.yaml`.
pub struct Configuration;

impl Output for Configuration {
    fn about(&self) -> About {
        About {
            kind: Kind::Alertmanager,
            formats: &[Format::Prometheus, Format::Mimir],
            paths: &["alertmanager/alertmanager.yaml"],
            purpose: "routes, inhibition rules and receivers for Alertmanager",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        Ok(vec![yaml("alertmanager/alertmanager.yaml", &input.header(), &configuration(input.config))?])
    }
}

/// Returns the configuration of Alertmanager.
pub fn configuration(config: &Config) -> Value {
    let RouteTree { root, routes, inhibitions, group_by } = alert_routes::route_tree(config);
    let grouping = &config.alerting.grouping;
    let inhibition = |one: &alert_routes::Inhibition| {
        let mut rule = json!({"source_matchers": matchers(&one.source), "target_matchers": matchers(&one.target)});
        if !one.equal.is_empty() {
            rule["equal"] = json!(one.equal);
        }
        rule
    };
    let mut configuration = json!({
        "route": {
            "receiver": root,
            "group_by": group_by,
            "group_wait": prometheus_duration(grouping.wait),
            "group_interval": prometheus_duration(grouping.interval),
            "repeat_interval": prometheus_duration(grouping.repeat),
            "routes": routes.iter().map(|one| route(config, one)).collect::<Vec<_>>(),
        },
        "inhibit_rules": inhibitions.iter().map(inhibition).collect::<Vec<_>>(),
        "receivers": receivers(config),
    });
    if !config.alerting.maintenance.is_empty() {
        configuration["time_intervals"] = time_intervals(config);
    }
    configuration
}

fn matchers(all: &[Matcher]) -> Vec<String> {
    all.iter().map(|Matcher { name, operator, value }| format!("{name}{operator}{value:?}")).collect()
}

fn route(config: &Config, one: &Route) -> Value {
    let mut route = json!({"matchers": matchers(std::slice::from_ref(&one.matcher)), "receiver": one.receiver});
    if one.continues {
        route["continue"] = json!(true);
    }
    if one.muted_by_maintenance {
        let names: Vec<&String> = config.alerting.maintenance.iter().map(|window| &window.name).collect();
        route["mute_time_intervals"] = json!(names);
    }
    if let Some(pace) = one.pace {
        let (interval, repeat) = heartbeat_pace(pace);
        route["group_wait"] = json!("0s");
        route["group_interval"] = json!(interval);
        route["repeat_interval"] = json!(repeat);
    }
    route
}

/// Returns the `group_interval` and `repeat_interval` of the heartbeat. Alertmanager repeats a notification at the
/// first group interval after the repeat interval has passed, so the repeat interval is a little shorter.
pub(crate) fn heartbeat_pace(interval: Duration) -> (String, String) {
    let repeat = Duration::from_secs(interval.as_secs() * 9 / 10);
    (prometheus_duration(interval), prometheus_duration(repeat.max(Duration::from_secs(1))))
}

fn time_intervals(config: &Config) -> Value {
    let windows = config.alerting.maintenance.iter().map(|window| {
        let intervals: Vec<Value> = alert_routes::intervals(window)
            .into_iter()
            .map(|interval| {
                let mut value = json!({"location": window.time_zone});
                if !interval.weekdays.is_empty() {
                    value["weekdays"] = json!(interval.weekdays);
                }
                if !interval.times.is_empty() {
                    let time = |(from, to): &(String, String)| json!({"start_time": from, "end_time": to});
                    value["times"] = interval.times.iter().map(time).collect();
                }
                value
            })
            .collect();
        json!({"name": window.name, "time_intervals": intervals})
    });
    windows.collect()
}

fn receivers(config: &Config) -> Vec<Value> {
    let alerting = &config.alerting;
    let mut receivers = vec![json!({"name": "nobody"})];
    if let Some(pagerduty) = &alerting.pagerduty {
        let mut receiver = json!({
            "routing_key_file": pagerduty.routing_key_file,
            "send_resolved": true,
            "client": text::CLIENT,
            "description": text::SUMMARY,
            "severity": text::SEVERITY,
            "class": text::CLASS,
            "component": text::COMPONENT,
            "details": {"description": text::detail(), "runbook": text::RUNBOOK},
        });
        if let Some(url) = &pagerduty.url {
            receiver["url"] = json!(url);
        }
        if alerting.runbook_base_url.is_some() {
            receiver["links"] = json!([{"href": text::RUNBOOK, "text": "Runbook"}]);
        }
        receivers.push(json!({"name": "pagerduty", "pagerduty_configs": [receiver]}));
    }
    if let Some(slack) = &alerting.slack {
        let mut receiver = json!({
            "api_url_file": slack.webhook_url_file,
            "send_resolved": true,
            "title": text::TITLE,
            "title_link": text::RUNBOOK,
            "text": text::DESCRIPTIONS,
        });
        if let Some(channel) = &slack.channel {
            receiver["channel"] = json!(channel);
        }
        receivers.push(json!({"name": "slack", "slack_configs": [receiver]}));
    }
    receivers.extend(alerting.email.as_ref().map(|one| json!({"name": "email", "email_configs": [email(one)]})));
    let webhook = |name, address: &Address, resolved| {
        let mut receiver = json!({"send_resolved": resolved});
        match address {
            Address::Url(url) => receiver["url"] = json!(url),
            Address::File(file) => receiver["url_file"] = json!(file),
        }
        json!({"name": name, "webhook_configs": [receiver]})
    };
    receivers.extend(alerting.webhook.as_ref().map(|one| webhook("webhook", &one.address, true)));
    receivers.extend(alerting.heartbeat.as_ref().map(|one| webhook("heartbeat", &one.address, false)));
    receivers
}

fn email(email: &Email) -> Value {
    let mut receiver = json!({
        "to": email.to,
        "from": email.from,
        "smarthost": email.smarthost,
        "require_tls": email.require_tls,
        "send_resolved": true,
        "headers": {"Subject": text::TITLE},
    });
    if let (Some(username), Some(file)) = (&email.username, &email.password_file) {
        receiver["auth_username"] = json!(username);
        receiver["auth_password_file"] = json!(file);
    }
    receiver
}
