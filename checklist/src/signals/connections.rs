//! Connections to database servers: free ones, idle ones, and long transactions. Checklist: daily 8, "Check database
//! connections".

use crate::condition::history::{Given, SAMPLES};
use crate::condition::threshold::Severity;
use crate::prelude::*;

pub static CONNECTIONS: Metric = Metric::gauge(
    "checklist_postgres_connections",
    "Client connections to the server by database and state.",
    &["database", "state"],
)
.sparse();
pub static LIMIT: Metric = Metric::gauge(
    "checklist_postgres_connections_limit",
    "Connections that ordinary roles can open: max_connections less those reserved for superusers and privileged roles.",
    &[],
);
pub static DATABASE_LIMIT: Metric = Metric::gauge(
    "checklist_postgres_database_connections_limit",
    "Connections that ordinary roles can open to the database, absent if only the limit of the server applies.",
    &["database"],
)
.sparse();
pub static ROLE_CONNECTIONS: Metric = Metric::gauge(
    "checklist_postgres_role_connections",
    "Client connections of the role, for roles with a connection limit.",
    &["role"],
)
.sparse();
pub static ROLE_LIMIT: Metric = Metric::gauge(
    "checklist_postgres_role_connections_limit",
    "Connections that the role can open, absent if only the limit of the server applies.",
    &["role"],
)
.sparse();
pub static OLDEST_TRANSACTION: Metric = Metric::gauge(
    "checklist_postgres_oldest_transaction_start_timestamp_seconds",
    "Unix time at which the oldest open transaction in this state began, or became idle: the state of its client, or `prepared`.",
    &["state"],
)
.sparse();

static USAGE: Threshold = Threshold::above(
    "connections.usage",
    "share of the connections in use",
    Unit::Ratio,
    "At 80% a rollout that doubles the replicas runs out of connections; at 95% the next client may be refused.",
)
.warning(0.80)
.critical(0.95);

static IDLE: Threshold = Threshold::above(
    "connections.idle",
    "share of idle connections",
    Unit::Ratio,
    "If half of all connections are idle, the connection pools are too large.",
)
.warning(0.50);

static IDLE_IN_TRANSACTION: Threshold = Threshold::above(
    "connections.idle_in_transaction",
    "longest idle transaction",
    Unit::Seconds,
    "An idle open transaction keeps its locks and prevents vacuum from removing dead rows.",
)
.warning(10.0 * MINUTE);

const IDLE_ONES: &[(&str, &[&str])] = &[("state", &["idle"])];
const IN_TRANSACTION: &[(&str, &[&str])] =
    &[("state", &["idle in transaction", "idle in transaction (aborted)", "prepared"])];

/// Returns the condition that connections are used beyond [`USAGE`], now or in the mean of ten minutes: a pool that is
/// full gives some back now and then.
fn nearly_used(
    scope: &Scope,
    limits: &Limits,
    severity: Severity,
    used: &'static Metric,
    most: &'static Metric,
) -> String {
    let share = Value::Share(of(used), of(most)).promql(scope);
    let limit = limits.level(&USAGE, severity);
    format!("{share} > {limit} or avg_over_time(({share})[10m:30s]) > {limit}")
}

/// A rule test of [`nearly_used`].
fn nearly_used_case(given: &Given<'_>, used: &'static Metric, most: &'static Metric) -> Case {
    let of_limit = |share: f64| vec![steady(used, 1000.0 * share), steady(most, 1000.0)];
    let times = 20 + usize::try_from(given.pending.as_secs() / 240).unwrap_or(0);
    let full = f64::midpoint(given.limit, 1.0);
    let dips = vec![format!("{}+0x2 {}", 1000.0 * full, 1000.0 * (given.limit - (full - given.limit))); times];
    let short = format!("{}+0x5 1000+0x2 0+0x{SAMPLES}", 500.0 * given.limit);
    let summed: Vec<&str> = used.labels.iter().filter(|label| !most.labels.contains(label)).copied().collect();
    let case = Case::new(of_limit(full), of_limit(given.limit))
        .without(&summed)
        .fires(
            "fires when a look in four finds a few that are free",
            vec![input(used, dips.join(" ")), steady(most, 1000.0)],
        )
        .quiet("does not fire on a rush of three minutes", vec![input(used, short), steady(most, 1000.0)]);
    Case { sampled: Some(minutes(1)), ..case }
}

