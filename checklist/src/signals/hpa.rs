//! Autoscalers that are often at their maximum, or cannot scale. Checklist: Friday 3, "Review HPA status".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

const HPA: &[&str] = &["namespace", "hpa"];

pub static REPLICAS: Metric = Metric::gauge(
    "checklist_hpa_replicas",
    "Replicas of the autoscaler's target by state: current, desired, min or max.",
    &["namespace", "hpa", "state"],
);
pub static AT_MAX: Metric = Metric::gauge(
    "checklist_hpa_at_max",
    "Whether the autoscaler has reached its maximum and could be lower (1) or not (0).",
    HPA,
);
pub static LIMITED: Metric = Metric::gauge(
    "checklist_hpa_scaling_limited",
    "Whether the autoscaler wants more replicas than its maximum (1) or not (0).",
    HPA,
);
pub static ABLE: Metric = Metric::gauge(
    "checklist_hpa_able_to_scale",
    "Whether the autoscaler can read its metrics and change its target (1) or not (0).",
    HPA,
);

static ALWAYS: Threshold = Threshold::above(
    "hpa.at_max",
    "autoscalers that want more replicas than their maximum",
    Unit::Count,
    "An autoscaler at its maximum during the day is normal; one that has wanted more replicas for an hour cannot handle the next peak. Slow requests have a critical alert of their own, so this is a warning.",
)
.warning(0.0);

static OFTEN: Threshold = Threshold::above(
    "hpa.at_max_share",
    "share of the day at the maximum",
    Unit::Ratio,
    "The checklist asks whether the maximum is reached frequently: more was wanted for more than a fifth of the day.",
)
.warning(0.20);

/// At its maximum, and not known to want no more: other exporters may not expose what it wants.
fn at_max(scope: &Scope, limit: &str) -> String {
    format!("{} > {limit} unless {} <= {limit}", scope.max(&AT_MAX), scope.max(&LIMITED))
}

/// Returns the share of a whole day, also when the past is shorter: an hour at the maximum is not a fifth of a day
/// because the autoscaler or the exporter is new.
fn of_a_day(scope: &Scope, metric: &'static Metric) -> String {
    format!("sum_over_time({}) / {LOOKS}", scope.past(metric, "1d:5m"))
}

/// The number of samples in a day, one every five minutes.
const LOOKS: f64 = 288.0;

const MAXIMUM: &[(&str, &[&str])] = &[("state", &["max"])];

/// At its maximum and wanting more; at its maximum and content.
fn at_max_case(limit: f64) -> Case {
    let both = |at_max: f64, limited: f64| vec![steady(&AT_MAX, at_max), steady(&LIMITED, limited)];
    let beyond = limit + 1.0;
    Case::new(both(beyond, beyond), both(limit, limit))
        .fires("fires when it is unknown whether more replicas are wanted", vec![steady(&AT_MAX, beyond)])
        .quiet("does not fire at a maximum that is sufficient during the day", both(beyond, limit))
}

/// A rule test: an autoscaler that reaches its maximum after a day fires when the share is reached. A new one that has
/// been at its maximum for half of that time does not.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "series of whole samples")]
fn often_at_max_case(limit: f64) -> Case {
    let beyond = limit + 0.9;
    let looks = (LOOKS * limit / beyond) as u64 + 1;
    let lead = 1440 + 5 * (looks - 1);
    let from = |minute: u64, value: f64| format!("0+0x{} {value}+0x{SAMPLES}", minute - 1);
    let both = |at_max: String, limited: String| vec![input(&AT_MAX, at_max), input(&LIMITED, limited)];
    let at_max = from(1440, beyond);
    let new = format!("_x{} {beyond}+0x{SAMPLES}", lead - 5 * looks / 2);
    let mut raised = both(at_max.clone(), at_max.clone());
    raised.push(input(&REPLICAS, format!("8+0x{lead} 12+0x{SAMPLES}")).with("state", "max"));
    let case = Case::new(both(at_max.clone(), at_max.clone()), vec![steady(&AT_MAX, 0.0), steady(&LIMITED, 0.0)])
        .after(minutes(lead))
        .fires("fires when it is unknown whether more replicas are wanted", vec![input(&AT_MAX, at_max.clone())])
        .quiet("does not fire after the maximum was raised", raised)
        .quiet("does not fire at a maximum that is sufficient during the day", both(at_max, format!("0+0x{SAMPLES}")));
    // A share of a few samples has no half that could be below it.
    if looks < 4 {
        return case;
    }
    case.quiet("does not fire when a new autoscaler begins at its maximum", both(new.clone(), new))
}

