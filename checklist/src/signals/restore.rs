//! Restores of backups as a proof, and the responses of the restored databases. Checklist: "Backup Verification".

use crate::prelude::*;

pub static RECORDED: Metric = Metric::gauge(
    "checklist_restore_recorded",
    "Whether a restore of the backup is recorded (1) or not (0).",
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
    "Whether the last restore of the backup had a result (1), or could not be carried out (0).",
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
    "Result of each check in the restored database, mostly a number of rows.",
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
    "The checklist restores a backup every month. First Mondays are up to 35 days apart; three more are tolerance.",
)
.warning(38.0 * DAY);

pub static SIGNAL: Signal = Signal {
    id: "restore",
    title: "Restore test",
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
            summary: "A backup cannot be restored.",
            description: "The last restore test of backup {{ $labels.backup }} failed, or the restored rows are too few or too old. Its record has the reason.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistRestoreNotProved",
            when: When::Zero(of(&CONCLUSIVE)),
            summary: "A restore test could not be carried out.",
            description: "The last restore test of backup {{ $labels.backup }} could not be carried out, for example for lack of disk space, PostgreSQL or access to the bucket. Its record has the reason.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRestoreNeverTested",
            when: When::Zero(of(&RECORDED)),
            pending: minutes(60),
            summary: "A backup was never test-restored.",
            description: "No restore test of backup {{ $labels.backup }} is recorded.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRestoreStale",
            when: When::Beyond(Value::Age(of(&LAST)), &MAX_AGE),
            pending: minutes(60),
            summary: "The last restore test of a backup is too old.",
            description: "Backup {{ $labels.backup }} was last restored {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Restore time",
            description: "Duration of each stage of the last restore test; a real restore takes about as long.",
            query: PanelQuery::Value(Value::Of(of(&DURATION))),
            legend: &["backup", "stage"],
            ..PANEL
        },
        Panel {
            title: "Restore tests",
            description: "Whether a restore test of each backup is recorded, whether the last one could be carried out, and its result.",
            drawing: Drawing::Whether,
            query: PanelQuery::Expression(
                |scope| {
                    scope.named(
                        "fact",
                        &[(&RECORDED, "was tried"), (&CONCLUSIVE, "could be carried out"), (&PASSED, "was good")],
                    )
                },
                &[&RECORDED, &CONCLUSIVE, &PASSED],
            ),
            legend: &["backup", "fact"],
            ..PANEL
        },
        Panel {
            title: "Time since the last restore",
            description: "Time since the last successful restore test of each backup.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            legend: &["backup"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
    ],
    access: &[Access::S3("s3:ListBucket"), Access::S3("s3:GetObject")],
    runbook: include_str!("restore.md"),
    ..BASE
};
