//! The newest backup in a bucket: its age, size and format. Checklist: daily 7, "Verify backups completed".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static PRESENT: Metric = Metric::gauge(
    "checklist_backup_present",
    "Whether the prefix of the backup contains an object whose name is that of a backup (1) or not (0).",
    &["backup"],
);
pub static LAST: Metric = Metric::fact(
    "checklist_backup_last_timestamp_seconds",
    "Unix time at which the newest object of the backup was last modified, without objects dated in the future.",
    &["backup"],
);
pub static BYTES: Metric =
    Metric::gauge("checklist_backup_last_bytes", "Size of the newest object of the backup.", &["backup"]);
pub static OBJECTS: Metric = Metric::gauge(
    "checklist_backup_objects",
    "Backups under the prefix; a dump in directory format, the files of `pg_basebackup`, and the parts of `split` count as one.",
    &["backup"],
);
pub static FUTURE: Metric = Metric::gauge(
    "checklist_backup_future_objects",
    "Backups whose time is more than five minutes in the future, so that their age is unknown.",
    &["backup"],
);
pub static HEADER_VALID: Metric = Metric::gauge(
    "checklist_backup_header_valid",
    "Whether the first bytes of the newest backup match its format (1) or not (0), absent if any format is accepted or it cannot be read.",
    &["backup"],
);
pub static EXPECTED_INTERVAL: Metric = Metric::gauge(
    "checklist_backup_expected_interval_seconds",
    "Seconds between two backups as configured.",
    &["backup"],
);

/// Warns after one missed night and pages after two, with two hours for a slow dump. A backup that is not daily gets
/// limits by its `every`, with the same two hours.
pub static MAX_AGE: Threshold = Threshold::above(
    "backup.max_age",
    "age of the newest backup",
    Unit::Seconds,
    "Warning: one interval plus two hours for a slow dump. Critical: two intervals plus two hours.",
)
.warning(26.0 * HOUR)
.critical(50.0 * HOUR);

static MIN_SIZE: Threshold = Threshold::below(
    "backup.min_size",
    "size of the newest backup",
    Unit::Bytes,
    "A job whose dump failed leaves an empty file; set the size of the smallest good backup.",
)
.critical(1.0);

static IN_FUTURE: Threshold = Threshold::above(
    "backup.in_future",
    "backups dated in the future",
    Unit::Count,
    "A time in the future comes from a wrong clock or tool, and would hide missing backups until that time.",
)
.warning(0.0);

static SHRUNK: Threshold = Threshold::below(
    "backup.size_ratio",
    "size of the newest backup compared with the usual size",
    Unit::Ratio,
    "A dump less than half the 5th percentile of the sizes of four weeks has lost data or is truncated. Regular incremental backups are within the usual size. Backups that are more than a week apart are not compared.",
)
.critical(0.5);

