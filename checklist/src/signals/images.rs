//! Second Monday 5, "Vulnerability scan": what Trivy or Grype found in the images, and whether they still run.

use crate::prelude::*;

/// Vulnerabilities by level.
pub static VULNERABILITIES: Metric = Metric::gauge(
    "checklist_image_vulnerabilities",
    "Vulnerabilities of the image by level: critical, high, medium, low or unknown.",
    &["image", "level"],
);
/// Age of the report.
pub static WRITTEN: Metric =
    Metric::fact("checklist_images_report_timestamp_seconds", "Unix time at which the image was scanned.", &["image"]);

static SEVERE: Threshold =
    Threshold::above("images.critical", Unit::Count, "A critical vulnerability in a deployed image is a page.")
        .critical(0.0);

static HIGH: Threshold =
    Threshold::above("images.high", Unit::Count, "A high vulnerability is mended with the next release.").warning(0.0);

static MAX_AGE: Threshold =
    Threshold::above("images.report_age", Unit::Seconds, "New vulnerabilities of old images appear weekly.")
        .warning(8.0 * DAY);

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "images",
    title: "Image vulnerabilities",
    cadence: Cadence::Monthly,
    section: "Security Review",
    kind: TargetKind::Images,
    interval: minutes(15),
    timeout: seconds(60),
    metrics: &[&VULNERABILITIES, &WRITTEN],
    thresholds: &[&SEVERE, &HIGH, &MAX_AGE],
    alerts: &[
        Alert {
            name: "ChecklistImageVulnerable",
            when: When::Beyond(Value::Of(of(&VULNERABILITIES).with(&[("level", &["critical"])])), &SEVERE),
            pending: minutes(15),
            summary: "Image has a critical vulnerability.",
            description: "Image {{ $labels.image }} has {value} critical vulnerabilities.",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistImageVulnerableHigh",
            when: When::Beyond(Value::Of(of(&VULNERABILITIES).with(&[("level", &["high"])])), &HIGH),
            pending: minutes(60),
            summary: "Image has a high vulnerability.",
            description: "Image {{ $labels.image }} has {value} high vulnerabilities.",
            ..WARNING
        },
        Alert {
            name: "ChecklistImageScanStale",
            when: When::Beyond(Value::Age(of(&WRITTEN)), &MAX_AGE),
            pending: minutes(60),
            summary: "Image scan has stopped.",
            description: "Image {{ $labels.image }} was last scanned {value} ago; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[Panel {
        title: "Image vulnerabilities",
        description: "Vulnerabilities of each image by level.",
        shown: Shown::Value(Value::Of(of(&VULNERABILITIES))),
        legend: &["image", "level"],
        ..PANEL
    }],
    runbook: include_str!("images.md"),
    ..BASE
};
