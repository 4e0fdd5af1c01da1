//! Vacuum and analyze of large tables, and the age of transaction ids. Checklist: first Monday, "VACUUM and ANALYZE"
//! and "Update statistics".

use crate::prelude::*;

const TABLE: &[&str] = &["database", "schema", "table"];

pub static LAST_VACUUM: Metric = Metric::gauge(
    "checklist_postgres_table_last_vacuum_timestamp_seconds",
    "Unix time of the last vacuum of the large table, manual or automatic, absent if there was none.",
    TABLE,
)
.sparse();
pub static LAST_ANALYZE: Metric = Metric::gauge(
    "checklist_postgres_table_last_analyze_timestamp_seconds",
    "Unix time of the last analyze of the large table, manual or automatic, absent if nothing has changed since.",
    TABLE,
)
.sparse();
pub static DEAD: Metric = Metric::gauge(
    "checklist_postgres_table_dead_rows",
    "Dead rows of the large table by the server's estimate.",
    TABLE,
)
.sparse();
pub static ROWS: Metric = Metric::gauge(
    "checklist_postgres_table_rows",
    "Live and dead rows of the large table by the server's estimate.",
    TABLE,
)
.sparse();
pub static XID_AGE: Metric = Metric::gauge(
    "checklist_postgres_transaction_id_age",
    "Age of the oldest transaction id, or multixact id if it is older, in the database.",
    &["database"],
);
pub static NEVER: Metric = Metric::gauge(
    "checklist_postgres_never_vacuumed_tables",
    "Large tables of the database that were never vacuumed since its statistics began, although they have dead rows.",
    &["database"],
)
.sparse();
pub static NEVER_ANALYZED: Metric = Metric::gauge(
    "checklist_postgres_never_analyzed_tables",
    "Large tables of the database that were never analyzed since its statistics began, although they changed.",
    &["database"],
)
.sparse();

static DEAD_SHARE: Threshold = Threshold::above(
    "maintenance.dead_share",
    "share of dead rows",
    Unit::Ratio,
    "Autovacuum starts at 20% dead rows; a large table that stays above is not being vacuumed.",
)
.warning(0.20);

static ANALYZED: Threshold = Threshold::above(
    "maintenance.analyzed",
    "time since the last ANALYZE",
    Unit::Seconds,
    "The checklist updates statistics once a month; five days of tolerance.",
)
.warning(35.0 * DAY);

static UNVACUUMED: Threshold = Threshold::above(
    "maintenance.never_vacuumed",
    "large tables never vacuumed",
    Unit::Count,
    "Autovacuum vacuums tables that are written to; if it never did, it is disabled or blocked.",
)
.warning(0.0);

static UNANALYZED: Threshold = Threshold::above(
    "maintenance.never_analyzed",
    "large tables never analyzed",
    Unit::Count,
    "Without statistics the plans of queries on a large table are unreliable.",
)
.warning(0.0);

static XID: Threshold = Threshold::above(
    "maintenance.transaction_id_age",
    "age of the oldest transaction id",
    Unit::Count,
    "The server stops accepting writes near 2.1 billion; autovacuum should start at 0.2 billion.",
)
.warning(1.0e9)
.critical(1.5e9);

/// Also a parameter of the probe's query.
pub static MIN_BYTES: Threshold = Threshold::above(
    "maintenance.min_table_size",
    "size of the table",
    Unit::Bytes,
    "Vacuum of a smaller table takes less than a second.",
)
.warning(100.0 * MIB);

pub static SIGNAL: Signal = Signal {
    id: "maintenance",
    title: "Vacuum and statistics",
    cadence: Cadence::Monthly,
    section: "Database Maintenance",
    stake: Stake::Data,
    kind: TargetKind::Postgres,
    interval: minutes(5),
    max_series: 600,
    looks: &[Looks::at_some(Object::Database), Looks::at_any(Object::Table)],
    metrics: &[&LAST_VACUUM, &LAST_ANALYZE, &DEAD, &ROWS, &XID_AGE, &NEVER, &NEVER_ANALYZED],
    thresholds: &[&DEAD_SHARE, &ANALYZED, &UNVACUUMED, &UNANALYZED, &XID, &MIN_BYTES],
    alerts: &[
        Alert {
            name: "ChecklistTransactionIdsRunOut",
            when: When::Beyond(Value::Of(of(&XID_AGE)), &XID),
            summary: "A database is running out of transaction ids.",
            description: "The oldest transaction id or multixact id of database {{ $labels.database }} of {{ $labels.target }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTableNotVacuumed",
            when: When::Beyond(Value::Share(of(&DEAD), of(&ROWS)), &DEAD_SHARE),
            // The server cleans up by itself within hours after a cleanup, a load or a restore.
            pending: hours(6),
            summary: "A large table has too many dead rows.",
            description: "{value} of the rows of {{ $labels.database }}.{{ $labels.schema }}.{{ $labels.table }} of {{ $labels.target }} are dead; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTablesNeverVacuumed",
            when: When::Beyond(Value::Of(of(&NEVER)), &UNVACUUMED),
            pending: hours(6),
            summary: "Large tables were never vacuumed.",
            description: "{value} large tables of database {{ $labels.database }} of {{ $labels.target }} were never vacuumed although they have dead rows.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTablesNeverAnalyzed",
            when: When::Beyond(Value::Of(of(&NEVER_ANALYZED)), &UNANALYZED),
            pending: hours(6),
            summary: "Large tables were never analyzed.",
            description: "{value} large tables of database {{ $labels.database }} of {{ $labels.target }} were never analyzed although they changed.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTableNotAnalyzed",
            when: When::Beyond(Value::Age(of(&LAST_ANALYZE)), &ANALYZED),
            pending: minutes(60),
            summary: "The statistics of a large table are old.",
            description: "Table {{ $labels.database }}.{{ $labels.schema }}.{{ $labels.table }} of {{ $labels.target }} has changed and was last analyzed {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Dead rows",
            description: "Share of dead rows of each large table.",
            query: PanelQuery::Value(Value::Share(of(&DEAD), of(&ROWS))),
            legend: TABLE,
            threshold: Some(&DEAD_SHARE),
            ..PANEL
        },
        Panel {
            title: "Never vacuumed",
            description: "Large tables that were never vacuumed although they have dead rows.",
            query: PanelQuery::Value(Value::Of(of(&NEVER))),
            legend: &["target", "database"],
            threshold: Some(&UNVACUUMED),
            ..PANEL
        },
        Panel {
            title: "Never analyzed",
            description: "Large tables that were never analyzed although they changed.",
            query: PanelQuery::Value(Value::Of(of(&NEVER_ANALYZED))),
            legend: &["target", "database"],
            threshold: Some(&UNANALYZED),
            ..PANEL
        },
        Panel {
            title: "Transaction id age",
            description: "Age in transactions of the oldest transaction id in each database.",
            query: PanelQuery::Value(Value::Of(of(&XID_AGE))),
            legend: &["target", "database"],
            threshold: Some(&XID),
            ..PANEL
        },
        Panel {
            title: "Age of statistics",
            description: "Time since each large table that has changed was last analyzed.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&LAST_ANALYZE))),
            legend: TABLE,
            threshold: Some(&ANALYZED),
            ..PANEL
        },
    ],
    runbook: include_str!("maintenance.md"),
    ..BASE
};
