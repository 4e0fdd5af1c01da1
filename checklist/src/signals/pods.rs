//! Daily 1, "All pods Running with 1/1 READY": workloads, their pods, and services with someone behind them.

use crate::prelude::*;

/// Replicas asked for.
pub static DESIRED: Metric = Metric::gauge(
    "checklist_workload_replicas_desired",
    "Pods that the workload asks for.",
    &["namespace", "kind", "workload"],
);
/// Replicas that are ready.
pub static READY: Metric = Metric::gauge(
    "checklist_workload_replicas_ready",
    "Pods of the workload that are ready.",
    &["namespace", "kind", "workload"],
);
/// Pods by phase.
pub static PODS: Metric =
    Metric::gauge("checklist_pods", "Pods of the workload by phase.", &["namespace", "workload", "phase"]);
/// Pods that should be ready and are not, with the reason that the container or condition gives.
pub static NOT_READY: Metric = Metric::gauge(
    "checklist_pod_not_ready",
    "Constant 1 for each pod that is neither ready nor finished, with the reason.",
    &["namespace", "pod", "reason"],
)
.sparse();
/// Ready endpoints of a service that selects pods.
pub static ENDPOINTS: Metric =
    Metric::gauge("checklist_service_ready_endpoints", "Ready endpoints of the service.", &["namespace", "service"]);

static WAITING: Threshold = Threshold::above(
    "pods.waiting",
    Unit::Count,
    "A pod whose container waits in a back-off does not come back by itself, so one is too many.",
)
.warning(0.0);

/// What the kubelet says of a container that will not start without help.
const STUCK_ONES: &[(&str, &[&str])] = &[(
    "reason",
    &["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"],
)];

