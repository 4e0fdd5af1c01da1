//! Routing: critical alerts page, warnings go to the chat, a critical silences its own warning.

use crate::rules::prometheus_duration;
use checklist::Config;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The configuration of Alertmanager.
pub fn configuration(config: &Config) -> Value {
    let alerting = &config.alerting;
    let (critical, warning) = (receiver(config, "critical"), receiver(config, "warning"));
    let route = |matcher: &str, receiver: &str| json!({"matchers": [matcher], "receiver": receiver});
    json!({
        "route": {
            "receiver": warning,
            // One message per check and target: what breaks together is told together,
            // and nothing else is held back by it.
            "group_by": ["alertname", "check", "target"],
            "group_wait": prometheus_duration(alerting.grouping.wait),
            "group_interval": prometheus_duration(alerting.grouping.interval),
            "repeat_interval": prometheus_duration(alerting.grouping.repeat),
            "routes": [
                route("severity=\"none\"", "nobody"),
                route("severity=\"critical\"", critical),
                route("severity=\"warning\"", warning),
            ],
        },
        "inhibit_rules": [
            {
                // Every label of the catalog must agree, so that a page about one pod, table or task never hides a
                // warning about another.
                "source_matchers": ["severity=\"critical\""],
                "target_matchers": ["severity=\"warning\""],
                "equal": labels(config),
            },
            {
                // Routine work waits during an emergency; what users feel now, and every page, does not.
                "source_matchers": ["alertname=\"ChecklistEmergencyOverride\""],
                "target_matchers": ["severity=\"warning\"", "cadence=~\"weekly|monthly|quarterly|annual\"", "alertname!=\"ChecklistOverrideLong\""],
            },
            {
                "source_matchers": ["alertname=\"ChecklistExporterMissing\""],
                "target_matchers": ["alertname=\"ChecklistCheckMissing\""],
            },
        ],
        "receivers": receivers(config),
    })
}

/// The receiver of a severity.
pub fn receiver(config: &Config, severity: &str) -> &'static str {
    match (severity, &config.alerting.pagerduty, &config.alerting.slack) {
        ("none", ..) | (_, None, None) => "nobody",
        ("critical", Some(_), _) | (_, Some(_), None) => "pagerduty",
        (_, _, Some(_)) => "slack",
    }
}

/// Every label that an alert of the configured signals can have beyond those of its rule.
pub(crate) fn labels(config: &Config) -> BTreeSet<&'static str> {
    let judged = config.signals().filter(|signal| !config.targets(signal).is_empty());
    let of_metrics = judged.flat_map(|signal| signal.metrics).flat_map(|metric| metric.labels).copied();
    of_metrics.chain(["check", "target"]).collect()
}

fn receivers(config: &Config) -> Vec<Value> {
    let mut receivers = vec![json!({"name": "nobody"})];
    if let Some(pagerduty) = &config.alerting.pagerduty {
        let mut receiver = json!({
            "routing_key_file": pagerduty.routing_key_file,
            "send_resolved": true,
            "client": "ops-checklist",
            "description": "{{ .CommonAnnotations.summary }} {{ .GroupLabels.check }} {{ .GroupLabels.target }}",
            "severity": "{{ if eq .CommonLabels.severity \"critical\" }}critical{{ else }}warning{{ end }}",
            "class": "{{ .GroupLabels.alertname }}",
            "component": "{{ .GroupLabels.check }}",
            "details": {
                "description": "{{ range .Alerts }}{{ .Annotations.description }}\n{{ end }}",
                "runbook": "{{ .CommonAnnotations.runbook_url }}",
            },
        });
        if let Some(url) = &pagerduty.url {
            receiver["url"] = json!(url);
        }
        if config.alerting.runbook_base_url.is_some() {
            receiver["links"] = json!([{"href": "{{ .CommonAnnotations.runbook_url }}", "text": "Runbook"}]);
        }
        receivers.push(json!({"name": "pagerduty", "pagerduty_configs": [receiver]}));
    }
    if let Some(slack) = &config.alerting.slack {
        let mut receiver = json!({
            "api_url_file": slack.webhook_url_file,
            "send_resolved": true,
            "title": "[{{ .Status | toUpper }}] {{ .CommonAnnotations.summary }} {{ .GroupLabels.check }} {{ .GroupLabels.target }}",
            "title_link": "{{ .CommonAnnotations.runbook_url }}",
            "text": "{{ range .Alerts }}{{ .Annotations.description }}\n{{ end }}",
        });
        if let Some(channel) = &slack.channel {
            receiver["channel"] = json!(channel);
        }
        receivers.push(json!({"name": "slack", "slack_configs": [receiver]}));
    }
    receivers
}
