//! Wednesday 3, "Verify audit logging is working": the newest event in the application's audit table.

use crate::prelude::*;

/// Whether there is any event.
pub static PRESENT: Metric =
    Metric::gauge("checklist_audit_event_present", "Whether the audit table holds an event (1) or not (0).", &[]);
/// The newest event.
pub static LAST: Metric = Metric::gauge(
    "checklist_audit_last_event_timestamp_seconds",
    "Unix time of the newest event in the audit table that is not in the future.",
    &[],
)
.sparse();
/// Events that are not yet.
pub static FUTURE: Metric = Metric::gauge(
    "checklist_audit_future_events",
    "Events in the audit table whose time is more than five minutes ahead, counted up to 1000.",
    &[],
);

static AHEAD: Threshold = Threshold::above(
    "audit_log.future_events",
    Unit::Count,
    "Clocks differ by seconds; an event of tomorrow is a wrong clock, a wrong zone or a forged row.",
)
.warning(0.0);

static SILENCE: Threshold = Threshold::above(
    "audit_log.silence",
    Unit::Seconds,
    "The checklist expects events within the last hour; four hours of silence are no quiet night.",
)
.warning(HOUR)
.critical(4.0 * HOUR);

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "audit_log",
    title: "Audit log",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::Application,
    max_series: 10,
    looks: &[Looks::at_any(Object::Event)],
    metrics: &[&PRESENT, &LAST, &FUTURE],
    thresholds: &[&SILENCE, &AHEAD],
    alerts: &[
        Alert {
            name: "ChecklistAuditLogEmpty",
            when: When::Zero(of(&PRESENT)),
            pending: minutes(15),
            summary: "Audit table is empty.",
            description: "The audit table of {{ $labels.target }} holds no event at all.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAuditLogSilent",
            when: When::Beyond(Value::Age(of(&LAST)), &SILENCE),
            summary: "Audit log is silent.",
            description: "The newest audit event of {{ $labels.target }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAuditEventsAhead",
            when: When::Beyond(Value::Of(of(&FUTURE)), &AHEAD),
            summary: "Audit events are in the future.",
            description: "{value} audit events of {{ $labels.target }} have a time more than five minutes ahead; they are not judged.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Newest audit event",
            description: "Time since the newest event in the audit table.",
            drawing: Drawing::Stat,
            shown: Shown::Value(Value::Age(of(&LAST))),
            unit: Unit::Seconds,
            threshold: Some(&SILENCE),
            ..PANEL
        },
        Panel {
            title: "Audit events in the future",
            description: "Events whose time is more than five minutes ahead.",
            shown: Shown::Value(Value::Of(of(&FUTURE))),
            threshold: Some(&AHEAD),
            ..PANEL
        },
        Panel {
            title: "Audit events",
            description: "Whether the audit table holds any event.",
            drawing: Drawing::Whether,
            shown: Shown::Value(Value::Of(of(&PRESENT))),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("audit_events", &["timestamp"]), Access::SqlIndex("audit_events", &["timestamp"])],
    runbook: include_str!("audit_log.md"),
    ..BASE
};
