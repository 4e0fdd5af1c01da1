//! Who is told, where the pages point to, and what the operator changed about single alerts.

use super::receivers::{Email, Heartbeat, Maintenance, Webhook};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The section `alerting:`.
#[derive(Debug, Clone, Default)]
pub struct Alerting {
    /// Labels on every alert, for routing (`team: sre`).
    pub labels: BTreeMap<String, String>,
    /// Where the runbooks are published; a page links to `BASE/SIGNAL.md#ALERT`.
    pub runbook_base_url: Option<String>,
    /// Where Grafana is; a page links to `BASE/d/UID`.
    pub grafana_base_url: Option<String>,
    /// Critical alerts go here.
    pub pagerduty: Option<PagerDuty>,
    /// Warnings go here.
    pub slack: Option<Slack>,
    /// Told beside them.
    pub email: Option<Email>,
    /// Told beside them.
    pub webhook: Option<Webhook>,
    /// Hears the Watchdog.
    pub heartbeat: Option<Heartbeat>,
    /// When warnings wait.
    pub maintenance: Vec<Maintenance>,
    /// Where the jobs leave the written reports.
    pub reports: Option<WrittenReports>,
    /// Delays of the notification.
    pub grouping: Grouping,
    /// Changes to single alerts, by alert name.
    pub alerts: BTreeMap<String, AlertOverride>,
    /// The `PrometheusRule` object.
    pub prometheus_rule: PrometheusRule,
    /// The `AlertmanagerConfig` object.
    pub alertmanager_config: AlertmanagerConfig,
    /// The objects that carry dashboards.
    pub dashboards: Dashboards,
}

/// PagerDuty's Events API v2.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    /// The file, as Alertmanager sees it, that holds the integration key.
    pub routing_key_file: PathBuf,
    /// The endpoint, if it is not PagerDuty's own.
    pub url: Option<String>,
}

/// A Slack incoming webhook.
#[derive(Debug, Clone)]
pub struct Slack {
    /// The file, as Alertmanager sees it, that holds the webhook's address.
    pub webhook_url_file: PathBuf,
    /// The channel, for webhooks that may choose.
    pub channel: Option<String>,
}

/// Where the written reports of `rules-gen report` are left; at least one of both.
#[derive(Debug, Clone)]
pub struct WrittenReports {
    /// The file, as the jobs see it, that holds the address of a Slack incoming webhook.
    pub webhook_url_file: Option<PathBuf>,
    /// A folder for each report in every format.
    pub directory: Option<PathBuf>,
}

/// Alertmanager's delays.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// Wait for more alerts of a new group.
    pub wait: Duration,
    /// Between two messages about a changed group.
    pub interval: Duration,
    /// Until an unchanged group is told again.
    pub repeat: Duration,
}

/// What the operator changed about one alert.
#[derive(Debug, Clone, Default)]
pub struct AlertOverride {
    /// How long the condition must hold.
    pub pending: Option<Duration>,
    /// How long it keeps firing afterwards.
    pub keep_firing: Option<Duration>,
    /// Left out of the rules when false.
    pub enabled: Option<bool>,
}

/// Metadata of the `PrometheusRule` object.
#[derive(Debug, Clone)]
pub struct PrometheusRule {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its labels, which the operator's `ruleSelector` must match.
    pub labels: BTreeMap<String, String>,
}

/// Metadata of the `AlertmanagerConfig` object.
#[derive(Debug, Clone)]
pub struct AlertmanagerConfig {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its labels, which the operator's `alertmanagerConfigSelector` must match.
    pub labels: BTreeMap<String, String>,
    /// The secret beside it that holds every key and address, each under the name of its file.
    pub secret: String,
}

/// Metadata of the objects that carry dashboards.
#[derive(Debug, Clone, Default)]
pub struct Dashboards {
    /// Their namespace.
    pub namespace: Option<String>,
    /// The folder in Grafana.
    pub folder: Option<String>,
    /// Labels of the Grafana objects that show them.
    pub instance_selector: BTreeMap<String, String>,
}

impl Default for Grouping {
    /// Half a minute gathers what breaks together; five minutes is Prometheus' staleness and
    /// four hours the shift of a day, the defaults of Alertmanager.
    fn default() -> Self {
        Self { wait: Duration::from_secs(30), interval: Duration::from_mins(5), repeat: Duration::from_hours(4) }
    }
}

impl Default for PrometheusRule {
    fn default() -> Self {
        Self { name: "ops-checklist".to_owned(), namespace: None, labels: BTreeMap::new() }
    }
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            name: "ops-checklist".to_owned(),
            namespace: None,
            labels: BTreeMap::new(),
            secret: "ops-checklist-alerting".to_owned(),
        }
    }
}
