//! Vulnerabilities that Trivy or Grype found in images, and the age of the reports. Checklist: second Monday 5,
//! "Vulnerability scan".

use crate::prelude::*;

pub static VULNERABILITIES: Metric = Metric::gauge(
    "checklist_image_vulnerabilities",
    "Vulnerabilities of the image for which a fixed version exists, by level: critical, high, medium, low or unknown.",
    &["image", "level"],
);
pub static UNFIXABLE: Metric = Metric::gauge(
    "checklist_image_unfixable_vulnerabilities",
    "Vulnerabilities of the image for which no fixed version exists yet, by level.",
    &["image", "level"],
);
pub static WRITTEN: Metric = Metric::fact(
    "checklist_images_report_timestamp_seconds",
    "Unix time at which the image was scanned, or of the scanner's database where the report says that it is older.",
    &["image"],
);

pub static FUTURE: Metric = Metric::gauge(
    "checklist_images_report_in_future",
    "Whether the report's time is more than five minutes in the future (1), so that its age is unknown, or not (0).",
    &["image"],
);

static IN_FUTURE: Threshold = Threshold::above(
    "images.report_in_future",
    "reports dated in the future",
    Unit::Count,
    "A time in the future comes from a wrong clock. The report would look new until that time.",
)
.warning(0.0);

static SEVERE: Threshold = Threshold::above(
    "images.critical",
    "critical vulnerabilities",
    Unit::Count,
    "A critical vulnerability in a deployed image is fixed within days by rebuilding it, so this is a warning.",
)
.warning(0.0);

static HIGH: Threshold = Threshold::above(
    "images.high",
    "high vulnerabilities",
    Unit::Count,
    "A high vulnerability is fixed with the next release.",
)
.warning(0.0);

static MAX_AGE: Threshold = Threshold::above(
    "images.report_age",
    "age of the report",
    Unit::Seconds,
    "New vulnerabilities in old images are published weekly.",
)
.warning(8.0 * DAY);

const CRITICAL_ONES: &[(&str, &[&str])] = &[("level", &["critical"])];
const HIGH_ONES: &[(&str, &[&str])] = &[("level", &["high"])];
const OTHER_ONES: &[(&str, &[&str])] = &[("level", &["medium", "low", "unknown"])];

pub static SIGNAL: Signal = Signal {
    id: "images",
    title: "Image vulnerabilities",
    cadence: Cadence::Monthly,
    section: "Security Review",
    kind: TargetKind::Images,
    interval: minutes(15),
    timeout: seconds(60),
    looks: &[Looks::at_some(Object::Report)],
    metrics: &[&VULNERABILITIES, &UNFIXABLE, &WRITTEN, &FUTURE],
    thresholds: &[&IN_FUTURE, &SEVERE, &HIGH, &MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistImageVulnerable",
            when: When::Beyond(Value::Of(of(&VULNERABILITIES).with(CRITICAL_ONES)), &SEVERE),
            // The result of a scan does not flap.
            pending: minutes(2),
            summary: "An image has a critical vulnerability.",
            description: "Image {{ $labels.image }} has {value} critical vulnerabilities that newer packages fix. Rebuild the image.",
            ..WARNING
        },
        Alert {
            name: "ChecklistImageVulnerableHigh",
            when: When::Beyond(Value::Of(of(&VULNERABILITIES).with(HIGH_ONES)), &HIGH),
            pending: minutes(60),
            summary: "An image has a high vulnerability.",
            description: "Image {{ $labels.image }} has {value} high vulnerabilities.",
            ..WARNING
        },
        Alert {
            name: "ChecklistImageScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "An image scan report is too old.",
            description: "The last scan of image {{ $labels.image }}, or the database of the scanner, is {value} old; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistImageReportInFuture",
            when: When::Beyond(Value::Of(of(&FUTURE)), &IN_FUTURE),
            pending: minutes(60),
            summary: "A report has a time in the future.",
            description: "The report on image {{ $labels.image }} has a time in the future, so its age is unknown.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Critical image vulnerabilities",
            description: "Critical vulnerabilities of each image.",
            query: PanelQuery::Value(Value::Of(of(&VULNERABILITIES).with(CRITICAL_ONES))),
            legend: &["image"],
            threshold: Some(&SEVERE),
            ..PANEL
        },
        Panel {
            title: "High image vulnerabilities",
            description: "High vulnerabilities of each image.",
            query: PanelQuery::Value(Value::Of(of(&VULNERABILITIES).with(HIGH_ONES))),
            legend: &["image"],
            threshold: Some(&HIGH),
            ..PANEL
        },
        Panel {
            title: "Image vulnerabilities without a fix",
            description: "Vulnerabilities of each image that no newer version fixes yet.",
            query: PanelQuery::Value(Value::Of(of(&UNFIXABLE))),
            legend: &["image", "level"],
            ..PANEL
        },
        Panel {
            title: "Other image vulnerabilities",
            description: "Vulnerabilities of each image with lower levels.",
            query: PanelQuery::Value(Value::Of(of(&VULNERABILITIES).with(OTHER_ONES))),
            legend: &["image", "level"],
            ..PANEL
        },
        Panel {
            title: "Age of the image scans",
            description: "Time since each image was last scanned.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&WRITTEN))),
            legend: &["image"],
            threshold: Some(&MAX_AGE),
            ..PANEL
        },
        Panel {
            title: "Reports dated in the future",
            description: "Whether a report has a time in the future, so that its age is unknown.",
            query: PanelQuery::Value(Value::Of(of(&FUTURE))),
            legend: &["image"],
            threshold: Some(&IN_FUTURE),
            ..PANEL
        },
    ],
    runbook: include_str!("images.md"),
    ..BASE
};
