//! Third Monday 1, "Check for Rust crate updates": what `cargo outdated` found, and whether it still runs.

use crate::prelude::*;

/// Outdated dependencies by kind.
pub static OUTDATED: Metric = Metric::gauge(
    "checklist_outdated_dependencies",
    "Dependencies with a newer release, by kind of the step: major, minor, patch or removed.",
    &["report", "kind"],
);
/// Age of the report.
pub static WRITTEN: Metric = Metric::fact(
    "checklist_dependencies_report_timestamp_seconds",
    "Unix time at which the report of cargo outdated was written.",
    &["report"],
);

static MAX_AGE: Threshold =
    Threshold::above("dependencies.report_age", Unit::Seconds, "The review is monthly; four days of slack.")
        .warning(35.0 * DAY);

static MAJOR: Threshold = Threshold::above(
    "dependencies.major",
    Unit::Count,
    "More than ten major versions behind is a project of its own; the checklist names no number.",
)
.warning(10.0);

const MAJOR_ONES: &[(&str, &[&str])] = &[("kind", &["major"])];
const OTHER_ONES: &[(&str, &[&str])] = &[("kind", &["minor", "patch", "removed"])];

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "dependencies",
    title: "Outdated dependencies",
    cadence: Cadence::Monthly,
    section: "Update Dependencies",
    kind: TargetKind::Dependencies,
    interval: minutes(15),
    timeout: seconds(60),
    looks: &[Looks::at_some(Object::Report)],
    metrics: &[&OUTDATED, &WRITTEN],
    thresholds: &[&MAX_AGE, &MAJOR],
    alerts: &[
        Alert {
            name: "ChecklistDependencyScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "Dependencies were not reviewed.",
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
    ],
    panels: &[
        Panel {
            title: "Major versions behind",
            description: "Dependencies that are a major version behind.",
            shown: Shown::Value(Value::Of(of(&OUTDATED).with(MAJOR_ONES))),
            legend: &["report", "kind"],
            threshold: Some(&MAJOR),
            ..PANEL
        },
        Panel {
            title: "Outdated dependencies",
            description: "Dependencies with a newer release, by kind of the smaller step.",
            shown: Shown::Value(Value::Of(of(&OUTDATED).with(OTHER_ONES))),
            legend: &["report", "kind"],
            ..PANEL
        },
        Panel {
            title: "Age of the dependency review",
            description: "Time since the report of cargo outdated was written.",
            drawing: Drawing::Stat,
            shown: Shown::Value(Value::Age(of(&WRITTEN))),
            unit: Unit::Seconds,
            legend: &["report"],
            threshold: Some(&MAX_AGE),
        },
    ],
    runbook: include_str!("dependencies.md"),
    ..BASE
};
