//! The largest tables, and the share of wasted space in them. Checklist: first Monday, "Check for bloat".

use crate::prelude::*;

const TABLE: &[&str] = &["database", "schema", "table"];

pub static BLOAT: Metric = Metric::gauge(
    "checklist_postgres_table_bloat_bytes",
    "Bytes of the table without live rows: from pgstattuple_approx where it is installed, else estimated by the widths of the columns, else by dead rows.",
    TABLE,
)
.sparse();
pub static TABLE_BYTES: Metric = Metric::gauge(
    "checklist_postgres_table_heap_bytes",
    "Size of the main storage of the table, for tables above the minimum size for bloat.",
    TABLE,
)
.sparse();
pub static TOTAL: Metric = Metric::gauge(
    "checklist_postgres_table_total_bytes",
    "Size of the table with indexes and TOAST as of its last vacuum or analyze, for the ten largest tables.",
    TABLE,
);

/// Also a parameter of the probe's query.
pub static SHARE: Threshold = Threshold::above(
    "bloat.share",
    "unused share of the table",
    Unit::Ratio,
    "Reading a table that is half empty takes twice as long as necessary.",
)
.warning(0.5);

/// Also a parameter of the probe's query. Half of this size is a gigabyte.
pub static MIN_BYTES: Threshold = Threshold::above(
    "bloat.min_table_size",
    "size of the table",
    Unit::Bytes,
    "A half-empty table below two gigabytes wastes less than one.",
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
        summary: "A large table is bloated.",
        description: "{value} of {{ $labels.database }}.{{ $labels.schema }}.{{ $labels.table }} of {{ $labels.target }} are unused space; the limit is {limit}.",
        keep_firing: FAILOVER,
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Largest tables",
            description: "Size of the ten largest tables with indexes and TOAST.",
            query: PanelQuery::Value(Value::Of(of(&TOTAL))),
            legend: TABLE,
            ..PANEL
        },
        Panel {
            title: "Bloat",
            description: "Share of unused space in each large table.",
            query: PanelQuery::Value(Value::Share(of(&BLOAT), of(&TABLE_BYTES))),
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
