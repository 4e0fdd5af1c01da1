//! The time of the last rotation of each Secret. The values of Secrets are never read. Checklist: annual, "Secret
//! Rotation".

use crate::prelude::*;

pub static ROTATED: Metric = Metric::fact(
    "checklist_secret_last_rotation_timestamp_seconds",
    "Unix time of the last rotation, from the secret's annotation or its creation time.",
    &["namespace", "secret"],
);
pub static PRESENT: Metric =
    Metric::gauge("checklist_secret_present", "Whether the secret exists (1) or not (0).", &["namespace", "secret"]);

static MAX_AGE: Threshold = Threshold::above(
    "secrets.max_age",
    "age of the secret",
    Unit::Seconds,
    "The checklist rotates every secret once a year; a month of tolerance. An old secret still works, so this is a warning.",
)
.warning(335.0 * DAY);

pub static SIGNAL: Signal = Signal {
    id: "secrets",
    title: "Secret rotation",
    cadence: Cadence::Annual,
    section: "Secret Rotation",
    kind: TargetKind::Secrets,
    interval: minutes(60),
    max_series: 500,
    looks: &[Looks::at_some(Object::Secret)],
    metrics: &[&ROTATED, &PRESENT],
    thresholds: &[&MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistSecretMissing",
            when: When::Zero(of(&PRESENT)),
            summary: "A secret does not exist.",
            description: "Secret {{ $labels.namespace }}/{{ $labels.secret }} is configured in checklist.yaml but does not exist in the cluster.",
            ..WARNING
        },
        Alert {
            name: "ChecklistSecretNotRotated",
            when: When::Beyond(Value::Age(of(&ROTATED)), &MAX_AGE),
            pending: minutes(60),
            summary: "A secret was not rotated for more than a year.",
            description: "Secret {{ $labels.namespace }}/{{ $labels.secret }} was last rotated {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Secret age",
            description: "Time since each secret was last rotated.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&ROTATED))),
            legend: &["namespace", "secret"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
        Panel {
            title: "Secrets",
            description: "Whether each secret of checklist.yaml is in the cluster.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&PRESENT))),
            legend: &["namespace", "secret"],
            ..PANEL
        },
    ],
    access: &[Access::Kubernetes("", "secrets", &["get"])],
    runbook: include_str!("secrets.md"),
    ..BASE
};
