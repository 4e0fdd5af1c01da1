//! Security advisories that `cargo audit` found, and the age of its report. Checklist: Wednesday 5, "Run dependency
//! security scan".

use crate::prelude::*;

pub static ADVISORIES: Metric = Metric::gauge(
    "checklist_advisories",
    "Security advisories that apply to the dependencies, by level: critical, high, medium, low or unknown.",
    &["report", "level"],
);
pub static WRITTEN: Metric = Metric::fact(
    "checklist_advisories_report_timestamp_seconds",
    "Unix time at which the report of cargo audit was written.",
    &["report"],
);

pub static FUTURE: Metric = Metric::gauge(
    "checklist_advisories_report_in_future",
    "Whether the report's time is more than five minutes in the future (1), so that its age is unknown, or not (0).",
    &["report"],
);

pub static WARNINGS: Metric = Metric::gauge(
    "checklist_advisory_warnings",
    "Dependencies for which cargo audit reports a warning, by kind: unmaintained, unsound, yanked or other.",
    &["report", "kind"],
);
pub static DATABASE: Metric = Metric::fact(
    "checklist_advisories_database_timestamp_seconds",
    "Unix time of the last change of the advisory database that the scan used.",
    &["report"],
)
.sparse();

static WARNED: Threshold = Threshold::above(
    "advisories.warnings",
    "dependencies with a warning",
    Unit::Count,
    "A dependency that is unmaintained, unsound or yanked has no known vulnerability, but nobody will fix one that is found later.",
)
.warning(0.0);

static DATABASE_AGE: Threshold = Threshold::above(
    "advisories.database_age",
    "age of the advisory database",
    Unit::Seconds,
    "The database changes several times a week; a scan with a database of last month misses new advisories.",
)
.warning(14.0 * DAY);

static IN_FUTURE: Threshold = Threshold::above(
    "advisories.report_in_future",
    "reports dated in the future",
    Unit::Count,
    "A time in the future comes from a wrong clock. The report would look new until that time.",
)
.warning(0.0);

static SEVERE: Threshold = Threshold::above(
    "advisories.severe",
    "severe vulnerabilities",
    Unit::Count,
    "The checklist expects no vulnerabilities. A high or critical one is fixed within days, so this is a warning.",
)
.warning(0.0);

static OTHER: Threshold = Threshold::above(
    "advisories.other",
    "other vulnerabilities",
    Unit::Count,
    "The checklist expects no vulnerabilities.",
)
.warning(0.0);

static MAX_AGE: Threshold = Threshold::above(
    "advisories.report_age",
    "age of the report",
    Unit::Seconds,
    "The scan runs weekly; one day of tolerance.",
)
.warning(8.0 * DAY);

const SEVERE_ONES: &[(&str, &[&str])] = &[("level", &["critical", "high"])];
const OTHER_ONES: &[(&str, &[&str])] = &[("level", &["medium", "low", "unknown"])];

pub static SIGNAL: Signal = Signal {
    id: "advisories",
    title: "Security advisories",
    cadence: Cadence::Weekly,
    section: "Security Check",
    kind: TargetKind::Advisories,
    interval: minutes(15),
    timeout: seconds(60),
    looks: &[Looks::at_some(Object::Report)],
    metrics: &[&ADVISORIES, &WRITTEN, &FUTURE, &WARNINGS, &DATABASE],
    thresholds: &[&WARNED, &DATABASE_AGE, &IN_FUTURE, &SEVERE, &OTHER, &MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistAdvisorySevere",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(SEVERE_ONES)), &SEVERE),
            pending: minutes(15),
            summary: "A dependency has a severe vulnerability.",
            description: "{value} {{ $labels.level }} advisories apply to {{ $labels.report }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisory",
            when: When::Beyond(Value::Of(of(&ADVISORIES).with(OTHER_ONES)), &OTHER),
            pending: minutes(60),
            summary: "A dependency has a vulnerability.",
            description: "{value} {{ $labels.level }} advisories apply to {{ $labels.report }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisoryScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "The dependency scan report is too old.",
            description: "The report {{ $labels.report }} of cargo audit is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisoryWarning",
            when: When::Beyond(Value::Of(of(&WARNINGS)), &WARNED),
            pending: minutes(60),
            summary: "A dependency is unmaintained, unsound or yanked.",
            description: "{value} dependencies of {{ $labels.report }} are {{ $labels.kind }}, as cargo audit reports.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisoryDatabaseStale",
            when: When::Beyond(Value::Age(of(&DATABASE)), &DATABASE_AGE),
            pending: minutes(60),
            summary: "The dependency scan uses an old advisory database.",
            description: "The advisory database of {{ $labels.report }} is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAdvisoryReportInFuture",
            when: When::Beyond(Value::Of(of(&FUTURE)), &IN_FUTURE),
            pending: minutes(60),
            summary: "A report has a time in the future.",
            description: "The report {{ $labels.report }} of cargo audit has a time in the future, so its age is unknown.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Severe security advisories",
            description: "High and critical advisories that apply to the dependencies.",
            query: PanelQuery::Value(Value::Of(of(&ADVISORIES).with(SEVERE_ONES))),
            legend: &["report", "level"],
            threshold: Some(&SEVERE),
            ..PANEL
        },
        Panel {
            title: "Other security advisories",
            description: "Advisories of lower or unknown level that apply to the dependencies.",
            query: PanelQuery::Value(Value::Of(of(&ADVISORIES).with(OTHER_ONES))),
            legend: &["report", "level"],
            threshold: Some(&OTHER),
            ..PANEL
        },
        Panel {
            title: "Age of the advisory report",
            description: "Time since the report of cargo audit was written.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&WRITTEN))),
            legend: &["report"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
        Panel {
            title: "Dependencies with a warning",
            description: "Dependencies that are unmaintained, unsound or yanked.",
            query: PanelQuery::Value(Value::Of(of(&WARNINGS))),
            legend: &["report", "kind"],
            threshold: Some(&WARNED),
            ..PANEL
        },
        Panel {
            title: "Age of the advisory database",
            description: "Time since the last change of the advisory database.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Age(of(&DATABASE))),
            legend: &["report"],
            threshold: Some(&DATABASE_AGE),
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
    runbook: include_str!("advisories.md"),
    ..BASE
};
