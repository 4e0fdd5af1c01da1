//! Workloads, their pods, and services without ready endpoints. Checklist: daily 1, "All pods Running with 1/1 READY".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static DESIRED: Metric = Metric::gauge(
    "checklist_workload_replicas_desired",
    "Desired pods of the workload.",
    &["namespace", "kind", "workload"],
);
pub static READY: Metric = Metric::gauge(
    "checklist_workload_replicas_ready",
    "Pods of the workload that are ready.",
    &["namespace", "kind", "workload"],
);
pub static PODS: Metric =
    Metric::gauge("checklist_pods", "Pods of the workload by phase.", &["namespace", "workload", "phase"]);
/// The reason is that of the container's state or of the pod's condition.
pub static NOT_READY: Metric = Metric::gauge(
    "checklist_pod_not_ready",
    "Constant 1 for each pod that is neither ready nor finished, with the reason.",
    &["namespace", "pod", "reason"],
)
.sparse();
pub static ENDPOINTS: Metric =
    Metric::gauge("checklist_service_ready_endpoints", "Ready endpoints of the service.", &["namespace", "service"]);
pub static ALL_ENDPOINTS: Metric = Metric::gauge(
    "checklist_service_endpoints",
    "Endpoints of the service, ready or not, without terminating ones; 0 if no pods are wanted for it.",
    &["namespace", "service"],
);

static WAITING: Threshold = Threshold::above(
    "pods.waiting",
    "containers in back-off",
    Unit::Count,
    "A pod with a container in back-off rarely recovers by itself, so one is too many.",
)
.warning(0.0);

static UNREADY: Threshold = Threshold::above(
    "pods.not_ready",
    "pods not ready",
    Unit::Count,
    "Half an hour is longer than a pod needs for scheduling, pulling an image and starting; until then a rollout is stuck and the old version serves.",
)
.warning(0.0);

/// The kubelet's reasons for containers that will not start without help.
const STUCK_ONES: &[(&str, &[&str])] = &[(
    "reason",
    &[
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ],
)];

/// Returns whether a pod was stuck for any of these reasons within five minutes. The label `reason` is aggregated away,
/// because it changes with every attempt of a crash loop or an image pull, which would restart the pending time. The
/// window covers the moments when the pod is ready between two crashes.
fn stuck(scope: &Scope) -> String {
    format!("max without (reason) ({})", scope.over_of("max_over_time", &of(&NOT_READY).with(STUCK_ONES), "5m"))
}

/// Returns whether a pod is not ready, for any reason.
fn unready(scope: &Scope) -> String {
    format!("max without (reason) ({})", scope.max(&NOT_READY))
}

/// Returns the condition that none of the wanted pods or endpoints is ready. The loss of several that were ready within ten
/// minutes counts at once. A single one may move to another node, and new ones may still start: they have three minutes.
/// A workload that was scaled up from zero has ten: it may wait for a node, an image and its own start.
fn none_left(scope: &Scope, have: &'static Metric, want: &'static Metric) -> String {
    format!(
        "{now} == 0 and {wanted} > 0 and ({wanted} > 1 and {lately} > 0 or {since} == 0 and {known}) unless {woken} == 0",
        now = scope.max(have),
        wanted = scope.max(want),
        lately = scope.over("max_over_time", have, "10m"),
        since = scope.over("max_over_time", have, "3m"),
        known = scope.over("count_over_time", want, "2m@3m"),
        woken = scope.over("min_over_time", want, "10m"),
    )
}

/// A rule test for pods that are lost, moved, new or scaled up from zero, all judged after twenty minutes.
fn none_left_case(have: &'static Metric, want: &'static Metric) -> Case {
    let course = |metric, values: &str| input(metric, values.replace('~', &format!("x{SAMPLES}")));
    let of = |had: &str, wanted: &str| vec![course(have, had), course(want, wanted)];
    Case::new(of("3+0x15 0+0~", "3+0~"), of("1+0~", "3+0~"))
        .after(minutes(16))
        .fires("fires when the only pod is missing for long", of("1+0x13 0+0~", "1+0~"))
        .fires("fires when a scaled-up workload never becomes ready", of("0+0~", "0+0x6 3+0~"))
        .fires("fires when a new pod never becomes ready", of("_x13 0+0~", "_x13 3+0~"))
        .quiet("does not fire when no pods are wanted", of("3+0x15 0+0~", "3+0x15 0+0~"))
        .quiet("does not fire while the only pod moves to another node", of("1+0x16 0+0~", "1+0~"))
        .quiet("does not fire while a scaled-up workload starts", of("0+0~", "0+0x10 3+0~"))
        .quiet("does not fire while a new pod starts", of("_x17 0+0~", "_x17 3+0~"))
}

