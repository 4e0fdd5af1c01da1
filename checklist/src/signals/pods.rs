//! Workloads, their pods, and services without ready endpoints. Checklist: daily 1, "All pods Running with 1/1 READY".

mod kube_state_metrics;
mod metrics;

use crate::condition::history::{Given, SAMPLES};
use crate::prelude::*;

pub use metrics::{ALL_ENDPOINTS, DESIRED, ENDPOINTS, JOB_FAILED, NOT_READY, PODS, READY, REFUSED};

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

static FAILED_JOBS: Threshold = Threshold::above(
    "pods.failed_jobs",
    "failed jobs",
    Unit::Count,
    "A job gives up only after its retries, and its pods may be gone before anybody looks.",
)
.warning(0.0);

static REFUSED_PODS: Threshold = Threshold::above(
    "pods.refused",
    "workloads without new pods",
    Unit::Count,
    "Old pods go on serving, but neither a new version nor a replacement can start.",
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

/// Returns whether a job has failed or a cron job was not started, for any reason.
fn failed_jobs(scope: &Scope) -> String {
    format!("max without (reason) ({})", scope.max(&JOB_FAILED))
}

/// Returns whether new pods of a workload cannot be created, for any reason.
fn refused_pods(scope: &Scope) -> String {
    format!("max without (reason) ({})", scope.max(&REFUSED))
}

/// Returns whether a pod is not ready, for any reason.
fn unready(scope: &Scope) -> String {
    format!("max without (reason) ({})", scope.max(&NOT_READY))
}

/// Returns the condition that none of the wanted pods or endpoints is ready. The loss of several that were ready within
/// ten minutes counts at once. A single one may move to another node: it has three minutes. A workload that was scaled
/// up from zero has ten: it may wait for a node, an image and its own start. A new one, which nobody uses yet, has twenty:
/// it may restore its data first.
///
/// In a crash loop the pod is ready for a while after each start. So the condition also holds when none was ready for
/// most of a quarter of an hour, and that changed at least three times: pods that come back after an outage change it
/// twice. Its value is then the mean number of ready ones, and 0 if there is none now.
fn none_left(scope: &Scope, have: &'static Metric, want: &'static Metric) -> String {
    format!(
        "({now} == 0 and {wanted} > 0 and ({wanted} > 1 and {lately} > 0 or {since} == 0 and {known}) unless {woken} == 0) \
         or ({share} and avg_over_time({none}) > 0.5 and changes({none}) >= 3 and {wanted} > 0 and {known} unless {awake} == 0)",
        now = scope.max(have),
        wanted = scope.max(want),
        lately = scope.over("max_over_time", have, "10m"),
        since = scope.over("max_over_time", have, "3m"),
        known = scope.over("count_over_time", want, "1h@18m"),
        woken = scope.over("min_over_time", want, "10m"),
        share = scope.over("avg_over_time", have, "15m"),
        none = format_args!("({} == bool 0)[15m:30s]", scope.max(have)),
        awake = scope.over("min_over_time", want, "15m"),
    )
}

/// A rule test for pods that are lost, moved, new or scaled up from zero, all judged after half an hour.
fn none_left_case(have: &'static Metric, want: &'static Metric, given: &Given<'_>) -> Case {
    let series = |metric, values: &str| input(metric, values.replace('~', &format!("x{SAMPLES}")));
    let of = |had: &str, wanted: &str| vec![series(have, had), series(want, wanted)];
    // Each pattern takes four or five minutes.
    let times = 8 + usize::try_from(given.pending.as_secs() / 240).unwrap_or(0);
    let repeated = |values: &str| vec![values; times].join(" ");
    let crashes = format!("1+0x16 {}", repeated("0+0x2 1"));
    let mostly_down = format!("1+0x15 {}", repeated("0+0x2 1+0x1"));
    let together = format!("3+0x16 {}", repeated("0+0x1 3 0+0x1 3"));
    let (woken, woken_wanted) = (repeated("0+0x1 1 0+0x2"), repeated("1+0x3 0+0x1"));
    Case::new(of("3+0x25 0+0~", "3+0~"), of("1+0~", "3+0~"))
        .after(minutes(26))
        .fires("fires when the only pod is missing for long", of("1+0x23 0+0~", "1+0~"))
        .fires("fires when a scaled-up workload never becomes ready", of("0+0~", "0+0x16 3+0~"))
        .fires("fires when a new pod never becomes ready", of("_x8 0+0~", "_x8 3+0~"))
        .fires("fires when the only pod is ready for a minute between two crashes", of(&crashes, "1+0~"))
        .fires("fires when the only pod is down for three of five minutes", of(&mostly_down, "1+0~"))
        .fires("fires when all pods are down together for two of three minutes", of(&together, "3+0~"))
        .quiet("does not fire when no pods are wanted", of("3+0x25 0+0~", "3+0x25 0+0~"))
        .quiet("does not fire while the only pod moves to another node", of("1+0x26 0+0~", "1+0~"))
        .quiet("does not fire while a scaled-up workload starts", of("0+0~", "0+0x20 3+0~"))
        .quiet("does not fire while a new pod starts", of("_x11 0+0~", "_x11 3+0~"))
        .quiet("does not fire while a service that is scaled to zero works now and then", of(&woken, &woken_wanted))
}

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
        Looks::at_any(Object::Job),
        Looks::at_any(Object::CronJob),
        Looks::at_any(Object::Service),
    ],
    metrics: &[&DESIRED, &READY, &REFUSED, &PODS, &NOT_READY, &JOB_FAILED, &ENDPOINTS, &ALL_ENDPOINTS],
    thresholds: &[&WAITING, &UNREADY, &FAILED_JOBS, &REFUSED_PODS],
    alerts: &[
        Alert {
            name: "ChecklistWorkloadDown",
            covers: &["ChecklistWorkloadReplicasMissing"],
            at_once: Some(When::None(&READY, &DESIRED)),
            when: When::History(History {
                expr: |scope, _, _| none_left(scope, &READY, &DESIRED),
                threshold: None,
                metrics: &[&READY, &DESIRED],
                case: |given| none_left_case(&READY, &DESIRED, given),
            }),
            summary: "A workload has no ready pod.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} has no ready pod{{ if $value }} for most of a quarter of an hour{{ end }}{{ with printf \"topk(1, count by (reason) (checklist_pod_not_ready{target=%q,namespace=%q,pod=~%q}))\" $labels.target $labels.namespace (printf \"%s-.*\" $labels.workload) | query }}: {{ . | first | label \"reason\" }}{{ end }}. Look at: kubectl -n {{ $labels.namespace }} get pods",
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
                // What was stuck for five minutes and is well again, as after a rollback, is no longer stuck.
                expr: |scope, limits, severity| {
                    let lately = scope.over("max_over_time", &NOT_READY, "2m");
                    let limit = limits.level(&WAITING, severity);
                    format!("{} > {limit} and max without (reason) ({lately})", stuck(scope))
                },
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
                    .quiet(
                        "does not fire after a bad image was rolled back",
                        vec![waits("ImagePullBackOff", format!("{bad}+0x5 stale"))],
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
                    // Four samples each, for as long as the other series.
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
            name: "ChecklistJobFailed",
            at_once: Some(When::Beyond(Value::Of(of(&JOB_FAILED)), &FAILED_JOBS)),
            when: When::History(History {
                expr: |scope, limits, severity| {
                    format!("{} > {}", failed_jobs(scope), limits.level(&FAILED_JOBS, severity))
                },
                threshold: Some(&FAILED_JOBS),
                metrics: &[&JOB_FAILED],
                case: |given| {
                    let steady = crate::condition::history::constant(given.limit + 1.0);
                    let failed = input(&JOB_FAILED, steady).with("reason", "BackoffLimitExceeded");
                    Case::new(vec![failed], Vec::new()).without(&["reason"])
                },
            }),
            pending: minutes(5),
            summary: "A job has failed, does not start or does not end.",
            description: "Job {{ $labels.namespace }}/{{ $labels.workload }} has failed, was not started when it was due, or does not end{{ with printf \"topk(1, checklist_job_failed{target=%q,namespace=%q,workload=%q})\" $labels.target $labels.namespace $labels.workload | query }}: {{ . | first | label \"reason\" }}{{ end }}. Look at: kubectl -n {{ $labels.namespace }} get cronjobs,jobs",
            ..WARNING
        },
        Alert {
            name: "ChecklistPodsRefused",
            at_once: Some(When::Beyond(Value::Of(of(&REFUSED)), &REFUSED_PODS)),
            when: When::History(History {
                expr: |scope, limits, severity| {
                    format!("{} > {}", refused_pods(scope), limits.level(&REFUSED_PODS, severity))
                },
                threshold: Some(&REFUSED_PODS),
                metrics: &[&REFUSED],
                case: |given| {
                    let steady = crate::condition::history::constant(given.limit + 1.0);
                    let refused = input(&REFUSED, steady).with("reason", "FailedCreate");
                    Case::new(vec![refused], Vec::new()).without(&["reason"])
                },
            }),
            pending: minutes(10),
            summary: "New pods of a workload cannot be created.",
            description: "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.workload }} cannot create new pods; its present ones go on. Look at: kubectl -n {{ $labels.namespace }} describe replicasets",
            ..WARNING
        },
        Alert {
            name: "ChecklistServiceWithoutEndpoints",
            // Without any pod behind it nobody wants the service at present: scaled to zero, a preview, the read
            // replicas of a single database. A workload that wants pods and has none is a page of its own.
            at_once: Some(When::None(&ENDPOINTS, &ALL_ENDPOINTS)),
            when: When::History(History {
                expr: |scope, _, _| none_left(scope, &ENDPOINTS, &ALL_ENDPOINTS),
                threshold: None,
                metrics: &[&ENDPOINTS, &ALL_ENDPOINTS],
                case: |given| none_left_case(&ENDPOINTS, &ALL_ENDPOINTS, given),
            }),
            summary: "A service has no ready endpoint.",
            description: "Service {{ $labels.namespace }}/{{ $labels.service }} has no ready pod{{ if $value }} for most of a quarter of an hour{{ end }}, so its connections fail. Look at: kubectl -n {{ $labels.namespace }} get endpointslices -l kubernetes.io/service-name={{ $labels.service }}",
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
            title: "Refused pods",
            description: "Workloads whose new pods cannot be created; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Expression(refused_pods, &[&REFUSED]),
            legend: &["namespace", "workload"],
            threshold: Some(&REFUSED_PODS),
            ..PANEL
        },
        Panel {
            title: "Failed jobs",
            description: "Jobs and cron jobs whose last run failed or did not start; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Expression(failed_jobs, &[&JOB_FAILED]),
            legend: &["namespace", "workload"],
            threshold: Some(&FAILED_JOBS),
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
            (&DESIRED, kube_state_metrics::DESIRED),
            (&READY, kube_state_metrics::READY),
            (&REFUSED, kube_state_metrics::REFUSED),
            (&PODS, kube_state_metrics::PODS),
            (&NOT_READY, kube_state_metrics::NOT_READY),
            (&JOB_FAILED, kube_state_metrics::JOB_FAILED),
            (&ENDPOINTS, kube_state_metrics::ENDPOINTS),
            (&ALL_ENDPOINTS, kube_state_metrics::ALL_ENDPOINTS),
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
        Access::Kubernetes("batch", "jobs", LIST_WATCH),
        Access::Kubernetes("batch", "cronjobs", LIST_WATCH),
    ],
    runbook: include_str!("pods.md"),
    ..BASE
};