pub static SIGNAL: Signal = Signal {
    id: "connections",
    title: "Database connections",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Server,
    interval: seconds(30),
    timeout: seconds(10),
    max_series: 500,
    looks: &[Looks::at_some(Object::Session)],
    metrics: &[&CONNECTIONS, &LIMIT, &DATABASE_LIMIT, &ROLE_CONNECTIONS, &ROLE_LIMIT, &OLDEST_TRANSACTION],
    thresholds: &[&USAGE, &IDLE, &IDLE_IN_TRANSACTION],
    alerts: &[
        Alert {
            name: "ChecklistConnectionsHigh",
            at_once: Some(When::Beyond(Value::Share(of(&CONNECTIONS), of(&LIMIT)), &USAGE)),
            when: When::History(History {
                expr: |scope, limits, severity| nearly_used(scope, limits, severity, &CONNECTIONS, &LIMIT),
                threshold: Some(&USAGE),
                metrics: &[&CONNECTIONS, &LIMIT],
                case: |given| nearly_used_case(given, &CONNECTIONS, &LIMIT),
            }),
            pending: minutes(5),
            keep_firing: minutes(5),
            summary: "PostgreSQL is running out of connections.",
            description: "PostgreSQL {{ $labels.target }} uses {value} of its connections; the alert limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistDatabaseConnectionsHigh",
            at_once: Some(When::Beyond(Value::Share(of(&CONNECTIONS), of(&DATABASE_LIMIT)), &USAGE)),
            when: When::History(History {
                expr: |scope, limits, severity| nearly_used(scope, limits, severity, &CONNECTIONS, &DATABASE_LIMIT),
                threshold: Some(&USAGE),
                metrics: &[&CONNECTIONS, &DATABASE_LIMIT],
                case: |given| nearly_used_case(given, &CONNECTIONS, &DATABASE_LIMIT),
            }),
            pending: minutes(5),
            keep_firing: minutes(5),
            summary: "A database is running out of its connections.",
            description: "Database {{ $labels.database }} of {{ $labels.target }} uses {value} of its connection limit; the alert limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRoleConnectionsHigh",
            at_once: Some(When::Beyond(Value::Share(of(&ROLE_CONNECTIONS), of(&ROLE_LIMIT)), &USAGE)),
            when: When::History(History {
                expr: |scope, limits, severity| nearly_used(scope, limits, severity, &ROLE_CONNECTIONS, &ROLE_LIMIT),
                threshold: Some(&USAGE),
                metrics: &[&ROLE_CONNECTIONS, &ROLE_LIMIT],
                case: |given| nearly_used_case(given, &ROLE_CONNECTIONS, &ROLE_LIMIT),
            }),
            pending: minutes(5),
            keep_firing: minutes(5),
            summary: "A role is running out of its connections.",
            description: "Role {{ $labels.role }} on {{ $labels.target }} uses {value} of its connection limit; the alert limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistConnectionsIdle",
            when: When::Beyond(Value::Share(of(&CONNECTIONS).with(IDLE_ONES), of(&LIMIT)), &IDLE),
            pending: minutes(30),
            summary: "PostgreSQL has too many idle connections.",
            description: "{value} of the connections of PostgreSQL {{ $labels.target }} are idle; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistIdleInTransaction",
            when: When::Beyond(Value::Age(of(&OLDEST_TRANSACTION).with(IN_TRANSACTION)), &IDLE_IN_TRANSACTION),
            pending: minutes(1),
            summary: "A PostgreSQL transaction is idle and open for too long.",
            description: "A transaction on PostgreSQL {{ $labels.target }} has been open for {value} while its client is idle; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Connections in use",
            description: "Share of the available connections in use.",
            query: PanelQuery::Value(Value::Share(of(&CONNECTIONS), of(&LIMIT))),
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Connections of a database",
            description: "Share of the connection limit of the database in use.",
            query: PanelQuery::Value(Value::Share(of(&CONNECTIONS), of(&DATABASE_LIMIT))),
            legend: &["target", "database"],
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Connections of a role",
            description: "Share of the connection limit of the role in use.",
            query: PanelQuery::Value(Value::Share(of(&ROLE_CONNECTIONS), of(&ROLE_LIMIT))),
            legend: &["target", "role"],
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Connections by state",
            description: "Client connections by database and state.",
            query: PanelQuery::Value(Value::Of(of(&CONNECTIONS))),
            legend: &["target", "database", "state"],
            ..PANEL
        },
        Panel {
            title: "Idle connections",
            description: "Share of the available connections that are idle.",
            query: PanelQuery::Value(Value::Share(of(&CONNECTIONS).with(IDLE_ONES), of(&LIMIT))),
            threshold: Some(&IDLE),
            ..PANEL
        },
        Panel {
            title: "Oldest idle transaction",
            description: "Age of the oldest open transaction whose client is idle.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&OLDEST_TRANSACTION).with(IN_TRANSACTION))),
            legend: &["target", "state"],
            threshold: Some(&IDLE_IN_TRANSACTION),
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "postgres_exporter",
        records: &[
            (
                &CONNECTIONS,
                // Releases before 0.17 do not distinguish background workers from clients.
                "sum by (database, state) (label_replace(max without (instance, pod) (pg_stat_activity_count{{selector}, backend_type=~\"(client backend)?\"}), \"database\", \"$1\", \"datname\", \"(.*)\"))",
            ),
            (
                &LIMIT,
                "max(pg_settings_max_connections{{selector}} - on (server, instance) pg_settings_superuser_reserved_connections{{selector}} - on (server, instance) (pg_settings_reserved_connections{{selector}} or 0 * pg_settings_max_connections{{selector}}))",
            ),
            (
                &DATABASE_LIMIT,
                "max by (database) (label_replace(pg_database_connection_limit{{selector}} >= 5, \"database\", \"$1\", \"datname\", \"(.*)\"))",
            ),
            (
                &ROLE_CONNECTIONS,
                "sum by (role) (label_replace(max without (instance, pod) (pg_stat_activity_count{{selector}, backend_type=~\"(client backend)?\"}), \"role\", \"$1\", \"usename\", \"(.+)\")) and on (role) label_replace(pg_roles_connection_limit{{selector}} >= 5, \"role\", \"$1\", \"rolname\", \"(.*)\")",
            ),
            (
                &ROLE_LIMIT,
                "max by (role) (label_replace(pg_roles_connection_limit{{selector}} >= 5, \"role\", \"$1\", \"rolname\", \"(.*)\"))",
            ),
            (&OLDEST_TRANSACTION, "time() - max by (state) (pg_stat_activity_max_tx_duration{{selector}} > 0)"),
        ],
    }],
    access: &[Access::SqlRole("pg_read_all_stats")],
    runbook: include_str!("connections.md"),
    ..BASE
};
