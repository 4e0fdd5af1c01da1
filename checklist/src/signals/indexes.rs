//! Indexes that are invalid, unused or duplicates. Checklist: first Monday, "Reindex".

use crate::prelude::*;

pub static INVALID: Metric = Metric::gauge(
    "checklist_postgres_invalid_indexes",
    "Indexes of the database that an interrupted build left invalid.",
    &["database"],
);
pub static UNUSED: Metric = Metric::gauge(
    "checklist_postgres_unused_index_bytes",
    "Size of the indexes that were never scanned since statistics began and enforce nothing.",
    &["database"],
);
pub static DUPLICATE: Metric = Metric::gauge(
    "checklist_postgres_duplicate_index_bytes",
    "Size of the indexes whose definition another index of the same table has too.",
    &["database"],
);

static BROKEN: Threshold = Threshold::above(
    "indexes.invalid",
    "invalid indexes",
    Unit::Count,
    "An invalid index is written to and never read: one is too many.",
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
        summary: "Index is invalid.",
        description: "Database {{ $labels.database }} has {value} invalid indexes.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Unused indexes",
            description: "Size of the indexes that were never scanned since statistics began.",
            query: PanelQuery::Value(Value::Of(of(&UNUSED))),
            unit: Unit::Bytes,
            legend: &["target", "database"],
            ..PANEL
        },
        Panel {
            title: "Duplicate indexes",
            description: "Size of the indexes that another one makes needless.",
            query: PanelQuery::Value(Value::Of(of(&DUPLICATE))),
            unit: Unit::Bytes,
            legend: &["target", "database"],
            ..PANEL
        },
        Panel {
            title: "Invalid indexes",
            description: "Indexes that an interrupted build left behind.",
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
