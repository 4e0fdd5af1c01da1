//! The largest tables, and the share of wasted space in them. Checklist: first Monday, "Check for bloat".

use crate::prelude::*;

const TABLE: &[&str] = &["database", "schema", "table"];

pub static BLOAT: Metric = Metric::gauge(
    "checklist_postgres_table_bloat_bytes",
    "Bytes of the table that hold no live row, by pgstattuple_approx where that is installed, else by the widths of its columns, else by its dead rows.",
    TABLE,
)
.sparse();
pub static TABLE_BYTES: Metric = Metric::gauge(
    "checklist_postgres_table_heap_bytes",
    "Size of the table's main storage, for tables above the size from which bloat matters.",
    TABLE,
)
.sparse();
pub static TOTAL: Metric = Metric::gauge(
    "checklist_postgres_table_total_bytes",
    "Size of the table with indexes and oversized values as of its last vacuum or analyze, the ten largest.",
    TABLE,
);

static SHARE: Threshold = Threshold::above(
    "bloat.share",
    "unused share of the table",
    Unit::Ratio,
    "A table that is half empty is read twice as long as it needs to be.",
)
.warning(0.5);

/// Also a parameter of the probe's query. Half of this size is a gigabyte.
pub static MIN_BYTES: Threshold = Threshold::above(
    "bloat.min_table_size",
    "size of the table",
    Unit::Bytes,
    "Below two gigabytes even a half-empty table wastes less than one.",
)
.warning(2.0 * GIB);

pub static SIGNAL: Signal = Signal {
    id: "bloat",
    title: "Bloat",
    cadence: Cadence::Monthly,
    section: "Database Maintenance",
    kind: TargetKind::Postgres,
    interval: minutes(60),
    max_series: 100,
    looks: &[Looks::at_any(Object::Table)],
    metrics: &[&BLOAT, &TABLE_BYTES, &TOTAL],
    thresholds: &[&SHARE, &MIN_BYTES],
    alerts: &[Alert {
        name: "ChecklistTableBloated",
        when: When::Beyond(Value::Share(of(&BLOAT), of(&TABLE_BYTES)), &SHARE),
        pending: minutes(60),
        summary: "Large table is bloated.",
        description: "{value} of {{ $labels.database }}.{{ $labels.schema }}.{{ $labels.table }} hold nothing; the limit is {limit}.",
        keep_firing: FAILOVER,
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Largest tables",
            description: "Size of the ten largest tables with indexes and oversized values.",
            query: PanelQuery::Value(Value::Of(of(&TOTAL))),
            unit: Unit::Bytes,
            legend: TABLE,
            ..PANEL
        },
        Panel {
            title: "Bloat",
            description: "Share of each large table that holds nothing.",
            query: PanelQuery::Value(Value::Share(of(&BLOAT), of(&TABLE_BYTES))),
            unit: Unit::Ratio,
            legend: TABLE,
            threshold: Some(&SHARE),
            ..PANEL
        },
    ],
    access: &[Access::SqlRole("pg_stat_scan_tables")],
    costly: Some("With pgstattuple it reads the pages of the ten largest tables that are not all-visible."),
    runbook: include_str!("bloat.md"),
    ..BASE
};
