//! Size and growth of databases, and the time until a size limit is reached. Checklist: Friday 2, "Check database
//! size".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static BYTES: Metric =
    Metric::gauge("checklist_postgres_database_bytes", "Size of the database on disk.", &["database"]);

static GROWTH: Threshold = Threshold::above(
    "database_size.growth",
    "growth of the week compared with the average week",
    Unit::Count,
    "A week with twice the growth of the average of the last four weeks needs a look.",
)
// The four weeks of comparison include this week, so the ratio is at most 4.
.between(1.1, 4.0)
.warning(2.0);

/// The weekly growth below which a larger ratio is ignored.
static FLOOR: Threshold = Threshold::above(
    "database_size.floor",
    "growth of the week",
    Unit::Bytes,
    "A few megabytes more or less are noise.",
)
.warning(100.0 * MIB);

/// Without a default, because only the operator knows the size of the volume or of the contract.
static LIMIT: Threshold = Threshold::above(
    "database_size.limit",
    "size of the database within thirty days",
    Unit::Bytes,
    "The size that the database must not reach within thirty days; unset unless checklist.yaml sets it.",
)
.between(MIB, f64::INFINITY);

pub static SIGNAL: Signal = Signal {
    id: "database_size",
    title: "Database size",
    cadence: Cadence::Weekly,
    section: "Capacity Planning Review",
    kind: TargetKind::Postgres,
    interval: minutes(15),
    max_series: 100,
    looks: &[Looks::at_some(Object::Database)],
    metrics: &[&BYTES],
    thresholds: &[&GROWTH, &FLOOR, &LIMIT],
    alerts: &[
        Alert {
            name: "ChecklistDatabaseGrowsFaster",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let now = scope.max(&BYTES);
                    let ago = |days: &str| scope.over("last_over_time", &BYTES, &format!("1h@{days}"));
                    let week = format!("({now} - {})", ago("7d"));
                    let usual = format!("(({now} - {}) / 4 > 0)", ago("28d"));
                    let (ratio, floor) = (limits.level(&GROWTH, severity), number(limits.value(&FLOOR)));
                    format!("{week} / {usual} > {ratio} and {week} > {floor}")
                },
                threshold: Some(&GROWTH),
                metrics: &[&BYTES],
                case: |given| {
                    let hour = given.limits.value(&FLOOR).max(MIB) / 100.0;
                    // The growth is so steep that the limit is crossed between the 24th and the 25th hour.
                    let steeper = 672.0 * (given.limit - 1.0) / (24.5 * (4.0 - given.limit));
                    let fast = (1.0 + steeper) * hour;
                    let bend = input(&BYTES, format!("0+{hour}x670 {}+{fast}x400", 671.0 * hour));
                    Case::new(vec![bend], vec![line(&BYTES, 0.0, hour)]).hourly().after(hours(671 + 25))
                },
            }),
            pending: minutes(60),
            summary: "A database grows faster than usual.",
            description: "Database {{ $labels.database }} grew {value} times as much this week as in an average week of the last four.",
            ..WARNING
        },
        Alert {
            name: "ChecklistDatabaseFullSoon",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    // A restore or a load of the first days is not a pace.
                    let ahead = scope.predict(&BYTES, "7d:1h", 30.0 * DAY);
                    let past = scope.over("count_over_time", &BYTES, "1d@3d");
                    format!("{ahead} > {} and {past}", limits.level(&LIMIT, severity))
                },
                threshold: Some(&LIMIT),
                metrics: &[&BYTES],
                case: |given| {
                    let hour = given.limit / (30.0 * DAY / HOUR);
                    let by = |grown: f64| vec![line(&BYTES, given.limit / 2.0, grown * hour)];
                    let new = vec![input(&BYTES, format!("_x48 {}+{hour}x{SAMPLES}", given.limit / 2.0))];
                    Case::new(by(1.0), by(0.3))
                        .hourly()
                        .after(hours(72))
                        .quiet("does not fire in the first days of a database", new)
                },
            }),
            pending: minutes(60),
            summary: "A database will soon reach its size limit.",
            description: "At the growth rate of the last week, database {{ $labels.database }} will be larger than {limit} within thirty days.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "Database size",
        description: "Size of each database on disk.",
        query: PanelQuery::Value(Value::Of(of(&BYTES))),
        legend: &["target", "database"],
        threshold: Some(&LIMIT),
        ..PANEL
    }],
    external_sources: &[ExternalSource {
        source: "postgres_exporter",
        records: &[(
            &BYTES,
            "max by (database) (label_replace(pg_database_size_bytes{{selector}, {reported}}, \"database\", \"$1\", \"datname\", \"(.*)\"))",
        )],
    }],
    access: &[Access::SqlRole("pg_read_all_stats")],
    runbook: include_str!("database_size.md"),
    ..BASE
};
