//! Outdated dependencies that `cargo outdated` found, and the age of its report. Checklist: third Monday 1, "Check for
//! Rust crate updates".

use crate::prelude::*;

pub static OUTDATED: Metric = Metric::gauge(
    "checklist_outdated_dependencies",
    "Dependencies with a newer release, by kind of the update: major, minor, patch or removed.",
    &["report", "kind"],
);
pub static WRITTEN: Metric = Metric::fact(
    "checklist_dependencies_report_timestamp_seconds",
    "Unix time at which the report of cargo outdated was written.",
    &["report"],
);

pub static FUTURE: Metric = Metric::gauge(
    "checklist_dependencies_report_in_future",
    "Whether the report's time is more than five minutes in the future (1), so that its age is unknown, or not (0).",
    &["report"],
);

static IN_FUTURE: Threshold = Threshold::above(
    "dependencies.report_in_future",
    "reports dated in the future",
    Unit::Count,
    "A time in the future comes from a wrong clock. The report would look new until that time.",
)
.warning(0.0);

static MAX_AGE: Threshold = Threshold::above(
    "dependencies.report_age",
    "age of the report",
    Unit::Seconds,
    "The review is monthly. Mondays of a month are up to 35 days apart; three more are tolerance.",
)
.warning(38.0 * DAY);

static MAJOR: Threshold = Threshold::above(
    "dependencies.major",
    "outdated dependencies",
    Unit::Count,
    "Updating more than ten dependencies by a major version needs planning; the checklist names no number.",
)
.warning(10.0);

const MAJOR_ONES: &[(&str, &[&str])] = &[("kind", &["major"])];
const OTHER_ONES: &[(&str, &[&str])] = &[("kind", &["minor", "patch", "removed"])];

pub static SIGNAL: Signal = Signal {
    id: "dependencies",
    title: "Outdated dependencies",
    cadence: Cadence::Monthly,
    section: "Update Dependencies",
    kind: TargetKind::Dependencies,
    interval: minutes(15),
    timeout: seconds(60),
    looks: &[Looks::at_some(Object::Report)],
    metrics: &[&OUTDATED, &WRITTEN, &FUTURE],
    thresholds: &[&IN_FUTURE, &MAX_AGE, &MAJOR],
    alerts: &[
        Alert {
            name: "ChecklistDependencyScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "The report of outdated dependencies is too old.",
            description: "The report {{ $labels.report }} of cargo outdated is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistDependenciesOutdated",
            when: When::Beyond(Value::Of(of(&OUTDATED).with(MAJOR_ONES)), &MAJOR),
            pending: minutes(60),
            summary: "Many dependencies are a major version behind.",
            description: "{value} dependencies of {{ $labels.report }} are a major version behind; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistDependencyReportInFuture",
            when: When::Beyond(Value::Of(of(&FUTURE)), &IN_FUTURE),
            pending: minutes(60),
            summary: "A report has a time in the future.",
            description: "The report {{ $labels.report }} of cargo outdated has a time in the future, so its age is unknown.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Major versions behind",
            description: "Dependencies that are a major version behind.",
            query: PanelQuery::Value(Value::Of(of(&OUTDATED).with(MAJOR_ONES))),
            legend: &["report", "kind"],
            threshold: Some(&MAJOR),
            ..PANEL
        },
        Panel {
            title: "Outdated dependencies",
            description: "Dependencies with a newer minor or patch release, or that were removed.",
            query: PanelQuery::Value(Value::Of(of(&OUTDATED).with(OTHER_ONES))),
            legend: &["report", "kind"],
            ..PANEL
        },
        Panel {
            title: "Age of the dependency review",
            description: "Time since the report of cargo outdated was written.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&WRITTEN))),
            legend: &["report"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
        Panel {
            title: "Reports dated in the future",
            description: "Whether a report has a time in the future, so that its age is unknown.",
            query: PanelQuery::Value(Value::Of(of(&FUTURE))),
            legend: &["report"],
            threshold: Some(&IN_FUTURE),
            ..PANEL
        },
    ],
    runbook: include_str!("dependencies.md"),
    ..BASE
};
