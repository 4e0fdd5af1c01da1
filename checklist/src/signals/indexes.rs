//! Indexes that are invalid, unused or duplicates. Checklist: first Monday, "Reindex".

use crate::prelude::*;

pub static INVALID: Metric = Metric::gauge(
    "checklist_postgres_invalid_indexes",
    "Indexes of the database that an interrupted build left invalid.",
    &["database"],
);
pub static UNUSED: Metric = Metric::gauge(
    "checklist_postgres_unused_index_bytes",
    "Size of the indexes that were never scanned since the statistics began and enforce no constraint.",
    &["database"],
);
pub static DUPLICATE: Metric = Metric::gauge(
    "checklist_postgres_duplicate_index_bytes",
    "Size of the indexes that have the same definition as another index of the table.",
    &["database"],
);

static BROKEN: Threshold = Threshold::above(
    "indexes.invalid",
    "invalid indexes",
    Unit::Count,
    "An invalid index is updated on every write but never used, so one is too many.",
)
.warning(0.0);

pub static SIGNAL: Signal = Signal {
    id: "indexes",
    title: "Indexes",
    cadence: Cadence::Monthly,
    section: "Database Maintenance",
    kind: TargetKind::Postgres,
    interval: minutes(15),
    max_series: 10,
    looks: &[Looks::at_some(Object::Database)],
    metrics: &[&INVALID, &UNUSED, &DUPLICATE],
    thresholds: &[&BROKEN],
    alerts: &[Alert {
        name: "ChecklistIndexInvalid",
        when: When::Beyond(Value::Of(of(&INVALID)), &BROKEN),
        pending: minutes(60),
        summary: "An index is invalid.",
        description: "Database {{ $labels.database }} of {{ $labels.target }} has {value} invalid indexes.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Unused indexes",
            description: "Size of the indexes that were never scanned since the statistics began.",
            query: PanelQuery::Value(Value::Of(of(&UNUSED))),
            legend: &["target", "database"],
            ..PANEL
        },
        Panel {
            title: "Duplicate indexes",
            description: "Size of the indexes that have the same definition as another one.",
            query: PanelQuery::Value(Value::Of(of(&DUPLICATE))),
            legend: &["target", "database"],
            ..PANEL
        },
        Panel {
            title: "Invalid indexes",
            description: "Indexes that an interrupted build left invalid.",
            query: PanelQuery::Value(Value::Of(of(&INVALID))),
            legend: &["target", "database"],
            threshold: Some(&BROKEN),
            ..PANEL
        },
    ],
    access: &[Access::SqlRole("pg_read_all_stats")],
    runbook: include_str!("indexes.md"),
    ..BASE
};
