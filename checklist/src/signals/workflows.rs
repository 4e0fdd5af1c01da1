//! Whether the application's workflows complete. Checklist: Monday 5, "Review workflow completion rates".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static WORKFLOWS: Metric = Metric::gauge("checklist_workflows", "Workflows by status.", &["status"]);
pub static UNKNOWN: Metric = Metric::gauge(
    "checklist_workflows_unknown",
    "Workflows whose status is not configured in checklist.yaml, so that they count neither as open nor as ended.",
    &["status"],
)
.sparse();
pub static FINISHED: Metric = Metric::gauge(
    "checklist_workflows_finished",
    "Workflows that completed or failed within the sliding window.",
    &["window"],
);
pub static FAILED: Metric =
    Metric::gauge("checklist_workflows_failed", "Workflows that failed within the sliding window.", &["window"]);
pub static OPEN: Metric = Metric::gauge("checklist_workflows_open", "Workflows that are open by their status.", &[]);

const SIX_HOURS: &[(&str, &[&str])] = &[("window", &["6h"])];
const DAY_WINDOW: &[(&str, &[&str])] = &[("window", &["24h"])];

static FAILED_SHARE: Threshold = Threshold::above(
    "workflows.failed_share",
    "share of failed workflows",
    Unit::Ratio,
    "Invalid input and chance do not explain one failure in twelve: of 140 workflows, of which three usually fail, seven fail by chance in some week, but twelve not in years. The checklist names no number.",
)
.between(0.001, 0.999)
.warning(0.08);

static STRANGE: Threshold = Threshold::above(
    "workflows.unknown_status",
    "workflows with an unknown status",
    Unit::Count,
    "A status that is not configured is not counted, so a new spelling would hide failures.",
)
.warning(0.0);

/// The number of failures below which a share is ignored.
static FAILED_FLOOR: Threshold = Threshold::above(
    "workflows.failed_floor",
    "failed workflows",
    Unit::Count,
    "One failure among ten workflows on a quiet day is not a trend; five are more than one invalid input.",
)
.between(1.0, f64::INFINITY)
.warning(5.0);

/// The number of workflows that must usually end in the window, so that none is unusual.
static USUAL: Threshold = Threshold::above(
    "workflows.usual",
    "workflows that ended at the same time a week ago",
    Unit::Count,
    "Nights and weekends without ended workflows are normal: at the same time a week ago at least five must have ended within six hours.",
)
.between(1.0, f64::INFINITY)
.warning(5.0);

pub static SIGNAL: Signal = Signal {
    id: "workflows",
    title: "Workflow completion",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    kind: TargetKind::Application,
    interval: minutes(5),
    max_series: 50,
    looks: &[Looks::at_any(Object::Workflow)],
    metrics: &[&WORKFLOWS, &UNKNOWN, &FINISHED, &FAILED, &OPEN],
    thresholds: &[&FAILED_SHARE, &FAILED_FLOOR, &USUAL, &STRANGE],
    alerts: &[
        Alert {
            name: "ChecklistWorkflowsFail",
            when: When::Enough {
                part: of(&FAILED).with(DAY_WINDOW),
                whole: of(&FINISHED).with(DAY_WINDOW),
                limit: &FAILED_SHARE,
                floor: &FAILED_FLOOR,
            },
            pending: minutes(30),
            summary: "Many workflows fail.",
            description: "{value} of the workflows of the last day on {{ $labels.target }} failed; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistWorkflowStatusUnknown",
            when: When::Beyond(Value::Of(of(&UNKNOWN)), &STRANGE),
            pending: minutes(60),
            summary: "Workflows have an unknown status.",
            description: "{value} workflows of {{ $labels.target }} have the status {{ $labels.status }}, which is not configured in checklist.yaml.",
            ..WARNING
        },
        Alert {
            name: "ChecklistWorkflowsStalled",
            when: When::History(History {
                // On a holiday nothing ends either, but few workflows are added to those that stayed open overnight.
                expr: |scope, limits, _| {
                    let of_six = of(&FINISHED).with(SIX_HOURS);
                    let (finished, open) = (scope.max_of(&of_six), scope.max(&OPEN));
                    let fewest = scope.over("min_over_time", &OPEN, "12h");
                    let usual = scope.over_of("min_over_time", &of_six, "1h@7d");
                    let (least, more) = (number(limits.value(&USUAL)), number(0.5 * limits.value(&USUAL)));
                    format!("{finished} == 0 and ignoring (window) {open} - {fewest} >= {more} and {usual} >= {least}")
                },
                threshold: None,
                metrics: &[&FINISHED, &OPEN],
                case: |given| {
                    let usual = given.limits.value(&USUAL).max(1.0);
                    // One value for a week ago and one for now.
                    let finished = |before: f64, now: f64| step(&FINISHED, before, 170, now).with("window", "6h");
                    let started = input(&OPEN, format!("3+0x170 {}+1x{SAMPLES}", 3.0 + usual));
                    let few = step(&OPEN, 3.0, 170, 3.0 + 0.4 * usual);
                    Case::new(vec![finished(usual, 0.0), started.clone()], vec![finished(usual, 1.0), started.clone()])
                        .hourly()
                        .after(hours(171))
                        .quiet("does not fire in a usual night", vec![finished(0.0, 0.0), started])
                        .quiet("does not fire on a holiday", vec![finished(usual, 0.0), steady(&OPEN, 3.0)])
                        .quiet("does not fire when somebody works on a holiday", vec![finished(usual, 0.0), few])
                },
            }),
            summary: "Workflows are started, but none has ended for hours.",
            description: "No workflow on {{ $labels.target }} has ended within six hours, although new ones were started.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Workflows",
            description: "Workflows by status.",
            query: PanelQuery::Value(Value::Of(of(&WORKFLOWS))),
            legend: &["target", "status"],
            ..PANEL
        },
        Panel {
            title: "Workflows with an unknown status",
            description: "Workflows whose status is not configured in checklist.yaml.",
            query: PanelQuery::Value(Value::Of(of(&UNKNOWN))),
            legend: &["target", "status"],
            threshold: Some(&STRANGE),
            ..PANEL
        },
        Panel {
            title: "Failed workflows",
            description: "Share of the workflows of the last day that failed.",
            query: PanelQuery::Value(Value::Share(of(&FAILED).with(DAY_WINDOW), of(&FINISHED).with(DAY_WINDOW))),
            threshold: Some(&FAILED_SHARE),
            ..PANEL
        },
        Panel {
            title: "Open workflows",
            description: "Workflows that are open by their status.",
            query: PanelQuery::Value(Value::Of(of(&OPEN))),
            ..PANEL
        },
    ],
    access: &[
        Access::SqlColumns("workflows", &["status", "updated_at"]),
        Access::SqlIndex("workflows", &["updated_at"]),
    ],
    runbook: include_str!("workflows.md"),
    ..BASE
};
