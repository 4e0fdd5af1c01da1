//! The section `alerting:`: receivers, addresses that notifications link to, and changes to single alerts.

use super::objects::{self, AlertmanagerConfig, Dashboards, PrometheusRule};
use super::receivers::{self, Email, Heartbeat, Maintenance, Webhook};
use crate::reader::keys::{Key, Kind, Names, Rule, Section};
use crate::reader::table::Table;
use crate::signal::Signal;
use crate::targets::parts::HTTP;
use crate::yaml::{hint, word};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The values of the section `alerting:`.
#[derive(Debug, Clone)]
pub struct Alerting {
    /// Labels added to every alert, for routing (`team: sre`).
    pub labels: BTreeMap<String, String>,
    /// The address of the published runbooks. A notification links to `BASE/SIGNAL.md#ALERT`.
    pub runbook_base_url: Option<String>,
    /// The address of Grafana. A notification links to `BASE/d/UID`.
    pub grafana_base_url: Option<String>,
    /// The receiver of critical alerts.
    pub pagerduty: Option<PagerDuty>,
    /// The receiver of warnings.
    pub slack: Option<Slack>,
    /// An additional receiver.
    pub email: Option<Email>,
    /// An additional receiver.
    pub webhook: Option<Webhook>,
    /// The receiver of the Watchdog alert.
    pub heartbeat: Option<Heartbeat>,
    /// Windows of time in which warnings are held back.
    pub maintenance: Vec<Maintenance>,
    /// Where the jobs put the written reports.
    pub reports: Option<WrittenReports>,
    /// Alertmanager's delays of notifications.
    pub grouping: Grouping,
    /// Changes to single alerts, by alert name.
    pub alerts: BTreeMap<String, AlertOverride>,
    /// Metadata of the `PrometheusRule` object.
    pub prometheus_rule: PrometheusRule,
    /// Metadata of the `AlertmanagerConfig` object.
    pub alertmanager_config: AlertmanagerConfig,
    /// Metadata of the objects that carry dashboards.
    pub dashboards: Dashboards,
}

/// A receiver that uses PagerDuty's Events API v2.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    /// The file with the integration key, by its path on Alertmanager's host.
    pub routing_key_file: PathBuf,
    /// The endpoint. `None`: PagerDuty's default.
    pub url: Option<String>,
}

/// A Slack incoming webhook.
#[derive(Debug, Clone)]
pub struct Slack {
    /// The file with the address of the webhook, by its path on Alertmanager's host.
    pub webhook_url_file: PathBuf,
    /// The channel, for webhooks that may choose one.
    pub channel: Option<String>,
}

/// Where `rules-gen report` puts its reports. At least one of the two is set.
#[derive(Debug, Clone)]
pub struct WrittenReports {
    /// The file with the address of a Slack incoming webhook, by its path in the jobs.
    pub webhook_url_file: Option<PathBuf>,
    /// The directory for the reports, one file for each format.
    pub directory: Option<PathBuf>,
}

/// Alertmanager's delays of notifications.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// How long to wait for further alerts of a new group (`group_wait`).
    pub wait: Duration,
    /// The time between two notifications of a changed group (`group_interval`).
    pub interval: Duration,
    /// The time until the notification of an unchanged group is repeated (`repeat_interval`).
    pub repeat: Duration,
}

/// The operator's changes to one alert.
#[derive(Debug, Clone)]
pub struct AlertOverride {
    /// The pending time (`for`).
    pub pending: Option<Duration>,
    /// How long the alert keeps firing after the condition ended (`keep_firing_for`).
    pub keep_firing: Option<Duration>,
    /// False when the alert is left out of the rules.
    pub enabled: bool,
}