/// Expression for the unfinished pods that are not ready.
macro_rules! unready_of_others {
    () => {
        "kube_pod_status_phase{{selector}, phase=~\"Pending|Running|Unknown\"} == 1 unless on (namespace, pod) kube_pod_status_ready{{selector}, condition=\"true\"} == 1"
    };
}

/// Expression for the creation times of the pods of each job. All runs of a cron job count as one job.
macro_rules! attempts_of_others {
    () => {
        "max by (namespace, owner_name, pod) (label_replace(kube_pod_created{{selector}} * on (namespace, pod) group_left (owner_name) max by (namespace, pod, owner_name) (kube_pod_owner{{selector}, owner_kind=\"Job\"}), \"owner_name\", \"$1\", \"owner_name\", \"(.+)-[0-9]{8}\"))"
    };
}

/// Expression for the endpoints of services from kube-state-metrics. Since 2.18 it exposes endpoint slices by default,
/// before that the older endpoints. The name of a slice is that of its service with a random suffix of five characters.
/// With two address types, each type has all endpoints. Only pods count, so endpoints that somebody else manages do not.
/// The value is 0 only if both the service and its slice (or its older endpoints) are exposed: an `ExternalName` service
/// has no slice, and a missing metric proves nothing.
macro_rules! endpoints_of_others {
    ($slices:literal, $older:literal, $but:literal) => {
        concat!(
            "(max by (namespace, service) (sum by (namespace, service, addresstype) (label_replace(max by (namespace, endpointslice, address) (kube_endpointslice_endpoints{{selector}, targetref_kind=\"Pod\", ",
            $slices,
            "}",
            $but,
            ") * on (namespace, endpointslice) group_left (addresstype) max by (namespace, endpointslice, addresstype) (kube_endpointslice_info{{selector}}), \"service\", \"$1\", \"endpointslice\", \"(.+)-[a-z0-9]{5}\")))",
            " or 0 * max by (namespace, service) (label_replace(kube_endpointslice_info{{selector}}, \"service\", \"$1\", \"endpointslice\", \"(.+)-[a-z0-9]{5}\"))",
            " or sum by (namespace, service) (label_replace(max by (namespace, endpoint, ip) (kube_endpoint_address{{selector}, ",
            $older,
            "} and on (namespace, ip) label_replace(kube_pod_info{{selector}}, \"ip\", \"$1\", \"pod_ip\", \"(.+)\")), \"service\", \"$1\", \"endpoint\", \"(.+)\"))",
            " or 0 * max by (namespace, service) (label_replace(kube_endpoint_info{{selector}}, \"service\", \"$1\", \"endpoint\", \"(.+)\"))",
            ") and on (namespace, service) kube_service_info{{selector}}"
        )
    };
}

/// Expression for the pods that are not ready from kube-state-metrics: pods that are neither ready nor finished, and the
/// last attempt of a failed job. A pod that was never scheduled has no ready condition, so the phase decides. The reason is
/// that of a waiting container, of an init container first.
const NOT_READY_OF_OTHERS: &str = concat!(
    "max by (namespace, pod, reason) ((",
    "kube_pod_init_container_status_waiting_reason{{selector}} == 1",
    " or kube_pod_container_status_waiting_reason{{selector}} == 1 unless on (namespace, pod) kube_pod_init_container_status_waiting_reason{{selector}} == 1",
    " or label_replace(kube_pod_status_unschedulable{{selector}} == 1, \"reason\", \"Unschedulable\", \"\", \"\")",
    ") and on (namespace, pod) (",
    unready_of_others!(),
    ")) or max by (namespace, pod, reason) (label_replace((",
    unready_of_others!(),
    ") unless on (namespace, pod) (kube_pod_container_status_waiting_reason{{selector}} == 1",
    " or kube_pod_init_container_status_waiting_reason{{selector}} == 1 or kube_pod_status_unschedulable{{selector}} == 1)",
    ", \"reason\", \"ContainersNotReady\", \"\", \"\"))",
    " or max by (namespace, pod, reason) (label_replace(kube_pod_status_phase{{selector}, phase=\"Failed\"} == 1",
    " and on (namespace, pod) (",
    attempts_of_others!(),
    " >= on (namespace, owner_name) group_left () max by (namespace, owner_name) (",
    attempts_of_others!(),
    ")), \"reason\", \"PodFailed\", \"\", \"\"))",
);