/// The signal.
pub static SIGNAL: Signal = Signal {
    id: "pods",
    title: "Pods and services",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    kind: TargetKind::Kubernetes,
    interval: seconds(30),
    timeout: seconds(10),
    max_series: 5_000,
    looks: &[
        Looks::at_some(Object::Namespace),
        Looks::at_any(Object::Workload),
        Looks::at_any(Object::Pod),
        Looks::at_any(Object::Service),
    ],
    metrics: &[&DESIRED, &READY, &PODS, &NOT_READY, &ENDPOINTS],
    thresholds: &[&WAITING],
    alerts: &[
        Alert {
            name: "ChecklistWorkloadDown",
            covers: &["ChecklistWorkloadReplicasMissing"],
            when: When::None(&READY, &DESIRED),
            summary: "Workload has no ready pod.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} has no ready pod.",
            keep_firing: minutes(15),
            ..CRITICAL
        },
        Alert {
            name: "ChecklistWorkloadReplicasMissing",
            when: When::Fewer(&READY, &DESIRED),
            summary: "Workload has fewer ready pods than it asks for.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} has only {value} ready pods.",
            ..WARNING
        },
        Alert {
            name: "ChecklistPodStuck",
            when: When::Beyond(Value::Of(of(&NOT_READY).with(STUCK_ONES)), &WAITING),
            pending: minutes(5),
            summary: "Pod cannot start.",
            description: "Pod {{ $labels.namespace }}/{{ $labels.pod }} waits in {{ $labels.reason }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistServiceWithoutEndpoints",
            when: When::Zero(of(&ENDPOINTS)),
            summary: "Service has no ready endpoint.",
            description: "Nothing answers behind service {{ $labels.namespace }}/{{ $labels.service }}.",
            ..CRITICAL
        },
    ],
    panels: &[
        Panel {
            title: "Ready pods",
            description: "Ready pods of each workload; a step down is a pod that was lost.",
            drawing: Drawing::TimeSeries,
            shown: Shown::Value(Value::Of(of(&READY))),
            unit: Unit::Count,
            legend: &["namespace", "workload"],
            threshold: None,
        },
        Panel {
            title: "Missing pods",
            description: "Pods that each workload asks for and that are not ready.",
            shown: Shown::Expression(
                |scope| format!("{} - {}", scope.max(&DESIRED), scope.max(&READY)),
                &[&DESIRED, &READY],
            ),
            legend: &["namespace", "workload"],
            ..PANEL
        },
        Panel {
            title: "Pods not ready",
            description: "Pods that are neither ready nor finished, with the reason; empty is good.",
            drawing: Drawing::Table,
            shown: Shown::Value(Value::Of(of(&NOT_READY))),
            unit: Unit::Count,
            legend: &["namespace", "pod", "reason"],
            threshold: None,
        },
        Panel {
            title: "Stuck pods",
            description: "Pods that do not come back by themselves, with the reason; empty is good.",
            drawing: Drawing::Table,
            shown: Shown::Value(Value::Of(of(&NOT_READY).with(STUCK_ONES))),
            legend: &["namespace", "pod", "reason"],
            threshold: Some(&WAITING),
            ..PANEL
        },
        Panel {
            title: "Ready endpoints",
            description: "Ready endpoints of each service; without one it refuses every connection.",
            shown: Shown::Value(Value::Of(of(&ENDPOINTS))),
            legend: &["namespace", "service"],
            ..PANEL
        },
    ],
    elsewhere: &[Elsewhere {
        source: "kube-state-metrics",
        records: &[
            (
                &DESIRED,
                "max by (namespace, kind, workload) (label_replace(label_replace(kube_deployment_spec_replicas{{selector}}, \"workload\", \"$1\", \"deployment\", \"(.*)\"), \"kind\", \"Deployment\", \"\", \"\") or label_replace(label_replace(kube_statefulset_replicas{{selector}}, \"workload\", \"$1\", \"statefulset\", \"(.*)\"), \"kind\", \"StatefulSet\", \"\", \"\") or label_replace(label_replace(kube_daemonset_status_desired_number_scheduled{{selector}}, \"workload\", \"$1\", \"daemonset\", \"(.*)\"), \"kind\", \"DaemonSet\", \"\", \"\"))",
            ),
            (
                &READY,
                "max by (namespace, kind, workload) (label_replace(label_replace(kube_deployment_status_replicas_ready{{selector}}, \"workload\", \"$1\", \"deployment\", \"(.*)\"), \"kind\", \"Deployment\", \"\", \"\") or label_replace(label_replace(kube_statefulset_status_replicas_ready{{selector}}, \"workload\", \"$1\", \"statefulset\", \"(.*)\"), \"kind\", \"StatefulSet\", \"\", \"\") or label_replace(label_replace(kube_daemonset_status_number_ready{{selector}}, \"workload\", \"$1\", \"daemonset\", \"(.*)\"), \"kind\", \"DaemonSet\", \"\", \"\"))",
            ),
            (&PODS, "sum by (namespace, phase) (kube_pod_status_phase{{selector}})"),
            (&NOT_READY, "max by (namespace, pod, reason) (kube_pod_container_status_waiting_reason{{selector}} == 1)"),
            (
                &ENDPOINTS,
                "sum by (namespace, service) (label_replace(kube_endpoint_address{{selector}, ready=\"true\"}, \"service\", \"$1\", \"endpoint\", \"(.*)\")) or 0 * max by (namespace, service) (kube_service_info{{selector}})",
            ),
        ],
    }],
    access: &[
        Access::Kubernetes("", "namespaces", &["get"]),
        Access::Kubernetes("", "pods", LIST_WATCH),
        Access::Kubernetes("", "services", LIST_WATCH),
        Access::Kubernetes("discovery.k8s.io", "endpointslices", LIST_WATCH),
        Access::Kubernetes("apps", "deployments", LIST_WATCH),
        Access::Kubernetes("apps", "statefulsets", LIST_WATCH),
        Access::Kubernetes("apps", "daemonsets", LIST_WATCH),
    ],
    runbook: include_str!("pods.md"),
    ..BASE
};