pub static SIGNAL: Signal = Signal {
    id: "hpa",
    title: "Autoscaling",
    cadence: Cadence::Weekly,
    section: "Capacity Planning Review",
    kind: TargetKind::Kubernetes,
    interval: seconds(30),
    max_series: 10_000,
    looks: &[Looks::at_some(Object::Namespace), Looks::at_any(Object::Autoscaler)],
    metrics: &[&REPLICAS, &AT_MAX, &LIMITED, &ABLE],
    thresholds: &[&ALWAYS, &OFTEN],
    alerts: &[
        Alert {
            name: "ChecklistAutoscalerAtMax",
            covers: &["ChecklistAutoscalerOftenAtMax"],
            at_once: Some(When::Beyond(Value::Of(of(&LIMITED)), &ALWAYS)),
            when: When::History(History {
                expr: |scope, limits, severity| at_max(scope, &limits.level(&ALWAYS, severity)),
                threshold: Some(&ALWAYS),
                metrics: &[&AT_MAX, &LIMITED],
                case: |given| at_max_case(given.limit),
            }),
            pending: minutes(60),
            summary: "An autoscaler has been at its maximum for an hour.",
            description: "Autoscaler {{ $labels.namespace }}/{{ $labels.hpa }} has been at its maximum for an hour and wants more replicas. Look at: kubectl -n {{ $labels.namespace }} describe hpa {{ $labels.hpa }}",
            ..WARNING
        },
        Alert {
            name: "ChecklistAutoscalerOftenAtMax",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let limit = limits.level(&OFTEN, severity);
                    // Somebody has raised the maximum meanwhile.
                    let most = of(&REPLICAS).with(MAXIMUM);
                    let (now, least) = (scope.max_of(&most), scope.over_of("min_over_time", &most, "1d"));
                    format!(
                        "{} > {limit} unless {} <= {limit} unless ignoring (state) {now} > {least}",
                        of_a_day(scope, &AT_MAX),
                        of_a_day(scope, &LIMITED),
                    )
                },
                threshold: Some(&OFTEN),
                metrics: &[&AT_MAX, &LIMITED, &REPLICAS],
                case: |given| often_at_max_case(given.limit),
            }),
            pending: minutes(60),
            summary: "An autoscaler is often at its maximum.",
            description: "Autoscaler {{ $labels.namespace }}/{{ $labels.hpa }} was at its maximum {value} of the last day and wanted more; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistAutoscalerUnable",
            when: When::Zero(of(&ABLE)),
            summary: "An autoscaler cannot scale.",
            description: "Autoscaler {{ $labels.namespace }}/{{ $labels.hpa }} cannot read its metrics or change its target. Look at: kubectl -n {{ $labels.namespace }} describe hpa {{ $labels.hpa }}",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Autoscaler replicas",
            description: "Current, desired, minimum and maximum replicas of each autoscaler.",
            query: PanelQuery::Value(Value::Of(of(&REPLICAS))),
            legend: &["namespace", "hpa", "state"],
            ..PANEL
        },
        Panel {
            title: "Autoscalers at their maximum",
            description: "1 while an autoscaler cannot add a replica.",
            query: PanelQuery::Value(Value::Of(of(&AT_MAX))),
            legend: HPA,
            threshold: Some(&ALWAYS),
            ..PANEL
        },
        Panel {
            title: "Autoscalers that want more replicas",
            description: "1 while an autoscaler wants more replicas than its maximum.",
            query: PanelQuery::Value(Value::Of(of(&LIMITED))),
            legend: HPA,
            // No threshold: this metric is only a part of the alert's condition, whose limit is about autoscalers at
            // their maximum.
            ..PANEL
        },
        Panel {
            title: "Time at the maximum",
            description: "Share of the last day that each autoscaler was at its maximum.",
            query: PanelQuery::Expression(|scope| of_a_day(scope, &AT_MAX), &[&AT_MAX]),
            legend: HPA,
            threshold: Some(&OFTEN),
            ..PANEL
        },
        Panel {
            title: "Autoscalers that can scale",
            description: "Whether each autoscaler can read its metrics and change its target.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&ABLE))),
            legend: HPA,
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "kube-state-metrics",
        records: &[
            (
                &AT_MAX,
                "max by (namespace, hpa) (label_replace((kube_horizontalpodautoscaler_status_current_replicas{{selector}} >= bool kube_horizontalpodautoscaler_spec_max_replicas{{selector}}) * (kube_horizontalpodautoscaler_spec_max_replicas{{selector}} > bool kube_horizontalpodautoscaler_spec_min_replicas{{selector}}), \"hpa\", \"$1\", \"horizontalpodautoscaler\", \"(.*)\"))",
            ),
            (
                &LIMITED,
                "max by (namespace, hpa) (label_replace(kube_horizontalpodautoscaler_status_condition{{selector}, condition=\"ScalingLimited\", status=\"true\"} * on (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_desired_replicas{{selector}} >= bool kube_horizontalpodautoscaler_spec_max_replicas{{selector}}), \"hpa\", \"$1\", \"horizontalpodautoscaler\", \"(.*)\"))",
            ),
            (
                &ABLE,
                // An autoscaler is disabled when its target is scaled to zero. It does not count as unable to scale.
                "1 - max by (namespace, hpa) (label_replace(kube_horizontalpodautoscaler_status_condition{{selector}, condition=\"AbleToScale\", status=\"false\"} or kube_horizontalpodautoscaler_status_condition{{selector}, condition=\"ScalingActive\", status=\"false\"} unless on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_status_current_replicas{{selector}} == 0, \"hpa\", \"$1\", \"horizontalpodautoscaler\", \"(.*)\"))",
            ),
            (
                &REPLICAS,
                "max by (namespace, hpa, state) (label_replace(label_replace(kube_horizontalpodautoscaler_status_current_replicas{{selector}}, \"state\", \"current\", \"\", \"\") or label_replace(kube_horizontalpodautoscaler_spec_max_replicas{{selector}}, \"state\", \"max\", \"\", \"\"), \"hpa\", \"$1\", \"horizontalpodautoscaler\", \"(.*)\"))",
            ),
        ],
    }],
    access: &[
        Access::Kubernetes("", "pods", LIST_WATCH),
        Access::Kubernetes("autoscaling", "horizontalpodautoscalers", LIST_WATCH),
    ],
    runbook: include_str!("hpa.md"),
    ..BASE
};
