//! Metrics that rules and panels read and that Prometheus does not have. Checklist: fourth Monday 3, "Review dashboard
//! effectiveness".

use crate::prelude::*;

pub static MISSING: Metric = Metric::gauge(
    "checklist_rule_metrics_missing",
    "Whether a metric that rules and panels read has no series in Prometheus (1) or has some (0).",
    &["metric"],
);

static ANY: Threshold = Threshold::above(
    "dashboards.missing",
    "missing metrics",
    Unit::Count,
    "A rule on a metric without series never fires, and its panel stays empty.",
)
.warning(0.0);

pub static SIGNAL: Signal = Signal {
    id: "dashboards",
    title: "Metrics of rules and panels",
    cadence: Cadence::Monthly,
    section: "Monitoring Review",
    kind: TargetKind::Prometheus,
    interval: minutes(5),
    max_series: 500,
    looks: &[Looks::at_some(Object::Metric)],
    metrics: &[&MISSING],
    thresholds: &[&ANY],
    alerts: &[Alert {
        name: "ChecklistMetricMissing",
        when: When::Beyond(Value::Of(of(&MISSING)), &ANY),
        pending: minutes(60),
        summary: "A metric that a rule uses has no series.",
        description: "Prometheus {{ $labels.target }} has no series of {{ $labels.metric }}, which rules or panels use.",
        ..WARNING
    }],
    panels: &[Panel {
        title: "Missing metrics",
        description: "Metrics that rules and panels read and that have no series; empty is good.",
        drawing: Drawing::Table,
        query: PanelQuery::Expression(|scope| format!("{} > 0", scope.max(&MISSING)), &[&MISSING]),
        legend: &["metric"],
        threshold: Some(&ANY),
        ..PANEL
    }],
    runbook: include_str!("dashboards.md"),
    ..BASE
};
