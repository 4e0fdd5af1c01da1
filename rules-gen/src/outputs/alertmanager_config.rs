//! Writes the same routes as an `AlertmanagerConfig` object of prometheus-operator, which takes secrets from Secret
//! objects.
//!
//! By default the operator restricts the object to alerts whose label `namespace` is the object's own. Most alerts of
//! the checklist have no namespace. So the object must be in the namespace of the Alertmanager object, which needs
//! `alertmanagerConfigMatcherStrategy: {type: OnNamespaceExceptForAlertmanagerNamespace}`. The generated object says so
//! in an annotation.

use crate::outputs::alert_routes::{self, Matcher, Route, RouteTree, text};
use crate::outputs::alertmanager::heartbeat_pace;
use crate::outputs::file::{File, yaml};
use crate::outputs::kubernetes::volumes;
use crate::outputs::output::{About, Format, Input, Kind, Output};
use crate::promql::duration::prometheus_duration;
use checklist::Config;
use checklist::config::{Address, Email, Maintenance, PagerDuty, Slack};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The annotation that says what must be set so that the object gets every alert.
const NOTE: &str = "Belongs into the namespace of the Alertmanager object, with alertmanagerConfigMatcherStrategy {type: OnNamespaceExceptForAlertmanagerNamespace} there: by default only alerts with the namespace label of this object are routed, and most of these have none.";

/// The file `alertmanager/alertmanagerconfig.yaml`.
pub struct AlertmanagerConfig;

