//! The delivery of synthetic alerts through Alertmanager, for each severity. Checklist: fourth Monday 5, "Test alert
//! routing".

use crate::prelude::*;

pub static RECORDED: Metric = Metric::gauge(
    "checklist_alert_path_recorded",
    "Whether a test of the alert path is recorded for the level (1) or not (0).",
    &["level"],
);
pub static PASSED: Metric = Metric::gauge(
    "checklist_alert_path_passed",
    "Whether the last synthetic alert of the level was delivered (1) or not (0).",
    &["level"],
)
.sparse();
pub static LAST: Metric = Metric::fact(
    "checklist_alert_path_last_success_timestamp_seconds",
    "Unix time at which a synthetic alert of the level was last delivered.",
    &["level"],
)
.sparse();
pub static DURATION: Metric = Metric::gauge(
    "checklist_alert_path_duration_seconds",
    "Seconds until the last synthetic alert of the level was delivered.",
    &["level"],
)
.sparse();

static MAX_AGE: Threshold = Threshold::above(
    "alert_path.max_age",
    "time since the last test",
    Unit::Seconds,
    "The checklist tests the routing every month. Fourth Mondays are up to 35 days apart; three more are tolerance.",
)
.warning(38.0 * DAY);

pub static SIGNAL: Signal = Signal {
    id: "alert_path",
    title: "Alert path",
    cadence: Cadence::Monthly,
    section: "Monitoring Review",
    stake: Stake::Live,
    kind: TargetKind::AlertPath,
    max_series: 20,
    looks: &[Looks::at_any(Object::Record)],
    metrics: &[&RECORDED, &PASSED, &LAST, &DURATION],
    thresholds: &[&MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistAlertPathBroken",
            covers: &["ChecklistAlertPathStale"],
            when: When::Zero(of(&PASSED)),
            summary: "A test alert was not delivered to its receiver.",
            description: "Alertmanager {{ $labels.target }} did not deliver the last synthetic {{ $labels.level }} alert to its receiver, so real alerts may not be delivered either.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAlertPathNeverTested",
            when: When::Zero(of(&RECORDED)),
            pending: minutes(60),
            summary: "The alert path was never tested.",
            description: "No test of the alert path for {{ $labels.level }} alerts through {{ $labels.target }} is recorded.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAlertPathStale",
            when: When::Beyond(Value::Age(of(&LAST)), &MAX_AGE),
            pending: minutes(60),
            summary: "The last test of the alert path is too old.",
            description: "The alert path for {{ $labels.level }} alerts through {{ $labels.target }} was last tested {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Alert path",
            description: "Seconds until the last synthetic alert of each level was delivered.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Of(of(&DURATION))),
            legend: &["target", "level"],
            ..PANEL
        },
        Panel {
            title: "Alert path tests",
            description: "Whether the alert path of each level was ever tested, and whether the last test alert was delivered.",
            drawing: Drawing::Whether,
            query: PanelQuery::Expression(
                |scope| scope.named("fact", &[(&RECORDED, "was tested"), (&PASSED, "last one was delivered")]),
                &[&RECORDED, &PASSED],
            ),
            legend: &["target", "level", "fact"],
            ..PANEL
        },
        Panel {
            title: "Time since the last alert test",
            description: "Time since a test alert of each level was last delivered.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&LAST))),
            legend: &["target", "level"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
    ],
    runbook: include_str!("alert_path.md"),
    ..BASE
};
