//! Large tables that are read by sequential scans, which indicates a missing index. Checklist: Monday 2, "Check
//! database performance".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

const TABLE: &[&str] = &["database", "schema", "table"];

pub static SEQ_SCANS: Metric =
    Metric::counter("checklist_postgres_table_seq_scans_total", "Sequential scans of the table.", TABLE);
pub static INDEX_SCANS: Metric =
    Metric::counter("checklist_postgres_table_index_scans_total", "Index scans of the table.", TABLE);
pub static SEQ_ROWS: Metric = Metric::counter(
    "checklist_postgres_table_seq_rows_read_total",
    "Live rows of the table read by sequential scans.",
    TABLE,
);
pub static INDEX_ROWS: Metric = Metric::counter(
    "checklist_postgres_table_index_rows_fetched_total",
    "Live rows of the table fetched by index scans.",
    TABLE,
);
pub static LIVE_ROWS: Metric =
    Metric::gauge("checklist_postgres_table_live_rows", "Live rows of the table by the server's estimate.", TABLE);
pub static BYTES: Metric =
    Metric::gauge("checklist_postgres_table_bytes", "Size of the table's main storage, without indexes.", TABLE);

static SHARE: Threshold = Threshold::above(
    "seq_scans.share",
    "share of sequential scans",
    Unit::Ratio,
    "If nine of ten scans of a large table are sequential, an index is missing or cannot be used.",
)
.warning(0.90);

/// The size below which sequential scans are fine.
pub static MIN_BYTES: Threshold = Threshold::above(
    "seq_scans.min_table_size",
    "size of the table",
    Unit::Bytes,
    "A sequential scan of a smaller table is faster than an index scan.",
)
.warning(100.0 * MIB);

/// The number of scans below which a table is ignored.
static MIN_SCANS: Threshold = Threshold::above(
    "seq_scans.min_scans",
    "sequential scans of a day",
    Unit::Count,
    "A nightly dump, an analyze or a report causes a few sequential scans a day; fifty come from an application without an index.",
)
.warning(50.0);

/// Returns the scans within a day as a difference from the lowest value, so that a deployment of the exporter loses
/// none.
fn within_a_day(scope: &Scope, counter: &'static Metric) -> String {
    format!("({})", scope.risen(counter, "1d"))
}

pub static SIGNAL: Signal = Signal {
    id: "seq_scans",
    title: "Sequential scans",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    kind: TargetKind::Postgres,
    interval: minutes(5),
    timeout: seconds(20),
    max_series: 600,
    looks: &[Looks::at_any(Object::Table)],
    metrics: &[&SEQ_SCANS, &INDEX_SCANS, &SEQ_ROWS, &INDEX_ROWS, &LIVE_ROWS, &BYTES],
    thresholds: &[&SHARE, &MIN_BYTES, &MIN_SCANS],
    alerts: &[Alert {
        name: "ChecklistSequentialScans",
        when: When::History(History {
            expr: |scope, limits, severity| {
                let (seq, index) = (within_a_day(scope, &SEQ_SCANS), within_a_day(scope, &INDEX_SCANS));
                format!(
                    "{seq} / ({seq} + {index} > 0) > {} and {seq} > {} and {} > {}",
                    limits.level(&SHARE, severity),
                    number(limits.value(&MIN_SCANS)),
                    scope.max(&BYTES),
                    number(limits.value(&MIN_BYTES))
                )
            },
            threshold: Some(&SHARE),
            metrics: &[&SEQ_SCANS, &INDEX_SCANS, &BYTES],
            case: |given| {
                let large = steady(&BYTES, 2.0 * given.limits.value(&MIN_BYTES).max(MIB));
                let scans =
                    |seq, index| vec![line(&SEQ_SCANS, 0.0, seq), line(&INDEX_SCANS, 0.0, index), large.clone()];
                let few = given.limits.value(&MIN_SCANS);
                // One dump a day of a table that is otherwise not read.
                let dump = vec![step(&SEQ_SCANS, 100.0, 10, 101.0), steady(&INDEX_SCANS, 5.0), large.clone()];
                let bad = 10.0 * few.max(1.0);
                let on = |replica: &str, values: String| input(&SEQ_SCANS, values).with("instance", replica);
                let deployed = vec![
                    on("before", "0 stale".to_owned()),
                    on("after", format!("_x1 {}+0x{SAMPLES}", 1.2 * few.max(1.0))),
                    steady(&INDEX_SCANS, 5.0),
                    large.clone(),
                ];
                Case::new(scans(bad, 0.0), scans(500.0 * bad * given.limit, 1000.0 * bad))
                    .quiet("does not fire on a dump a day", dump)
                    .fires("fires although the exporter was deployed again meanwhile", deployed)
            },
        }),
        pending: minutes(60),
        summary: "A large table is read by sequential scans.",
        description: "{value} of the scans of {{ $labels.database }}.{{ $labels.schema }}.{{ $labels.table }} of {{ $labels.target }} in the last day were sequential; the limit is {limit}.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Rows read by sequential scans",
            description: "Rows per second that sequential scans read from each table; the highest may need an index.",
            query: PanelQuery::Expression(
                |scope| {
                    format!(
                        "topk(10, max without (instance, pod) (rate({}[$__rate_interval])))",
                        scope.series(&SEQ_ROWS)
                    )
                },
                &[&SEQ_ROWS],
            ),
            legend: &["database", "schema", "table"],
            ..PANEL
        },
        Panel {
            title: "Share of sequential scans",
            description: "Share of sequential scans in the last day, for the ten largest tables.",
            query: PanelQuery::Expression(
                |scope| {
                    let day = |metric| scope.over("increase", metric, "1d");
                    let (seq, index) = (day(&SEQ_SCANS), day(&INDEX_SCANS));
                    format!("{seq} / ({seq} + {index} > 0) and topk(10, {})", scope.max(&BYTES))
                },
                &[&SEQ_SCANS, &INDEX_SCANS, &BYTES],
            ),
            unit: Some(Unit::Ratio),
            legend: TABLE,
            // No limit: the alert subtracts counters, because it must survive a deployment of the exporter, and panels
            // use `increase`, as is usual in Grafana.
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "postgres_exporter",
        records: &[
            (
                &SEQ_SCANS,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_seq_scan{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
            (
                &INDEX_SCANS,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_idx_scan{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
            (
                &SEQ_ROWS,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_seq_tup_read{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
            (
                &INDEX_ROWS,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_idx_tup_fetch{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
            (
                &LIVE_ROWS,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_n_live_tup{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
            // Releases before 0.18 only have the size with indexes.
            (
                &BYTES,
                "max by (database, schema, table) (label_replace(label_replace(label_replace(pg_stat_user_tables_table_size_bytes{{selector}, {own}} or pg_stat_user_tables_size_bytes{{selector}, {own}}, \"database\", \"$1\", \"datname\", \"(.*)\"), \"schema\", \"$1\", \"schemaname\", \"(.*)\"), \"table\", \"$1\", \"relname\", \"(.*)\"))",
            ),
        ],
    }],
    runbook: include_str!("seq_scans.md"),
    ..BASE
};
