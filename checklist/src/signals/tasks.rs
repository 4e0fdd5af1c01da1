//! The manual tasks: whether each was recorded as done in time.

use crate::prelude::*;

const TASK: &[&str] = &["task", "cycle"];

pub static LAST_DONE: Metric = Metric::fact(
    "checklist_task_last_done_timestamp_seconds",
    "Unix time at which the task was last recorded as done, absent if it never was.",
    TASK,
)
.sparse();
pub static DUE: Metric = Metric::fact(
    "checklist_task_due_timestamp_seconds",
    "Unix time until which the open occurrence of the task may be done without a warning.",
    TASK,
);
pub static OVERDUE: Metric = Metric::fact(
    "checklist_task_overdue_timestamp_seconds",
    "Unix time from which the open occurrence of the task is half a period overdue.",
    TASK,
);
pub static SKIPPED: Metric = Metric::gauge(
    "checklist_task_skipped",
    "Whether the last occurrence of the task was skipped with a reason (1) or not (0).",
    TASK,
);
pub static REJECTED: Metric = Metric::gauge(
    "checklist_task_records_rejected",
    "Records that are damaged, not ours or dated in the future, and are ignored.",
    &[],
);

static LATE: Threshold = Threshold::above(
    "tasks.late",
    "time since a task was due",
    Unit::Seconds,
    "The grace period after the due date is over.",
)
.warning(0.0);

static VERY_LATE: Threshold = Threshold::above(
    "tasks.very_late",
    "time since half of the period passed",
    Unit::Seconds,
    "A task that is half a period overdue is closer to its next due date than to this one: it was forgotten. A task is never critical.",
)
.warning(0.0);

static UNREADABLE: Threshold = Threshold::above(
    "tasks.rejected",
    "records that cannot be read",
    Unit::Count,
    "A record that cannot be read may be the record of a completed task.",
)
.warning(0.0);

pub static SIGNAL: Signal = Signal {
    id: "tasks",
    title: "Manual tasks",
    cadence: Cadence::Quarterly,
    section: "Disaster Recovery Drill",
    kind: TargetKind::Tasks,
    max_series: 1_000,
    looks: &[Looks::at_some(Object::Task)],
    metrics: &[&LAST_DONE, &DUE, &OVERDUE, &SKIPPED, &REJECTED],
    thresholds: &[&LATE, &VERY_LATE, &UNREADABLE],
    alerts: &[
        Alert {
            name: "ChecklistTaskDue",
            when: When::Beyond(Value::Age(of(&DUE)), &LATE),
            // The time of a task does not flap.
            pending: minutes(2),
            summary: "A manual task is overdue.",
            description: "The {{ $labels.cycle }} task {{ $labels.task }} is overdue by {value}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTaskOverdue",
            when: When::Beyond(Value::Age(of(&OVERDUE)), &VERY_LATE),
            pending: minutes(60),
            summary: "A manual task was forgotten.",
            description: "The {{ $labels.cycle }} task {{ $labels.task }} is overdue by more than half of its period.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTaskRecordsRejected",
            when: When::Beyond(Value::Of(of(&REJECTED)), &UNREADABLE),
            summary: "Task records cannot be read.",
            description: "{value} task records are damaged, not ours or dated in the future.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Overdue tasks",
            description: "Time since each task was due; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Expression(|scope| format!("time() - {} > 0", scope.max(&DUE)), &[&DUE]),
            legend: TASK,
            threshold: Some(&LATE),
            ..PANEL
        },
        Panel {
            title: "Forgotten tasks",
            description: "Time since each task has been half a period overdue; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Expression(|scope| format!("time() - {} > 0", scope.max(&OVERDUE)), &[&OVERDUE]),
            legend: TASK,
            threshold: Some(&VERY_LATE),
            ..PANEL
        },
        Panel {
            title: "Last done",
            description: "Time since each task was last done.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&LAST_DONE))),
            legend: TASK,
            ..PANEL
        },
        Panel {
            title: "Rejected records",
            description: "Task records that cannot be read.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Of(of(&REJECTED))),
            threshold: Some(&UNREADABLE),
            ..PANEL
        },
    ],
    runbook: include_str!("tasks.md"),
    ..BASE
};
