//! `alerting:`.

use super::alerting::{
    AlertOverride, Alerting, AlertmanagerConfig, Dashboards, Grouping, PagerDuty, PrometheusRule, Slack, WrittenReports,
};
use super::read_parts::{RESERVED, is_dns_subdomain, namespace, url};
use super::read_receivers;
use super::reader::{Found, Table};
use crate::signal::Signal;
use crate::yaml::hint;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Alerts about the exporter itself, which belong to no signal.
pub const META_ALERTS: [&str; 13] = [
    "ChecklistCheckIncomplete",
    "ChecklistCheckMissing",
    "ChecklistCheckOverdue",
    "ChecklistConfigBroken",
    "ChecklistEmergencyOverride",
    "ChecklistExporterMissing",
    "ChecklistLeaseNotHeld",
    "ChecklistRulesOutdated",
    "ChecklistSeriesDropped",
    "ChecklistShardMissing",
    "ChecklistShardsDiffer",
    "ChecklistSourceMissing",
    "ChecklistWatchdog",
];

/// The shortest past that an alert compares with is a day: after that the change itself is the past.
const LONGEST_OF_HISTORY: Duration = Duration::from_hours(12);

pub(super) fn read(mut table: Table<'_>, signals: &[&'static Signal], found: &Found) -> Alerting {
    let of_metrics = signals.iter().flat_map(|signal| signal.metrics).flat_map(|metric| metric.labels).copied();
    let reserved: Vec<&str> = RESERVED.into_iter().chain(of_metrics).collect();
    let labels = labels(&mut table, &reserved);
    let runbook_base_url = url(&mut table, "runbookBaseUrl");
    let grafana_base_url = url(&mut table, "grafanaBaseUrl");
    let pagerduty = table.table("pagerduty").and_then(|mut table| {
        let file = table.required("routingKeyFile").map(PathBuf::from);
        let url = url(&mut table, "url");
        table.finish();
        Some(PagerDuty { routing_key_file: file?, url })
    });
    let slack = table.table("slack").and_then(|mut table| {
        let file = table.required("webhookUrlFile").map(PathBuf::from);
        let channel = table.text("channel");
        table.finish();
        Some(Slack { webhook_url_file: file?, channel })
    });
    let email = table.table("email").and_then(read_receivers::email);
    let webhook = table.table("webhook").and_then(read_receivers::webhook);
    let heartbeat = table.table("heartbeat").and_then(read_receivers::heartbeat);
    let beats = table.node("heartbeat").map(|node| node.place);
    let maintenance = read_receivers::maintenance(&mut table, found);
    let reports = table.table("reports").map(|mut table| {
        let webhook_url_file = table.text("webhookUrlFile").map(PathBuf::from);
        let directory = table.text("directory").map(PathBuf::from);
        if webhook_url_file.is_none() && directory.is_none() {
            table.mistake(table.place, "give webhookUrlFile, directory or both: reports go there");
        }
        table.finish();
        WrittenReports { webhook_url_file, directory }
    });
    let grouping = table.table("grouping").map(grouping).unwrap_or_default();
    let alerts = table.table("alerts").map(|table| alerts(&table, signals, found)).unwrap_or_default();
    if let Some(place) = beats
        && alerts.get("ChecklistWatchdog").is_some_and(|watchdog| watchdog.enabled == Some(false))
    {
        found.mistake(place, "the heartbeat is the alert ChecklistWatchdog, which is switched off under alerts:");
    }
    let prometheus_rule = table.table("prometheusRule").map(prometheus_rule).unwrap_or_default();
    let alertmanager_config = table.table("alertmanagerConfig").map(alertmanager_config).unwrap_or_default();
    let dashboards = table.table("dashboards").map(dashboards).unwrap_or_default();
    table.finish();
    Alerting {
        labels,
        runbook_base_url,
        grafana_base_url,
        pagerduty,
        slack,
        email,
        webhook,
        heartbeat,
        maintenance,
        reports,
        grouping,
        alerts,
        prometheus_rule,
        alertmanager_config,
        dashboards,
    }
}

/// Labels of every alert.
fn labels(table: &mut Table<'_>, reserved: &[&str]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(entries) = table.table("labels") else { return labels };
    for (name, node) in entries.entries() {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let label_name = name.text.chars().all(good)
            && !name.text.starts_with(|c: char| c.is_ascii_digit())
            && !name.text.is_empty();
        match node.tree.scalar() {
            _ if reserved.contains(&name.text.as_str()) => {
                let name_of = &name.text;
                table.mistake(name.place, format!("the label {name_of} is set by rules-gen itself or is one of the metrics: every alert would have the same"));
            }
            _ if !label_name => {
                table.mistake(name.place, "a label name has letters, digits and underscores, and no digit in front");
            }
            Some(value) => {
                labels.insert(name.text.clone(), value);
            }
            None => table.mistake(node.place, "a label has a single value"),
        }
    }
    labels
}

