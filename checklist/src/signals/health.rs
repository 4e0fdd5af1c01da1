//! The health pages of the application and its database. Checklist: daily 2, "Verify health endpoints".

use crate::prelude::*;

pub static STATUS: Metric = Metric::gauge("checklist_http_status_code", "HTTP status code of the last response.", &[]);
pub static DURATION: Metric =
    Metric::gauge("checklist_http_duration_seconds", "Seconds from connecting to the end of the last response.", &[]);
pub static FIELD_OK: Metric = Metric::gauge(
    "checklist_http_field_ok",
    "Whether the response meets the expectation (1) or not (0): the status code, a body in JSON, or a JSON field.",
    &["field"],
);
pub static VERSION: Metric =
    Metric::gauge("checklist_http_version_info", "Constant 1 with the version in the last response.", &["version"]);

static SLOW: Threshold = Threshold::above(
    "health.duration",
    "response time",
    Unit::Seconds,
    "A health page responds from memory; the limit of the checklist for the 99th percentile of real requests is two seconds.",
)
.warning(2.0);

static VERSIONS: Threshold = Threshold::above(
    "health.versions",
    "versions at the same time",
    Unit::Count,
    "Two versions within a quarter of an hour are a rollout; the same two for two hours are replicas that a rollout has not updated.",
)
.between(1.0, 8.0)
.warning(1.0);

/// Returns the number of versions that each page has reported in all of three windows: the last quarter of an hour, and
/// those an hour and two hours ago. A newly deployed version and a removed one are in some of them only, so a rollout
/// does not count.
fn versions(scope: &Scope) -> String {
    let series = scope.series(&VERSION);
    let at = |offset: &str| format!("count by (check, target, version) (max_over_time({series}[15m]{offset}))");
    format!("count by (check, target) ({} and {} and {})", at(""), at(" offset 1h"), at(" offset 2h"))
}

pub static SIGNAL: Signal = Signal {
    id: "health",
    title: "Health endpoints",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Health,
    interval: seconds(30),
    timeout: seconds(10),
    max_series: 100,
    looks: &[Looks::at_some(Object::Page), Looks::at_any(Object::Field)],
    metrics: &[&STATUS, &DURATION, &FIELD_OK, &VERSION],
    thresholds: &[&SLOW, &VERSIONS],
    alerts: &[
        Alert {
            name: "ChecklistHealthFailed",
            when: When::Failing(of(&FIELD_OK)),
            summary: "An application reports that it is not healthy.",
            description: "Application {{ $labels.target }} reports that it is not healthy: {{ $labels.field }} on its health page does not have the expected value.",
            // Alerts on the failed requests of the same cause fire for some minutes longer.
            keep_firing: minutes(15),
            ..CRITICAL
        },
        Alert {
            name: "ChecklistHealthUnreachable",
            when: When::Failing(of(&crate::self_metrics::PROBE_SUCCESS)),
            summary: "A health endpoint does not respond.",
            description: "The health page of {{ $labels.target }} gives no usable response{{ with printf \"checklist_target_unreachable_info{kind=\\\"health\\\",target=%q}\" $labels.target | query }}: {{ . | first | label \"words\" }}{{ end }}.",
            keep_firing: minutes(15),
            ..CRITICAL
        },
        Alert {
            name: "ChecklistHealthSlow",
            when: When::Beyond(Value::Of(of(&DURATION)), &SLOW),
            pending: minutes(10),
            summary: "A health endpoint responds slowly.",
            description: "The health page of {{ $labels.target }} took {value} to respond; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistHealthVersionSkew",
            when: When::History(History {
                expr: |scope, limits, severity| format!("{} > {}", versions(scope), limits.level(&VERSIONS, severity)),
                threshold: Some(&VERSIONS),
                metrics: &[&VERSION],
                case: |given| {
                    const ALL: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
                    let versions = |count: f64| {
                        let count = ALL.iter().zip(1_u32..).take_while(|(_, n)| f64::from(*n) <= count);
                        count.map(|(version, _)| steady(&VERSION, 1.0).with("version", version)).collect()
                    };
                    // A new version each hour, as with continuous deployment.
                    let of_hour = |hour: usize| {
                        let value = format!("_x{} 1+0x65 stale", (hour * 60).max(1));
                        input(&VERSION, value).with("version", ALL[hour])
                    };
                    let deployed = (0..4).map(of_hour).collect();
                    Case::new(versions(given.limit + 1.0), versions(given.limit))
                        .without(&["version"])
                        .after(hours(2))
                        .quiet("does not fire when a new version is deployed every hour", deployed)
                },
            }),
            pending: minutes(15),
            summary: "Replicas report different versions.",
            description: "The health page of {{ $labels.target }} has reported the same {value} versions for two hours: a rollout has not updated all replicas.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Health expectations",
            description: "Each expectation on the health page: 1 is met, 0 is not.",
            query: PanelQuery::Value(Value::Of(of(&FIELD_OK))),
            legend: &["target", "field"],
            ..PANEL
        },
        Panel {
            title: "Health response time",
            description: "Seconds until the complete response of the health page.",
            query: PanelQuery::Value(Value::Of(of(&DURATION))),
            threshold: Some(&SLOW),
            ..PANEL
        },
        Panel {
            title: "Versions",
            description: "Versions that each health page has reported at the same time for two hours.",
            query: PanelQuery::Expression(versions, &[&VERSION]),
            threshold: Some(&VERSIONS),
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "blackbox_exporter",
        records: &[
            (&STATUS, "max(probe_http_status_code{{selector}})"),
            (&DURATION, "max(probe_duration_seconds{{selector}})"),
            (&FIELD_OK, "label_replace(max(probe_success{{selector}}), \"field\", \"probe_success\", \"\", \"\")"),
        ],
    }],
    access: &[],
    runbook: include_str!("health.md"),
    ..BASE
};
