//! Claims that wait for a volume. The usage of volumes is the signal `disk`. Checklist: Friday 4, "Check PVC usage".

use crate::prelude::*;

pub static BOUND: Metric = Metric::gauge(
    "checklist_volume_claim_bound",
    "Whether the claim is bound to a volume (1) or is pending or lost (0).",
    &["namespace", "persistentvolumeclaim"],
);
pub static REQUESTED: Metric = Metric::gauge(
    "checklist_volume_claim_requested_bytes",
    "Requested size of the claim.",
    &["namespace", "persistentvolumeclaim"],
);

pub static SIGNAL: Signal = Signal {
    id: "pvc",
    title: "Volume claims",
    cadence: Cadence::Weekly,
    section: "Capacity Planning Review",
    kind: TargetKind::Kubernetes,
    max_series: 20_000,
    looks: &[Looks::at_some(Object::Namespace), Looks::at_any(Object::Claim)],
    metrics: &[&BOUND, &REQUESTED],
    alerts: &[Alert {
        name: "ChecklistVolumeClaimNotBound",
        when: When::Zero(of(&BOUND)),
        pending: minutes(10),
        summary: "A persistent volume claim is not bound.",
        description: "Claim {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} is not bound to a volume.",
        ..WARNING
    }],
    panels: &[
        Panel {
            title: "Requested storage",
            description: "Requested size of each claim.",
            query: PanelQuery::Value(Value::Of(of(&REQUESTED))),
            legend: &["namespace", "persistentvolumeclaim"],
            ..PANEL
        },
        Panel {
            title: "Bound claims",
            description: "Whether each claim is bound to a volume.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&BOUND))),
            legend: &["namespace", "persistentvolumeclaim"],
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "kube-state-metrics",
        records: &[
            (
                &BOUND,
                "max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_status_phase{{selector}, phase=\"Bound\"})",
            ),
            (
                &REQUESTED,
                "max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_resource_requests_storage_bytes{{selector}})",
            ),
        ],
    }],
    access: &[Access::Kubernetes("", "pods", LIST_WATCH), Access::Kubernetes("", "persistentvolumeclaims", LIST_WATCH)],
    runbook: include_str!("pvc.md"),
    ..BASE
};