pub static SIGNAL: Signal = Signal {
    id: "backup",
    title: "Backups",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Data,
    kind: TargetKind::Backup,
    interval: minutes(15),
    timeout: seconds(60),
    max_series: 100,
    looks: &[Looks::at_any(Object::Backup)],
    metrics: &[&PRESENT, &LAST, &BYTES, &OBJECTS, &FUTURE, &HEADER_VALID, &EXPECTED_INTERVAL],
    thresholds: &[&MAX_AGE, &MIN_SIZE, &IN_FUTURE, &SHRUNK],
    alerts: &[
        Alert {
            name: "ChecklistBackupMissing",
            when: When::Zero(of(&PRESENT)),
            pending: minutes(15),
            summary: "A backup is missing.",
            description: "Backup {{ $labels.backup }} is missing: its bucket contains no object of it.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistBackupStale",
            when: When::Beyond(Value::Age(of(&LAST)), &MAX_AGE),
            // An age does not flap, and the limit includes time for a slow dump.
            pending: minutes(2),
            summary: "A backup is too old.",
            description: "The newest object of backup {{ $labels.backup }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistBackupTooSmall",
            when: When::Beyond(Value::Of(of(&BYTES)), &MIN_SIZE),
            pending: minutes(15),
            summary: "The newest backup is empty or too small.",
            description: "The newest object of backup {{ $labels.backup }} has {value}; the limit is {limit}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistBackupInFuture",
            when: When::Beyond(Value::Of(of(&FUTURE)), &IN_FUTURE),
            pending: minutes(15),
            summary: "A backup has a time in the future.",
            description: "{value} objects of backup {{ $labels.backup }} have a time in the future; they are ignored for its age.",
            ..WARNING
        },
        Alert {
            name: "ChecklistBackupNotADump",
            when: When::Zero(of(&HEADER_VALID)),
            // S3 shows an object only when it is complete, and a folder counts when it has not grown for half an hour, so the
            // state does not flap.
            pending: minutes(2),
            summary: "The newest backup does not have its configured format.",
            description: "The first bytes of the newest object of backup {{ $labels.backup }} do not match its configured format.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistBackupShrunk",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    // The smallest of four weeks but for the last ones: the increment of a usual mix is among them.
                    // The last day is left out, so that a daily backup is not compared with itself.
                    let usual = format!("quantile_over_time(0.05, {} offset 1d)", scope.past(&BYTES, "28d:1h"));
                    let now = scope.max(&BYTES);
                    let week = scope.over("count_over_time", &BYTES, "1d@7d");
                    // Within the first week the mix is not known: the increment of a Saturday is a twentieth of that of
                    // a workday. Only a fiftieth of four earlier ones is too small.
                    let least = scope.over("min_over_time", &BYTES, "28d@1d");
                    let fifth = format!("{} >= 4", scope.over("changes", &LAST, "28d"));
                    let limit = limits.of(&SHRUNK).at(severity).unwrap_or(f64::NAN);
                    // Increments vary: where the largest is three times the usual, one of half the size is no sign.
                    let most = scope.over("max_over_time", &BYTES, "28d@1d");
                    let varies = format!("{most} > 3 * {usual} and {now} >= {} * {usual}", number(limit / 5.0));
                    // An archive is as large as what happened in its period, and four weeks have one at most.
                    let archives = format!("{} > {}", scope.max(&EXPECTED_INTERVAL), number(7.0 * DAY));
                    format!(
                        "({now} / {usual} < {} and {week} unless ({varies}) or {now} / {least} < {} and {fifth}) unless {archives}",
                        limits.level(&SHRUNK, severity),
                        number(limit / 25.0)
                    )
                },
                threshold: Some(&SHRUNK),
                metrics: &[&BYTES, &LAST, &EXPECTED_INTERVAL],
                case: |given| {
                    let small = 900.0 * given.limit;
                    // A backup a day, from the day 151 hours after the beginning of the test.
                    let nights: Vec<String> = (0..16).map(|night| format!("{}+0x23", 86_400 * night)).collect();
                    let nights = input(&LAST, format!("_x150 {}", nights.join(" ")));
                    // Whole ones for twelve days, then a small one; and two small ones on every weekend.
                    let falling = step(&BYTES, 1000.0, 288, small);
                    let mixed = vec![format!("{small}+0x47 1000+0x119"); 6].join(" ");
                    let increments = vec![format!("{small}+0x23 9000+0x71"); 3].join(" ");
                    let new = |small: f64| input(&BYTES, format!("_x150 1000+0x138 {small}+0x{SAMPLES}"));
                    let twice = format!("1000+0x265 {}+0x22 {small}+0x{SAMPLES}", 1050.0 * given.limit);
                    let monthly = vec![falling.clone(), steady(&EXPECTED_INTERVAL, 35.0 * DAY)];
                    Case::new(vec![falling], vec![steady(&BYTES, 1000.0)])
                        .hourly()
                        .after(hours(289))
                        .quiet("does not fire on the archive of a quiet month", monthly)
                        .quiet(
                            "does not fire where those of the weekend are small",
                            vec![input(&BYTES, format!("1000+0x119 {mixed}"))],
                        )
                        .quiet(
                            "does not fire on an increment of a third of the usual",
                            vec![input(&BYTES, format!("{increments} {}+0x{SAMPLES}", 0.3 * small))],
                        )
                        .fires(
                            "fires although the one before of that day was nearly as small",
                            vec![input(&BYTES, twice)],
                        )
                        .fires(
                            "fires in the first week when there is next to nothing",
                            vec![new(small / 25.0), nights.clone()],
                        )
                        .quiet(
                            "does not fire in the first week, before the mix is known",
                            vec![new(small / 20.0), nights],
                        )
                },
            }),
            summary: "The newest backup is much smaller than usual.",
            description: "The newest object of backup {{ $labels.backup }} has {value} of the usual size; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Backup age",
            description: "Time since the newest object of each backup was written.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            legend: &["backup"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
        Panel {
            title: "Backup size",
            description: "Size of the newest object of each backup; a sudden drop indicates an incomplete dump.",
            query: PanelQuery::Value(Value::Of(of(&BYTES))),
            legend: &["backup"],
            threshold: Some(&MIN_SIZE),
            ..PANEL
        },
        Panel {
            title: "Backups dated in the future",
            description: "Objects with a time in the future; they are ignored for the age.",
            query: PanelQuery::Value(Value::Of(of(&FUTURE))),
            legend: &["backup"],
            threshold: Some(&IN_FUTURE),
            ..PANEL
        },
        Panel {
            title: "Backup contents",
            description: "Whether each backup has an object, and whether the first bytes of the newest one match its format.",
            drawing: Drawing::Whether,
            query: PanelQuery::Expression(
                |scope| scope.named("fact", &[(&PRESENT, "is there"), (&HEADER_VALID, "has the format of a dump")]),
                &[&PRESENT, &HEADER_VALID],
            ),
            legend: &["backup", "fact"],
            ..PANEL
        },
        Panel {
            title: "Interval of a backup",
            description: "Time between two backups as configured.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Of(of(&EXPECTED_INTERVAL))),
            legend: &["backup"],
            ..PANEL
        },
    ],
    access: &[Access::S3("s3:ListBucket"), Access::S3("s3:GetObject")],
    runbook: include_str!("backup.md"),
    ..BASE
};