/// The alerts about the exporter itself, which belong to no signal.
pub const META_ALERTS: [&str; 19] = [
    "ChecklistCheckIncomplete",
    "ChecklistCheckMissing",
    "ChecklistCheckOverdue",
    "ChecklistConfigBroken",
    "ChecklistEmergencyOverride",
    "ChecklistExporterMissing",
    "ChecklistExporterRestarts",
    "ChecklistLeaseNotHeld",
    "ChecklistOutageToday",
    "ChecklistRecentOutage",
    "ChecklistRulesOutdated",
    "ChecklistSeriesDropped",
    "ChecklistShardMissing",
    "ChecklistShardsDiffer",
    "ChecklistSourceMissing",
    "ChecklistTargetUnreachable",
    "ChecklistTargetUnsteady",
    "ChecklistWatchdog",
    "ChecklistWebConfigBroken",
];

/// The longest pending time of alerts that compare with the past. They look back at least one day, so with a pending
/// time of a day a change would be compared with itself.
const LONGEST_OF_HISTORY: Duration = Duration::from_hours(12);

/// Label names that are set by the exporter, by every scrape or by every rule.
pub(super) const RESERVED: [&str; 7] = ["alertname", "cadence", "check", "instance", "job", "severity", "target"];

const URL: Key = Key::new("url", Kind::Form(&HTTP), "The URL of an events endpoint other than PagerDuty's own.")
    .otherwise("that of PagerDuty")
    .example("https://events.eu.pagerduty.com/v2/enqueue");

static PAGERDUTY: Section = Section {
    what: "pagerduty",
    keys: &[&[
        Key::new("routingKeyFile", Kind::Path, "The file, as Alertmanager sees it, that holds the integration key.")
            .required()
            .example("/etc/alertmanager/secrets/pagerduty-key"),
        URL,
    ]],
    rules: &[],
};

static SLACK: Section = Section {
    what: "slack",
    keys: &[&[
        Key::new(
            "webhookUrlFile",
            Kind::Path,
            "The file, as Alertmanager sees it, that holds the address of the webhook.",
        )
        .required()
        .example("/etc/alertmanager/secrets/slack-url"),
        Key::new("channel", Kind::Text, "The channel, for webhooks that allow choosing it.")
            .otherwise("that of the webhook")
            .example("'#ops'"),
    ]],
    rules: &[],
};

static REPORTS: Section = Section {
    what: "reports",
    keys: &[&[
        Key::new(
            "webhookUrlFile",
            Kind::Path,
            "The file, as the jobs see it, that holds the address of a Slack incoming webhook.",
        )
        .example("/etc/checklist/secrets/slack-reports"),
        Key::new("directory", Kind::Path, "A folder for each report in every format.")
            .example("/var/lib/checklist/written"),
    ]],
    rules: &[Rule::Any(
        &["webhookUrlFile", "directory"],
        "set webhookUrlFile, directory or both, where the reports go",
    )],
};

static GROUPING: Section = Section {
    what: "grouping",
    keys: &[&[
        Key::new(
            "wait",
            Kind::Wait,
            "How long a new group waits for more alerts, so that alerts of one fault are sent together.",
        )
        .default("30s")
        .example("1m"),
        Key::new("interval", Kind::Duration, "The time between two notifications of a changed group.")
            .default("5m")
            .example("10m"),
        Key::new("repeat", Kind::Duration, "The time until the notification of an unchanged group is repeated.")
            .default("4h")
            .example("12h"),
    ]],
    rules: &[],
};

static CHANGE: Section = Section {
    what: "an alert",
    keys: &[&[
        Key::new("for", Kind::Wait, "How long the condition must hold before the alert fires.")
            .otherwise("that of the catalog")
            .example("30m"),
        Key::new(
            "keepFiringFor",
            Kind::Wait,
            "How long the alert keeps firing after the condition has ended, to avoid flapping.",
        )
        .otherwise("that of the catalog")
        .example("10m"),
        Key::new("enabled", Kind::Flag, "Whether a rule is generated for the alert.").default("true").example("false"),
    ]],
    rules: &[],
};

