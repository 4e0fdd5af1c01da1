//! Wednesday 5, "Run dependency security scan": what `cargo audit` found, and whether it still runs.

use crate::prelude::*;

/// Advisories by level.
pub static ADVISORIES: Metric = Metric::gauge(
    "checklist_advisories",
    "Security advisories that apply to the dependencies, by level: critical, high, medium, low or unknown.",
    &["report", "level"],
);
/// Age of the report.
pub static WRITTEN: Metric = Metric::fact(
    "checklist_advisories_report_timestamp_seconds",
    "Unix time at which the report of cargo audit was written.",
    &["report"],
);

static SEVERE: Threshold = Threshold::above(
    "advisories.severe",
    Unit::Count,
    "The checklist expects no vulnerabilities; a high or critical one is a page.",
)
.critical(0.0);

static OTHER: Threshold =
    Threshold::above("advisories.other", Unit::Count, "The checklist expects no vulnerabilities.").warning(0.0);

static MAX_AGE: Threshold =
    Threshold::above("advisories.report_age", Unit::Seconds, "The scan runs weekly; one day of slack.")
        .warning(8.0 * DAY);

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "advisories",
    title: "Security advisories",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::Advisories,
    interval: minutes(15),
    timeout: seconds(60),
    metrics: &[&ADVISORIES, &WRITTEN],
    thresholds: &[&SEVERE, &OTHER, &MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistAdvisorySevere",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(&[("level", &["critical", "high"])])), &SEVERE),
            pending: minutes(15),
            summary: "Dependency has a severe vulnerability.",
            description: "{value} {{ $labels.level }} advisories apply to {{ $labels.report }}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAdvisory",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(&[("level", &["medium", "low", "unknown"])])), &OTHER),
            pending: minutes(60),
            summary: "Dependency has a vulnerability.",
            description: "{value} {{ $labels.level }} advisories apply to {{ $labels.report }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisoryScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "Dependency scan has stopped.",
            description: "The report {{ $labels.report }} of cargo audit is {value} old; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "Security advisories",
        description: "Advisories that apply to the dependencies, by level.",
        shown: Shown::Value(Value::Of(of(&ADVISORIES))),
        legend: &["report", "level"],
        ..PANEL
    }],
    runbook: include_str!("advisories.md"),
    ..BASE
};