fn grouping(mut table: Table<'_>) -> Grouping {
    let default = Grouping::default();
    let grouping = Grouping {
        wait: table.duration("wait", true).unwrap_or(default.wait),
        interval: table.duration("interval", false).unwrap_or(default.interval),
        repeat: table.duration("repeat", false).unwrap_or(default.repeat),
    };
    if grouping.repeat < grouping.interval {
        table.mistake(table.place, "repeat must not be shorter than interval: Alertmanager repeats at intervals");
    }
    table.finish();
    grouping
}

fn alerts(table: &Table<'_>, signals: &[&'static Signal], found: &Found) -> BTreeMap<String, AlertOverride> {
    let known: Vec<&str> =
        signals.iter().flat_map(|signal| signal.alerts).map(|alert| alert.name).chain(META_ALERTS).collect();
    let mut all = BTreeMap::new();
    for (name, node) in table.entries() {
        if !known.contains(&name.text.as_str()) {
            let hint = hint(&name.text, &known);
            found.mistake(name.place, format!("unknown alert {}{hint}", name.text));
            continue;
        }
        let Some(mut table) = Table::of(node, &name.text, found) else { continue };
        let change = AlertOverride {
            pending: table.duration("for", true),
            keep_firing: table.duration("keepFiringFor", true),
            enabled: table.flag("enabled"),
        };
        let compares = signals
            .iter()
            .flat_map(|signal| signal.alerts)
            .any(|alert| alert.name == name.text && alert.when.needs_history());
        if let (Some(node), true) = (table.node("for"), compares && change.pending > Some(LONGEST_OF_HISTORY)) {
            table.mistake(
                node.place,
                "this alert compares with the past, and after a day the change is the past: for must be at most 12h",
            );
        }
        table.finish();
        all.insert(name.text.clone(), change);
    }
    all
}

/// What the API server would refuse is a mistake here.
fn name(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    let name = table.text(key)?;
    if let Some(node) = table.node(key)
        && !is_dns_subdomain(&name)
    {
        table.mistake(node.place, format!("{key}: a name has lower-case letters, digits, dashes and dots"));
    }
    Some(name)
}

/// Labels of an object.
fn object_labels(table: &mut Table<'_>, key: &'static str) -> BTreeMap<String, String> {
    let word = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.len() <= 63 && text.chars().all(good) && ends(text.chars().next()) && ends(text.chars().next_back())
    };
    let mut labels = BTreeMap::new();
    let Some(entries) = table.table(key) else { return labels };
    for (label, node) in entries.entries() {
        let (prefix, end) =
            label.text.rsplit_once('/').map_or((None, label.text.as_str()), |(prefix, end)| (Some(prefix), end));
        let value = node.tree.scalar();
        if !word(end) || !prefix.is_none_or(is_dns_subdomain) {
            table.mistake(
                label.place,
                format!("{:?} is no label that Kubernetes takes, such as release or example.com/team", label.text),
            );
        } else if let Some(value) = value.filter(|value| value.is_empty() || word(value)) {
            labels.insert(label.text.clone(), value);
        } else {
            table.mistake(node.place, "a label's value has up to 63 letters, digits, dashes, dots and underscores");
        }
    }
    labels
}

fn prometheus_rule(mut table: Table<'_>) -> PrometheusRule {
    let default = PrometheusRule::default();
    let rule = PrometheusRule {
        name: name(&mut table, "name").unwrap_or(default.name),
        namespace: namespace(&mut table, "namespace"),
        labels: object_labels(&mut table, "labels"),
    };
    table.finish();
    rule
}

fn alertmanager_config(mut table: Table<'_>) -> AlertmanagerConfig {
    let default = AlertmanagerConfig::default();
    let config = AlertmanagerConfig {
        name: name(&mut table, "name").unwrap_or(default.name),
        namespace: namespace(&mut table, "namespace"),
        labels: object_labels(&mut table, "labels"),
        secret: name(&mut table, "secret").unwrap_or(default.secret),
    };
    table.finish();
    config
}

fn dashboards(mut table: Table<'_>) -> Dashboards {
    let dashboards = Dashboards {
        namespace: namespace(&mut table, "namespace"),
        folder: table.text("folder"),
        instance_selector: object_labels(&mut table, "instanceSelector"),
    };
    table.finish();
    dashboards
}
