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

/// The weekly growth, as a share of the size, below which a larger ratio is ignored.
static FLOOR_SHARE: Threshold = Threshold::above(
    "database_size.floor_share",
    "growth of the week compared with the size",
    Unit::Ratio,
    "At 2% a week a database doubles within eight months, which leaves time until the next review.",
)
.between(0.001, 1.0)
.warning(0.02);

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
    thresholds: &[&GROWTH, &FLOOR, &FLOOR_SHARE, &LIMIT],
    alerts: &[
        Alert {
            name: "ChecklistDatabaseGrowsFaster",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let now = scope.max(&BYTES);
                    let ago = |days: &str| scope.over("last_over_time", &BYTES, &format!("1h@{days}"));
                    // The growth within a day, added up for every hour. A day on which a table was truncated counts as
                    // none, because the fall would make the month look smaller than this week.
                    let day = format!("clamp_min({now} - {}, 0)", ago("1d"));
                    let grown = |window: &str| format!("sum_over_time(({day})[{window}:1h])");
                    let week = format!("({now} - {})", ago("7d"));
                    let (ratio, floor) = (limits.level(&GROWTH, severity), number(limits.value(&FLOOR)));
                    let share = number(limits.value(&FLOOR_SHARE));
                    format!(
                        "{} / ({} / 4 > 0) > {ratio} and {week} > {floor} and {week} > {share} * {now} and {}",
                        grown("7d"),
                        grown("28d"),
                        ago("28d")
                    )
                },
                threshold: Some(&GROWTH),
                metrics: &[&BYTES],
                case: |given| {
                    let hour = given.limits.value(&FLOOR).max(MIB) / 100.0;
                    // After 671 hours the growth is so steep that the limit is crossed between the 24th and the 25th
                    // hour. A steep hour is in the days of the next 24 hours: 312 times within 24.5 hours. A week has
                    // 168 days that end at a full hour, and 169 in Prometheus 2, whose windows have both ends.
                    let steeper = 24.0 * (672.0 * given.limit - 4.0 * 168.5) / (312.0 * (4.0 - given.limit));
                    let fast = (1.0 + steeper) * hour;
                    let bend =
                        |from: f64| input(&BYTES, format!("{from}+{hour}x670 {}+{fast}x400", from + 671.0 * hour));
                    let huge = (168.0 * hour + 200.0 * fast) / given.limits.value(&FLOOR_SHARE);
                    // Three weeks ago as much was deleted as had grown in the week before.
                    let truncated = format!("{0}+{hour}x167 {0}+{hour}x{SAMPLES}", 1000.0 * hour);
                    Case::new(vec![bend(0.0)], vec![line(&BYTES, 0.0, hour)])
                        .hourly()
                        .after(hours(696))
                        .quiet("does not fire when a small share of a large database is added", vec![bend(huge)])
                        .quiet("does not fire after a table was truncated", vec![input(&BYTES, truncated)])
                },
            }),
            pending: minutes(60),
            summary: "A database grows faster than usual.",
            description: "Database {{ $labels.database }} of {{ $labels.target }} grew {value} times as much this week as in an average week of the last four.",
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
            description: "At the growth rate of the last week, database {{ $labels.database }} of {{ $labels.target }} will be larger than {limit} within thirty days.",
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
