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

const SEVERE_ONES: &[(&str, &[&str])] = &[("level", &["critical", "high"])];
const OTHER_ONES: &[(&str, &[&str])] = &[("level", &["medium", "low", "unknown"])];

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "advisories",
    title: "Security advisories",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::Advisories,
    interval: minutes(15),
    timeout: seconds(60),
    looks: &[Looks::at_some(Object::Report)],
    metrics: &[&ADVISORIES, &WRITTEN],
    thresholds: &[&SEVERE, &OTHER, &MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistAdvisorySevere",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(SEVERE_ONES)), &SEVERE),
            pending: minutes(15),
            summary: "Dependency has a severe vulnerability.",
            description: "{value} {{ $labels.level }} advisories apply to {{ $labels.report }}.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistAdvisory",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(OTHER_ONES)), &OTHER),
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
    panels: &[
        Panel {
            title: "Severe security advisories",
            description: "High and critical advisories that apply to the dependencies.",
            shown: Shown::Value(Value::Of(of(&ADVISORIES).with(SEVERE_ONES))),
            legend: &["report", "level"],
            threshold: Some(&SEVERE),
            ..PANEL
        },
        Panel {
            title: "Other security advisories",
            description: "Advisories of lower or unknown level that apply to the dependencies.",
            shown: Shown::Value(Value::Of(of(&ADVISORIES).with(OTHER_ONES))),
            legend: &["report", "level"],
            threshold: Some(&OTHER),
            ..PANEL
        },
        Panel {
            title: "Age of the advisories",
            description: "Time since the report of cargo audit was written.",
            drawing: Drawing::Stat,
            shown: Shown::Value(Value::Age(of(&WRITTEN))),
            unit: Unit::Seconds,
            legend: &["report"],
            threshold: Some(&MAX_AGE),
        },
    ],
    runbook: include_str!("advisories.md"),
    ..BASE
};