pub static SIGNAL: Signal = Signal {
    id: "pods",
    title: "Pods and services",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Kubernetes,
    interval: seconds(30),
    timeout: seconds(10),
    max_series: 25_000,
    looks: &[
        Looks::at_some(Object::Namespace),
        Looks::at_any(Object::Workload),
        Looks::at_any(Object::Pod),
        Looks::at_any(Object::Service),
    ],
    metrics: &[&DESIRED, &READY, &PODS, &NOT_READY, &ENDPOINTS, &ALL_ENDPOINTS],
    thresholds: &[&WAITING, &UNREADY],
    alerts: &[
        Alert {
            name: "ChecklistWorkloadDown",
            covers: &["ChecklistWorkloadReplicasMissing"],
            at_once: Some(When::None(&READY, &DESIRED)),
            when: When::History(History {
                expr: |scope, _, _| none_left(scope, &READY, &DESIRED),
                threshold: None,
                metrics: &[&READY, &DESIRED],
                case: |_| none_left_case(&READY, &DESIRED),
            }),
            summary: "A workload has no ready pod.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} has no ready pod. Look at: kubectl -n {{ $labels.namespace }} get pods",
            keep_firing: minutes(15),
            ..CRITICAL
        },
        Alert {
            name: "ChecklistWorkloadReplicasMissing",
            when: When::Fewer(&READY, &DESIRED),
            summary: "A workload has fewer ready pods than desired.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} has only {value}{{ with printf \"checklist_workload_replicas_desired{target=%q,namespace=%q,kind=%q,workload=%q}\" $labels.target $labels.namespace $labels.kind $labels.workload | query }} of {{ . | first | value }}{{ end }} ready pods. Look at: kubectl -n {{ $labels.namespace }} get pods",
            ..WARNING
        },
        Alert {
            name: "ChecklistPodStuck",
            at_once: Some(When::Beyond(Value::Of(of(&NOT_READY).with(STUCK_ONES)), &WAITING)),
            when: When::History(History {
                expr: |scope, limits, severity| format!("{} > {}", stuck(scope), limits.level(&WAITING, severity)),
                threshold: Some(&WAITING),
                metrics: &[&NOT_READY],
                case: |given| {
                    let waits = |reason: &str, values: String| input(&NOT_READY, values).with("reason", reason);
                    let (bad, steady) = (given.limit + 1.0, |value: f64| crate::condition::history::constant(value));
                    // Repeatedly four minutes of back-off and a minute of an attempt to start.
                    let of_times = |waiting: &str, trying: &str| {
                        let long = 4 + given.pending.as_secs() / 300;
                        vec![format!("{waiting} {trying}"); usize::try_from(long).unwrap_or(4)].join(" ")
                    };
                    let pauses = of_times(&format!("{bad}+0x3"), "stale");
                    let tries = of_times("stale _x2", &format!("{bad}+0x1"));
                    Case::new(
                        vec![waits("CrashLoopBackOff", steady(bad))],
                        vec![waits("ContainerCreating", steady(bad))],
                    )
                    .without(&["reason"])
                    .fires(
                        "fires in a crash loop whose reason changes with every attempt",
                        vec![waits("CrashLoopBackOff", pauses.clone()), waits("ContainersNotReady", tries)],
                    )
                    .fires(
                        "fires in a crash loop whose pod is ready for a minute",
                        vec![waits("CrashLoopBackOff", pauses)],
                    )
                    .quiet(
                        "does not fire when a pod crashes until its database is there",
                        vec![waits("CrashLoopBackOff", format!("{bad}+0x2 stale"))],
                    )
                },
            }),
            // The expression remembers five minutes, so a pod must be stuck for three more minutes.
            pending: minutes(8),
            summary: "A pod cannot start.",
            description: "Pod {{ $labels.namespace }}/{{ $labels.pod }} cannot start{{ with printf \"topk(1, checklist_pod_not_ready{target=%q,namespace=%q,pod=%q})\" $labels.target $labels.namespace $labels.pod | query }}: {{ . | first | label \"reason\" }}{{ end }}. Look at: kubectl -n {{ $labels.namespace }} describe pod {{ $labels.pod }}",
            ..WARNING
        },
        Alert {
            name: "ChecklistPodNotReady",
            at_once: Some(When::Beyond(Value::Of(of(&NOT_READY)), &UNREADY)),
            when: When::History(History {
                expr: |scope, limits, severity| {
                    // Twenty minutes of the hour, and lately: also of a pod that is ready now and then.
                    let unready = format!("{} > {}", unready(scope), limits.level(&UNREADY, severity));
                    let stuck = stuck(scope);
                    format!(
                        "count_over_time(({unready})[1h:1m]) >= 20 and count_over_time(({unready})[5m:1m]) unless {stuck} > 0"
                    )
                },
                threshold: Some(&UNREADY),
                metrics: &[&NOT_READY],
                case: |given| {
                    let bad = given.limit + 1.0;
                    let waits = |reason: &str, values: String| vec![input(&NOT_READY, values).with("reason", reason)];
                    let begins = format!("_x30 {bad}+0x{SAMPLES}");
                    // Four samples each, for as long as the other courses.
                    let flaps: String = (0..SAMPLES / 4).map(|_| format!(" {bad}+0x2 stale")).collect();
                    let flaps = format!("_x24{flaps}");
                    Case::new(waits("Unschedulable", begins.clone()), Vec::new())
                        .without(&["reason"])
                        .after(minutes(49))
                        .fires(
                            "fires when the pod is ready for a minute now and then",
                            waits("ContainersNotReady", flaps),
                        )
                        .quiet("does not fire when the pod is known to be stuck", waits("ImagePullBackOff", begins))
                        .quiet(
                            "does not fire after a slow start",
                            waits("ContainersNotReady", format!("_x5 {bad}+0x40 stale")),
                        )
                },
            }),
            pending: minutes(10),
            summary: "A pod does not become ready.",
            description: "Pod {{ $labels.namespace }}/{{ $labels.pod }} has hardly been ready for half an hour{{ with printf \"topk(1, checklist_pod_not_ready{target=%q,namespace=%q,pod=%q})\" $labels.target $labels.namespace $labels.pod | query }}: {{ . | first | label \"reason\" }}{{ end }}. Look at: kubectl -n {{ $labels.namespace }} describe pod {{ $labels.pod }}",
            ..WARNING
        },
        Alert {
            name: "ChecklistServiceWithoutEndpoints",
            // Without any pod behind it nobody wants the service at present: scaled to zero, a preview, the read replicas
            // of a single database. A workload that wants pods and has none is a page of its own.
            at_once: Some(When::None(&ENDPOINTS, &ALL_ENDPOINTS)),
            when: When::History(History {
                expr: |scope, _, _| none_left(scope, &ENDPOINTS, &ALL_ENDPOINTS),
                threshold: None,
                metrics: &[&ENDPOINTS, &ALL_ENDPOINTS],
                case: |_| none_left_case(&ENDPOINTS, &ALL_ENDPOINTS),
            }),
            summary: "A service has no ready endpoint.",
            description: "Service {{ $labels.namespace }}/{{ $labels.service }} has no ready pod, so its connections fail. Look at: kubectl -n {{ $labels.namespace }} get endpointslices -l kubernetes.io/service-name={{ $labels.service }}",
            ..CRITICAL
        },
    ],
    panels: &[
        Panel {
            title: "Ready pods",
            description: "Ready pods of each workload; a step down is a lost pod.",
            query: PanelQuery::Value(Value::Of(of(&READY))),
            legend: &["namespace", "workload"],
            ..PANEL
        },
        Panel {
            title: "Missing pods",
            description: "Desired pods of each workload that are not ready.",
            query: PanelQuery::Expression(
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
            query: PanelQuery::Value(Value::Of(of(&NOT_READY))),
            legend: &["namespace", "pod", "reason"],
            ..PANEL
        },
        Panel {
            title: "Stuck pods",
            description: "Pods that do not recover by themselves, with the reason; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Expression(stuck, &[&NOT_READY]),
            legend: &["namespace", "pod"],
            threshold: Some(&WAITING),
            ..PANEL
        },
        Panel {
            title: "Ready endpoints",
            description: "Ready endpoints of each service; with none, its connections fail.",
            query: PanelQuery::Value(Value::Of(of(&ENDPOINTS))),
            legend: &["namespace", "service"],
            ..PANEL
        },
        Panel {
            title: "Endpoints",
            description: "Endpoints of each service, ready or not; 0 if no pods are wanted.",
            query: PanelQuery::Value(Value::Of(of(&ALL_ENDPOINTS))),
            legend: &["namespace", "service"],
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
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
            // Two replicas of kube-state-metrics expose each pod twice.
            (&PODS, "sum by (namespace, phase) (max by (namespace, pod, phase) (kube_pod_status_phase{{selector}}))"),
            (&NOT_READY, NOT_READY_OF_OTHERS),
            (&ENDPOINTS, endpoints_of_others!("ready!=\"false\"", "ready=\"true\"", "")),
            (
                &ALL_ENDPOINTS,
                endpoints_of_others!(
                    "terminating!=\"true\"",
                    "ready!=\"\"",
                    // Before 2.20, `terminating` is empty and `serving` may have its value. In all releases, only a
                    // terminating endpoint is serving and not ready.
                    " unless on (namespace, endpointslice, address) kube_endpointslice_endpoints{{selector}, ready=\"false\", serving=\"true\"}"
                ),
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