pub(super) static SECTION: Section = Section {
    what: "alerting",
    keys: &[&[
        Key::new("labels", Kind::Map(&Kind::Scalar), "Labels on every alert, for routing.").example("{team: sre}"),
        Key::new(
            "runbookBaseUrl",
            Kind::Form(&HTTP),
            "Where the runbooks are published; a page links to `BASE/SIGNAL.md#ALERT`.",
        )
        .otherwise("pages have no link to a runbook")
        .example("https://runbooks.example.com/ops-checklist"),
        Key::new("grafanaBaseUrl", Kind::Form(&HTTP), "Where Grafana is; a page links to `BASE/d/UID`.")
            .otherwise("pages have no link to a dashboard")
            .example("https://grafana.example.com"),
        Key::new("pagerduty", Kind::Table(&PAGERDUTY), "Critical alerts go to PagerDuty.")
            .example("{routingKeyFile: /etc/alertmanager/secrets/pagerduty-key}"),
        Key::new("slack", Kind::Table(&SLACK), "Warnings go to Slack.")
            .example("{webhookUrlFile: /etc/alertmanager/secrets/slack-url}"),
        Key::new("email", Kind::Table(&receivers::EMAIL), "E-mail, in addition to PagerDuty and Slack.")
            .example("{to: ops@example.com, from: alerts@example.com, smarthost: 'smtp.example.com:587'}"),
        Key::new("webhook", Kind::Table(&receivers::WEBHOOK), "A webhook that accepts the JSON of Alertmanager.")
            .example("{url: 'https://hooks.example.com/alerts'}"),
        Key::new(
            "heartbeat",
            Kind::Table(&receivers::HEARTBEAT),
            "An external dead man's switch, which alerts when the Watchdog notifications stop.",
        )
        .example("{urlFile: /etc/alertmanager/secrets/heartbeat-url}"),
        Key::new(
            "maintenance",
            Kind::List(&Kind::Table(&receivers::MAINTENANCE), false),
            "Maintenance windows in which warnings are muted. Critical alerts are always sent.",
        )
        .example("[{name: sunday-night, weekdays: [sunday], times: [{from: '22:00', to: '02:00'}]}]"),
        Key::new("reports", Kind::Table(&REPORTS), "Where the jobs send or store the reports of `rules-gen report`.")
            .example("{directory: /var/lib/checklist/written}"),
        Key::new("grouping", Kind::Table(&GROUPING), "The grouping delays of Alertmanager.").example("{wait: 1m}"),
        Key::new("alerts", Kind::By(Names::Alerts, &Kind::Table(&CHANGE)), "Changes to single alerts.")
            .example("{ChecklistBackupStale: {for: 30m}}"),
        Key::new("prometheusRule", Kind::Table(&objects::PROMETHEUS_RULE), "The `PrometheusRule` object.")
            .example("{namespace: monitoring}"),
        Key::new("alertmanagerConfig", Kind::Table(&objects::ALERTMANAGER_CONFIG), "The `AlertmanagerConfig` object.")
            .example("{namespace: monitoring}"),
        Key::new("dashboards", Kind::Table(&objects::DASHBOARDS), "The objects that contain the dashboards.")
            .example("{folder: Operations}"),
    ]],
    rules: &[],
};

/// Returns an address without its trailing slash, because a path is appended.
fn base(table: &Table<'_>, key: &'static str) -> Option<String> {
    table.text(key).map(|url| url.trim_end_matches('/').to_owned())
}

