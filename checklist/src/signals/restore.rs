//! Restores of backups as a proof, and the answers of the restored databases. Checklist: "Backup Verification".

use crate::prelude::*;

pub static RECORDED: Metric = Metric::gauge(
    "checklist_restore_recorded",
    "Whether a restore of the backup was ever recorded (1) or not (0).",
    &["backup"],
);
pub static PASSED: Metric = Metric::gauge(
    "checklist_restore_passed",
    "Whether the last restore of the backup succeeded and met every check (1) or not (0).",
    &["backup"],
)
.sparse();
pub static CONCLUSIVE: Metric = Metric::gauge(
    "checklist_restore_conclusive",
    "Whether the last restore of the backup came to a verdict (1), or could not be made (0).",
    &["backup"],
)
.sparse();
pub static LAST: Metric = Metric::fact(
    "checklist_restore_last_success_timestamp_seconds",
    "Unix time at which a restore of the backup last succeeded.",
    &["backup"],
)
.sparse();
pub static DURATION: Metric = Metric::gauge(
    "checklist_restore_duration_seconds",
    "Seconds that each stage of the last restore of the backup took.",
    &["backup", "stage"],
)
.sparse();
pub static ANSWER: Metric = Metric::gauge(
    "checklist_restore_rows",
    "What each check answered in the restored database, mostly a number of rows.",
    &["backup", "name"],
)
.sparse();

pub static NEWEST: Metric = Metric::gauge(
    "checklist_restore_newest_row_timestamp_seconds",
    "Unix time of the newest row that each check of age found in the restored database.",
    &["backup", "name"],
)
.sparse();

static MAX_AGE: Threshold = Threshold::above(
    "restore.max_age",
    "time since the last restore",
    Unit::Seconds,
    "The checklist restores a backup every month; four days of slack.",
)
.warning(35.0 * DAY);

pub static SIGNAL: Signal = Signal {
    id: "restore",
    title: "Restore proof",
    cadence: Cadence::Monthly,
    section: "Backup Verification",
    stake: Stake::Data,
    kind: TargetKind::Restore,
    max_series: 500,
    looks: &[Looks::at_any(Object::Record)],
    metrics: &[&RECORDED, &PASSED, &CONCLUSIVE, &LAST, &DURATION, &ANSWER, &NEWEST],
    thresholds: &[&MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistRestoreFailed",
            covers: &["ChecklistRestoreNotProved", "ChecklistRestoreStale"],
            when: When::Zero(of(&PASSED)),
            summary: "Backup cannot be restored.",
            description: "The last restore of backup {{ $labels.backup }} failed, or its rows are too few or too old; its record has the reason.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistRestoreNotProved",
            when: When::Zero(of(&CONCLUSIVE)),
            summary: "Restore could not be tried.",
            description: "The last proof of backup {{ $labels.backup }} could not be made: no disk, no PostgreSQL, no bucket, or it was ended; its record has the reason.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRestoreNeverTested",
            when: When::Zero(of(&RECORDED)),
            pending: minutes(60),
            summary: "Backup was never restored for proof.",
            description: "No restore of backup {{ $labels.backup }} was ever recorded.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRestoreStale",
            when: When::Beyond(Value::Age(of(&LAST)), &MAX_AGE),
            pending: minutes(60),
            summary: "Backup was not restored for long.",
            description: "Backup {{ $labels.backup }} was last restored {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Restore time",
            description: "Seconds that each stage of the last restore took: how long the real one will take.",
            query: PanelQuery::Value(Value::Of(of(&DURATION))),
            unit: Unit::Seconds,
            legend: &["backup", "stage"],
            ..PANEL
        },
        Panel {
            title: "Restore proofs",
            description: "Whether each backup was ever restored for proof, whether the last proof could be made, and its result.",
            drawing: Drawing::Whether,
            query: PanelQuery::Expression(
                |scope| {
                    scope.named(
                        "fact",
                        &[(&RECORDED, "was tried"), (&CONCLUSIVE, "could be made"), (&PASSED, "was good")],
                    )
                },
                &[&RECORDED, &CONCLUSIVE, &PASSED],
            ),
            legend: &["backup", "fact"],
            ..PANEL
        },
        Panel {
            title: "Time since the last restore",
            description: "Time since each backup was last restored with success.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            unit: Unit::Seconds,
            legend: &["backup"],
            threshold: Some(&MAX_AGE),
        },
    ],
    access: &[Access::S3("s3:ListBucket"), Access::S3("s3:GetObject")],
    runbook: include_str!("restore.md"),
    ..BASE
};
