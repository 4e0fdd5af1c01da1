//! Users who were refused more than ten times in a week. Checklist: Wednesday 2, "Check for permission violations".

use crate::prelude::*;

pub static DENIED: Metric = Metric::gauge(
    "checklist_permission_denied",
    "Refused permissions in the audit log within the sliding window.",
    &["window"],
);
pub static USERS: Metric = Metric::gauge(
    "checklist_permission_denied_users",
    "Users who were refused more often within seven days than the limit allows.",
    &[],
);
/// The name of the user stays in the database.
pub static WORST: Metric = Metric::gauge(
    "checklist_permission_denied_worst_user",
    "Highest number of refused permissions of one user within seven days.",
    &[],
);

/// Also a parameter of the probe's query.
pub static PER_USER: Threshold = Threshold::above(
    "permission_denied.per_user",
    "refusals of one user within seven days",
    Unit::Count,
    "The checklist looks at users with more than ten violations in seven days.",
)
.warning(10.0);

pub static SIGNAL: Signal = Signal {
    id: "permission_denied",
    title: "Permission violations",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::Application,
    interval: minutes(5),
    max_series: 10,
    looks: &[Looks::at_any(Object::Event)],
    metrics: &[&DENIED, &USERS, &WORST],
    thresholds: &[&PER_USER],
    alerts: &[Alert {
        name: "ChecklistPermissionViolations",
        when: When::Beyond(Value::Of(of(&WORST)), &PER_USER),
        summary: "A user has many refused permissions.",
        description: "One user of {{ $labels.target }} was refused permission {value} times within seven days; the limit is {limit}.",
        keep_firing: FAILOVER,
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Refused permissions",
            description: "Refused permissions within an hour, a day and a week.",
            query: PanelQuery::Value(Value::Of(of(&DENIED))),
            legend: &["target", "window"],
            ..PANEL
        },
        Panel {
            title: "Refusals of one user",
            description: "Highest number of refused permissions of one user within seven days.",
            query: PanelQuery::Value(Value::Of(of(&WORST))),
            threshold: Some(&PER_USER),
            ..PANEL
        },
    ],
    access: &[
        Access::SqlColumns("audit_events", &["event_type", "timestamp", "user_id"]),
        Access::SqlIndex("audit_events", &["event_type", "timestamp"]),
    ],
    costly: Some("Every run reads the week's events of the audit table twice, once grouped by user."),
    runbook: include_str!("permission_denied.md"),
    ..BASE
};