pub(super) fn read(table: &Table<'_>, signals: &[&'static Signal]) -> Option<Alerting> {
    let of_metrics = signals.iter().flat_map(|signal| signal.metrics).flat_map(|metric| metric.labels).copied();
    let reserved: Vec<&str> = RESERVED.into_iter().chain(of_metrics).collect();
    let pagerduty = |table: Table<'_>| {
        Some(PagerDuty { routing_key_file: table.path("routingKeyFile")?, url: base(&table, "url") })
    };
    let slack = |table: Table<'_>| {
        Some(Slack { webhook_url_file: table.path("webhookUrlFile")?, channel: table.text("channel") })
    };
    let reports = |table: Table<'_>| WrittenReports {
        webhook_url_file: table.path("webhookUrlFile"),
        directory: table.path("directory"),
    };
    let alerts = alerts(table, signals);
    if table.node("heartbeat").is_some() && alerts.get("ChecklistWatchdog").is_some_and(|watchdog| !watchdog.enabled) {
        let off = "the heartbeat is the alert ChecklistWatchdog, which is switched off under alerts:";
        table.mistake_at("heartbeat", off);
    }
    Some(Alerting {
        labels: labels(table, &reserved),
        runbook_base_url: base(table, "runbookBaseUrl"),
        grafana_base_url: base(table, "grafanaBaseUrl"),
        pagerduty: table.table("pagerduty").and_then(pagerduty),
        slack: table.table("slack").and_then(slack),
        email: table.table("email").and_then(|table| Email::read(&table)),
        webhook: table.table("webhook").and_then(|table| Webhook::read(&table)),
        heartbeat: table.table("heartbeat").and_then(|table| Heartbeat::read(&table)),
        maintenance: receivers::maintenance(table),
        reports: table.table("reports").map(reports),
        grouping: grouping(&table.table_or_empty("grouping"))?,
        alerts,
        prometheus_rule: PrometheusRule::read(&table.table_or_empty("prometheusRule"))?,
        alertmanager_config: AlertmanagerConfig::read(&table.table_or_empty("alertmanagerConfig"))?,
        dashboards: Dashboards::read(&table.table_or_empty("dashboards")),
    })
}

/// Reads the labels that are added to every alert.
fn labels(table: &Table<'_>, reserved: &[&str]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, node) in table.entries("labels") {
        let text = name.scalar().unwrap_or_default();
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_label = text.chars().all(good) && !text.starts_with(|c: char| c.is_ascii_digit()) && !text.is_empty();
        if reserved.contains(&text) {
            table.mistake(name.place, format!("the label {text} is set by rules-gen or is a label of the metrics, so it cannot have the same value on every alert"));
        } else if !is_label {
            table.mistake(
                name.place,
                "a label name has only letters, digits and underscores, and does not begin with a digit",
            );
        } else if let Some(value) = node.scalar() {
            labels.insert(text.to_owned(), value.to_owned());
        }
    }
    labels
}

fn grouping(table: &Table<'_>) -> Option<Grouping> {
    let (wait, interval, repeat) = (table.duration("wait")?, table.duration("interval")?, table.duration("repeat")?);
    if repeat < interval {
        table.mistake(
            table.place,
            "repeat must not be shorter than interval, because Alertmanager repeats only at intervals",
        );
    }
    Some(Grouping { wait, interval, repeat })
}

/// Reads the changes to single alerts.
fn alerts(table: &Table<'_>, signals: &[&'static Signal]) -> BTreeMap<String, AlertOverride> {
    let of_signals = || signals.iter().flat_map(|signal| signal.alerts);
    let known: Vec<&str> = of_signals().map(|alert| alert.name).chain(META_ALERTS).collect();
    let mut all = BTreeMap::new();
    for (name, own) in table.named_tables("alerts") {
        let text = name.scalar().unwrap_or_default();
        if !known.contains(&text) {
            let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
            table.mistake(name.place, format!("unknown alert{shown}{}", hint(text, &known)));
            continue;
        }
        let change = AlertOverride {
            pending: own.duration("for"),
            keep_firing: own.duration("keepFiringFor"),
            enabled: own.flag("enabled"),
        };
        let compares = of_signals().any(|alert| alert.name == text && alert.when.needs_history());
        if compares && change.pending > Some(LONGEST_OF_HISTORY) {
            let late = "for must be at most 12h: this alert compares with the past, and a change that lasts longer becomes the past";
            own.mistake_at("for", late);
        }
        all.insert(text.to_owned(), change);
    }
    all
}
