//! Audit events and workflows that are older than their retention. Checklist: first Monday, "Data Cleanup".

use crate::prelude::*;

pub static OVERDUE: Metric = Metric::gauge(
    "checklist_retention_overdue_rows",
    "Rows older than the rule keeps them, counted up to 100000.",
    &["rule"],
);
pub static OLDEST: Metric = Metric::gauge(
    "checklist_retention_oldest_row_timestamp_seconds",
    "Unix time of the oldest row that the rule applies to.",
    &["rule"],
)
.sparse();

/// Also a parameter of the probe's query.
pub static AUDIT_KEPT: Threshold = Threshold::above(
    "retention.audit_events",
    "limit of the age of audit events",
    Unit::Seconds,
    "The checklist archives audit events older than 90 days.",
)
.warning(90.0 * DAY);

/// Also a parameter of the probe's query.
pub static WORKFLOWS_KEPT: Threshold = Threshold::above(
    "retention.workflows",
    "limit of the age of finished workflows",
    Unit::Seconds,
    "The checklist deletes finished workflows older than 30 days.",
)
.warning(30.0 * DAY);

static AUDIT_AGE: Threshold = Threshold::above(
    "retention.audit_events_age",
    "age of the oldest event",
    Unit::Seconds,
    "Ninety days, a month until the next cleanup, and five days of tolerance.",
)
.warning(126.0 * DAY);

static WORKFLOWS_AGE: Threshold = Threshold::above(
    "retention.workflows_age",
    "age of the oldest finished workflow",
    Unit::Seconds,
    "Thirty days, a month until the next cleanup, and five days of tolerance.",
)
.warning(66.0 * DAY);

const AUDIT_EVENTS: &[(&str, &[&str])] = &[("rule", &["audit_events"])];
const WORKFLOWS: &[(&str, &[&str])] = &[("rule", &["workflows"])];

pub static SIGNAL: Signal = Signal {
    id: "retention",
    title: "Data cleanup",
    cadence: Cadence::Monthly,
    section: "Data Cleanup",
    kind: TargetKind::Application,
    interval: minutes(30),
    max_series: 10,
    looks: &[Looks::at_any(Object::Row)],
    metrics: &[&OVERDUE, &OLDEST],
    thresholds: &[&AUDIT_KEPT, &WORKFLOWS_KEPT, &AUDIT_AGE, &WORKFLOWS_AGE],
    alerts: &[
        Alert {
            name: "ChecklistAuditEventsNotArchived",
            when: When::Beyond(Value::Age(of(&OLDEST).with(AUDIT_EVENTS)), &AUDIT_AGE),
            pending: minutes(60),
            summary: "Old audit events are not archived.",
            description: "The oldest audit event of {{ $labels.target }} is {value} old; the limit is {limit}.",
            keep_firing: FAILOVER,
            ..WARNING
        },
        Alert {
            name: "ChecklistWorkflowsNotCleaned",
            when: When::Beyond(Value::Age(of(&OLDEST).with(WORKFLOWS)), &WORKFLOWS_AGE),
            pending: minutes(60),
            summary: "Old workflows are not deleted.",
            description: "The oldest finished workflow of {{ $labels.target }} is {value} old; the limit is {limit}.",
            keep_firing: FAILOVER,
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Oldest audit event",
            description: "Age of the oldest audit event that was not archived.",
            query: PanelQuery::Value(Value::Age(of(&OLDEST).with(AUDIT_EVENTS))),
            threshold: Some(&AUDIT_AGE),
            ..PANEL
        },
        Panel {
            title: "Oldest finished workflow",
            description: "Age of the oldest finished workflow that was not deleted.",
            query: PanelQuery::Value(Value::Age(of(&OLDEST).with(WORKFLOWS))),
            threshold: Some(&WORKFLOWS_AGE),
            ..PANEL
        },
    ],
    access: &[
        Access::SqlColumns("audit_events", &["timestamp"]),
        Access::SqlColumns("workflows", &["status", "updated_at"]),
        Access::SqlIndex("audit_events", &["timestamp"]),
        Access::SqlIndex("workflows", &["updated_at"]),
    ],
    costly: Some("It reads up to 100,000 overdue entries of each of two tables, and more while an archive is missing."),
    runbook: include_str!("retention.md"),
    ..BASE
};
