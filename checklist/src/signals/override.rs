//! The emergency override, which puts routine work aside with a reason and an end. Checklist: "Emergency Override".

use crate::prelude::*;

pub static ACTIVE: Metric = Metric::gauge(
    "checklist_override_active",
    "Whether an emergency override is active (1) or not (0): it suppresses alerts of routine checks, also critical ones.",
    &[],
);
pub static UNTIL: Metric = Metric::gauge(
    "checklist_override_until_timestamp_seconds",
    "Unix time at which the emergency override ends by itself.",
    &[],
)
.sparse();
pub static SINCE: Metric = Metric::gauge(
    "checklist_override_since_timestamp_seconds",
    "Unix time at which the emergency override began.",
    &[],
)
.sparse();

static LASTS: Threshold = Threshold::above(
    "override.lasts",
    "time that the override has been active",
    Unit::Seconds,
    "After three days an override should end, and the suppressed routine work must be caught up on.",
)
.warning(72.0 * HOUR);

pub static SIGNAL: Signal = Signal {
    id: "override",
    title: "Emergency override",
    cadence: Cadence::Quarterly,
    section: "Disaster Recovery Drill",
    kind: TargetKind::Tasks,
    interval: seconds(30),
    max_series: 10,
    looks: &[Looks::at_any(Object::Record)],
    metrics: &[&ACTIVE, &UNTIL, &SINCE],
    thresholds: &[&LASTS],
    alerts: &[Alert {
        name: "ChecklistOverrideLong",
        when: When::Beyond(Value::Age(of(&SINCE)), &LASTS),
        pending: minutes(5),
        summary: "The emergency override is active for too long.",
        description: "Alerts of routine checks, also critical ones, have been suppressed for {value}; the limit is {limit}.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Emergency override",
            description: "1 while alerts of routine checks are suppressed.",
            query: PanelQuery::Value(Value::Of(of(&ACTIVE))),
            ..PANEL
        },
        Panel {
            title: "Duration of the override",
            description: "Time since the emergency override began.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&SINCE))),
            threshold: Some(&LASTS),
            ..PANEL
        },
    ],
    runbook: include_str!("override.md"),
    ..BASE
};