impl Output for AlertmanagerConfig {
    fn about(&self) -> About {
        About {
            kind: Kind::Alertmanager,
            formats: &[Format::Operator],
            paths: &["alertmanager/alertmanagerconfig.yaml"],
            purpose: "the same routes as an `AlertmanagerConfig` object of the Prometheus operator",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        Ok(vec![yaml("alertmanager/alertmanagerconfig.yaml", &input.header(), &object(input.config))?])
    }
}

/// Returns the `monitoring.coreos.com/v1alpha1` object.
pub fn object(config: &Config) -> Value {
    let RouteTree { root, routes, inhibitions, group_by } = alert_routes::route_tree(config);
    let (meta, grouping) = (&config.alerting.alertmanager_config, &config.alerting.grouping);
    let windows: Vec<&Maintenance> = windows(config).collect();
    let inhibition = |one: &alert_routes::Inhibition| {
        let mut rule = json!({"sourceMatch": matchers(&one.source), "targetMatch": matchers(&one.target)});
        if !one.equal.is_empty() {
            rule["equal"] = json!(one.equal);
        }
        rule
    };
    let mut spec = json!({
        "route": {
            "receiver": root,
            "groupBy": group_by,
            "groupWait": prometheus_duration(grouping.wait),
            "groupInterval": prometheus_duration(grouping.interval),
            "repeatInterval": prometheus_duration(grouping.repeat),
            // Without the namespace restriction of the operator, the route would take alerts of other teams.
            "matchers": matchers(&[Matcher { name: "alertname", operator: "=~", value: "Checklist.*".into() }]),
            "routes": routes.iter().map(|one| route(one, &windows)).collect::<Vec<_>>(),
        },
        "inhibitRules": inhibitions.iter().map(inhibition).collect::<Vec<_>>(),
        "receivers": receivers(config),
    });
    if !windows.is_empty() {
        spec["muteTimeIntervals"] = windows.iter().map(|window| mute(window)).collect();
    }
    let mut notes = Map::from_iter([("description".to_owned(), json!(NOTE))]);
    let skipped: Vec<&str> = left_out(config).map(|window| window.name.as_str()).collect();
    if !skipped.is_empty() {
        let names = skipped.join(", ");
        let why = format!("AlertmanagerConfig does not support time zones, so these windows are missing: {names}.");
        notes.insert("maintenance".to_owned(), json!(why));
    }
    let mut metadata =
        Map::from_iter([("name".to_owned(), json!(meta.name)), ("annotations".to_owned(), json!(notes))]);
    if let Some(namespace) = &meta.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    if !meta.labels.is_empty() {
        metadata.insert("labels".to_owned(), json!(meta.labels));
    }
    json!({
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": metadata,
        "spec": spec,
    })
}

/// Whether a maintenance window is in UTC, the only time zone that the object supports.
fn is_utc(window: &Maintenance) -> bool {
    ["UTC", "Etc/UTC"].contains(&window.time_zone.as_str())
}

fn windows(config: &Config) -> impl Iterator<Item = &Maintenance> {
    config.alerting.maintenance.iter().filter(|window| is_utc(window))
}

/// Returns the maintenance windows that the object cannot contain.
pub fn left_out(config: &Config) -> impl Iterator<Item = &Maintenance> {
    config.alerting.maintenance.iter().filter(|window| !is_utc(window))
}

fn matchers(all: &[Matcher]) -> Vec<Value> {
    all.iter().map(|one| json!({"name": one.name, "matchType": one.operator, "value": one.value})).collect()
}

fn route(one: &Route, windows: &[&Maintenance]) -> Value {
    let mut route = json!({"matchers": matchers(std::slice::from_ref(&one.matcher)), "receiver": one.receiver});
    if one.continues {
        route["continue"] = json!(true);
    }
    if one.muted_by_maintenance && !windows.is_empty() {
        route["muteTimeIntervals"] = windows.iter().map(|window| json!(window.name)).collect();
    }
    if let Some(pace) = one.pace {
        let (interval, repeat) = heartbeat_pace(pace);
        route["groupWait"] = json!("0s");
        route["groupInterval"] = json!(interval);
        route["repeatInterval"] = json!(repeat);
    }
    route
}

fn mute(window: &Maintenance) -> Value {
    let intervals: Vec<Value> = alert_routes::intervals(window)
        .into_iter()
        .map(|interval| {
            let mut value = json!({});
            if !interval.weekdays.is_empty() {
                value["weekdays"] = json!(interval.weekdays);
            }
            if !interval.times.is_empty() {
                let time = |(from, to): &(String, String)| json!({"startTime": from, "endTime": to});
                value["times"] = interval.times.iter().map(time).collect();
            }
            value
        })
        .collect();
    json!({"name": window.name, "timeIntervals": intervals})
}

fn receivers(config: &Config) -> Vec<Value> {
    let alerting = &config.alerting;
    let mut receivers = vec![json!({"name": "nobody"})];
    let mut add = |name: &str, kind: &str, receiver: Value| {
        let mut object = json!({"name": name});
        object[kind] = json!([receiver]);
        receivers.push(object);
    };
    if let Some(one) = &alerting.pagerduty {
        add("pagerduty", "pagerdutyConfigs", pagerduty(config, one));
    }
    if let Some(one) = &alerting.slack {
        add("slack", "slackConfigs", slack(config, one));
    }
    if let Some(one) = &alerting.email {
        add("email", "emailConfigs", email(config, one));
    }
    if let Some(one) = &alerting.webhook {
        add("webhook", "webhookConfigs", webhook(config, &one.address, true));
    }
    if let Some(one) = &alerting.heartbeat {
        add("heartbeat", "webhookConfigs", webhook(config, &one.address, false));
    }
    receivers
}

/// Returns the reference to a key of the Secret: the name of the file that holds the secret, or its path with dots when
/// two files have one name.
fn secret(config: &Config, file: &Path) -> Value {
    let alerting = &config.alerting;
    let addresses =
        [alerting.webhook.as_ref().map(|one| &one.address), alerting.heartbeat.as_ref().map(|one| &one.address)];
    let of_addresses = addresses.into_iter().flatten().filter_map(|address| match address {
        Address::File(file) => Some(file),
        Address::Url(_) => None,
    });
    let files = [
        alerting.pagerduty.as_ref().map(|one| &one.routing_key_file),
        alerting.slack.as_ref().map(|one| &one.webhook_url_file),
        alerting.email.as_ref().and_then(|one| one.password_file.as_ref()),
    ];
    let mut files = files.into_iter().flatten().chain(of_addresses);
    let shared = files.any(|other| other != file && other.file_name() == file.file_name());
    json!({"name": config.alerting.alertmanager_config.secret, "key": volumes::key(file, shared)})
}

fn pagerduty(config: &Config, one: &PagerDuty) -> Value {
    let mut receiver = json!({
        "routingKey": secret(config, &one.routing_key_file),
        "sendResolved": true,
        "client": text::CLIENT,
        "description": text::SUMMARY,
        "severity": text::SEVERITY,
        "class": text::CLASS,
        "component": text::COMPONENT,
        "details": [
            {"key": "description", "value": text::detail()},
            {"key": "runbook", "value": text::RUNBOOK},
        ],
    });
    if let Some(url) = &one.url {
        receiver["url"] = json!(url);
    }
    if config.alerting.runbook_base_url.is_some() {
        receiver["pagerDutyLinkConfigs"] = json!([{"href": text::RUNBOOK, "alt": "Runbook"}]);
    }
    receiver
}

fn slack(config: &Config, one: &Slack) -> Value {
    let mut receiver = json!({
        "apiURL": secret(config, &one.webhook_url_file),
        "sendResolved": true,
        "title": text::TITLE,
        "titleLink": text::RUNBOOK,
        "text": text::DESCRIPTIONS,
    });
    if let Some(channel) = &one.channel {
        receiver["channel"] = json!(channel);
    }
    receiver
}

fn email(config: &Config, one: &Email) -> Value {
    let mut receiver = json!({
        "to": one.to,
        "from": one.from,
        "smarthost": one.smarthost,
        "requireTLS": one.require_tls,
        "sendResolved": true,
        "headers": [{"key": "Subject", "value": text::TITLE}],
    });
    if let (Some(username), Some(file)) = (&one.username, &one.password_file) {
        receiver["authUsername"] = json!(username);
        receiver["authPassword"] = secret(config, file);
    }
    receiver
}

fn webhook(config: &Config, address: &Address, resolved: bool) -> Value {
    match address {
        Address::Url(url) => json!({"url": url, "sendResolved": resolved}),
        Address::File(file) => json!({"urlSecret": secret(config, file), "sendResolved": resolved}),
    }
}
