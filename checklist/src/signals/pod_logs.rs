//! Wednesday 3, "Verify audit logging is working": audit lines in the logs of the application's pods.

use crate::prelude::*;

const SOURCE: &[&str] = &["namespace", "selector"];

/// Audit lines seen.
pub static LINES: Metric =
    Metric::counter("checklist_audit_log_lines_total", "Audit lines read from the logs of the pods.", SOURCE);
/// Whether there was one at all.
pub static SEEN: Metric = Metric::gauge(
    "checklist_audit_log_seen",
    "Whether the logs of the pods hold an audit line of the last hour or held one since the exporter started (1) or not (0).",
    SOURCE,
);
/// The newest one.
pub static LAST: Metric = Metric::gauge(
    "checklist_audit_log_last_line_timestamp_seconds",
    "Unix time of the newest audit line in the logs of the pods.",
    SOURCE,
)
.sparse();

static SILENCE: Threshold = Threshold::above(
    "pod_logs.silence",
    Unit::Seconds,
    "The checklist expects audit lines within the last hour; four hours of silence are no quiet night.",
)
.warning(HOUR)
.critical(4.0 * HOUR);

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "pod_logs",
    title: "Audit lines in pod logs",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::PodLogs,
    interval: minutes(5),
    timeout: seconds(60),
    max_series: 100,
    looks: &[Looks::at_some(Object::Log)],
    metrics: &[&LINES, &SEEN, &LAST],
    thresholds: &[&SILENCE],
    alerts: &[
        Alert {
            name: "ChecklistAuditLinesMissing",
            when: When::Zero(of(&SEEN)),
            pending: minutes(15),
            summary: "Pods write no audit lines.",
            description: "No pod {{ $labels.selector }} in {{ $labels.namespace }} wrote an audit line within the last hour.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAuditLinesSilent",
            when: When::Beyond(Value::Age(of(&LAST)), &SILENCE),
            summary: "Pods stopped writing audit lines.",
            description: "The newest audit line of pods {{ $labels.selector }} in {{ $labels.namespace }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Audit lines",
            description: "Audit lines per second in the logs of the pods.",
            shown: Shown::Expression(|scope| scope.over("rate", &LINES, "$__rate_interval"), &[&LINES]),
            legend: &["namespace", "selector"],
            ..PANEL
        },
        Panel {
            title: "Audit lines seen",
            description: "Whether the logs of the pods hold audit lines at all.",
            drawing: Drawing::Whether,
            shown: Shown::Value(Value::Of(of(&SEEN))),
            legend: SOURCE,
            ..PANEL
        },
        Panel {
            title: "Newest audit line",
            description: "Time since the newest audit line in the logs of the pods.",
            drawing: Drawing::Stat,
            shown: Shown::Value(Value::Age(of(&LAST))),
            unit: Unit::Seconds,
            legend: SOURCE,
            threshold: Some(&SILENCE),
        },
    ],
    access: &[Access::Kubernetes("", "pods", &["list"]), Access::Kubernetes("", "pods/log", &["get"])],
    runbook: include_str!("pod_logs.md"),
    ..BASE
};
