//! Restarts of containers. Checklist: daily 3, "Check for pod restarts".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static RESTARTS: Metric = Metric::counter(
    "checklist_container_restarts_total",
    "Restarts of the container since its pod was created.",
    &["namespace", "workload", "pod", "container"],
);
pub static LAST_TERMINATION: Metric = Metric::fact(
    "checklist_container_last_termination_timestamp_seconds",
    "Unix time at which the previous instance of the container ended, with the reason.",
    &["namespace", "workload", "pod", "container", "reason"],
)
.sparse();

static RECENT: Threshold = Threshold::below(
    "restarts.recent",
    "time since the last restart",
    Unit::Seconds,
    "The checklist is reviewed every morning, so a restart is reported for a day.",
)
.warning(DAY);

static PER_HOUR: Threshold = Threshold::above(
    "restarts.per_hour",
    "restarts within an hour",
    Unit::Count,
    "Four restarts within an hour that continue indicate a crash loop; four within a few minutes can be a failover of the database. This is a warning because other replicas serve; a workload without ready pods has a critical alert of its own.",
)
.warning(3.0);

static OOM_RECENT: Threshold = Threshold::below(
    "restarts.oom_recent",
    "time since a container ran out of memory",
    Unit::Seconds,
    "A container that exceeded its memory limit will do so again; the alert fires for an hour after the event.",
)
.warning(HOUR);

const OOM: &[(&str, &[&str])] = &[("reason", &["OOMKilled"])];

pub static SIGNAL: Signal = Signal {
    id: "restarts",
    title: "Container restarts",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Live,
    kind: TargetKind::Kubernetes,
    interval: seconds(30),
    timeout: seconds(10),
    max_series: 50_000,
    looks: &[Looks::at_some(Object::Namespace), Looks::at_any(Object::Container)],
    metrics: &[&RESTARTS, &LAST_TERMINATION],
    thresholds: &[&RECENT, &PER_HOUR, &OOM_RECENT],
    alerts: &[
        Alert {
            name: "ChecklistContainerRestartsOften",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let limit = limits.level(&PER_HOUR, severity);
                    format!("{} > {limit} and {} > 0", scope.risen(&RESTARTS, "1h"), scope.risen(&RESTARTS, "20m"))
                },
                threshold: Some(&PER_HOUR),
                metrics: &[&RESTARTS],
                case: |given| {
                    // More restarts within each minute than the limit allows within the hour.
                    let (many, limit) = (given.limit + 1.0, given.limit.floor());
                    let on = |replica: &str, values: String| input(&RESTARTS, values).with("instance", replica);
                    let deployed = vec![
                        on("before", format!("0+{many}x5 stale")),
                        on("after", format!("_x6 {}+{many}x{SAMPLES}", 6.0 * many)),
                    ];
                    let as_allowed = format!("0+0x{} {limit}+0x{SAMPLES}", given.pending.as_secs() / 60);
                    Case::new(vec![line(&RESTARTS, 0.0, many)], vec![steady(&RESTARTS, 3.0 * many)])
                        .after(minutes(1))
                        .fires("fires although the exporter was deployed again meanwhile", deployed)
                        .quiet(
                            "does not fire on as many restarts as the limit allows",
                            vec![input(&RESTARTS, as_allowed)],
                        )
                        .quiet("does not fire when the pod was replaced", vec![step(&RESTARTS, 3.0 * many, 0, 0.0)])
                        .quiet("does not fire when it ends within minutes", vec![step(&RESTARTS, 0.0, 0, 3.0 * many)])
                },
            }),
            // Longer than the window of twenty minutes: restarts that have ended do not fire.
            pending: minutes(25),
            summary: "A container restarts repeatedly.",
            description: "Container {{ $labels.container }} in {{ $labels.namespace }}/{{ $labels.pod }} restarted {value} times within an hour; the limit is {limit}. Look at: kubectl -n {{ $labels.namespace }} logs --previous {{ $labels.pod }} -c {{ $labels.container }}",
            ..WARNING
        },
        Alert {
            name: "ChecklistContainerRestarted",
            when: When::Beyond(Value::Age(of(&LAST_TERMINATION)), &RECENT),
            pending: seconds(0),
            summary: "A container has restarted.",
            description: "Container {{ $labels.container }} in {{ $labels.namespace }}/{{ $labels.pod }} ended {value} ago ({{ $labels.reason }}) and was started again.",
            ..WARNING
        },
        Alert {
            name: "ChecklistContainerOutOfMemory",
            when: When::Beyond(Value::Age(of(&LAST_TERMINATION).with(OOM)), &OOM_RECENT),
            pending: seconds(0),
            summary: "A container was OOM-killed.",
            description: "Container {{ $labels.container }} in {{ $labels.namespace }}/{{ $labels.pod }} was killed {value} ago because it reached its memory limit.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Restarts per hour",
            description: "Restarts of each container over the last hour; empty is good.",
            query: PanelQuery::Expression(
                // Rounded, because `increase` extrapolates to the ends of its window.
                |scope| format!("round(max without (instance) (increase({}[1h]))) > 0", scope.series(&RESTARTS)),
                &[&RESTARTS],
            ),
            legend: &["namespace", "pod", "container"],
            // No threshold: the alert subtracts the lowest value of the hour, while the panel shows `increase`.
            ..PANEL
        },
        Panel {
            title: "Restarts per day",
            description: "Restarts of each container over the last 24 hours; a flat zero is good.",
            query: PanelQuery::Expression(
                |scope| format!("max without (instance) (increase({}[24h])) > 0", scope.series(&RESTARTS)),
                &[&RESTARTS],
            ),
            legend: &["namespace", "pod", "container"],
            ..PANEL
        },
        Panel {
            title: "Last restarts",
            description: "Time since the previous instance of each container ended, with the reason.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&LAST_TERMINATION))),
            legend: &["namespace", "pod", "container", "reason"],
            threshold: Some(&RECENT),
            ..PANEL
        },
        Panel {
            title: "Last OOM kills",
            description: "Time since each container was last OOM-killed; empty is good.",
            drawing: Drawing::Table,
            query: PanelQuery::Value(Value::Age(of(&LAST_TERMINATION).with(OOM))),
            legend: &["namespace", "pod", "container"],
            threshold: Some(&OOM_RECENT),
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "kube-state-metrics",
        records: &[
            // Sidecars are init containers that restart always.
            (
                &RESTARTS,
                "max by (namespace, pod, container) (kube_pod_container_status_restarts_total{{selector}} or kube_pod_init_container_status_restarts_total{{selector}} and on (namespace, pod, container) kube_pod_init_container_info{{selector}, restart_policy=\"Always\"})",
            ),
            (
                &LAST_TERMINATION,
                "max by (namespace, pod, container, reason) (kube_pod_container_status_last_terminated_timestamp{{selector}} * on (namespace, pod, container) group_left (reason) max by (namespace, pod, container, reason) (kube_pod_container_status_last_terminated_reason{{selector}} == 1)) or max by (namespace, pod, container, reason) (kube_pod_init_container_status_last_terminated_timestamp{{selector}} * on (namespace, pod, container) group_left (reason) max by (namespace, pod, container, reason) (kube_pod_init_container_status_last_terminated_reason{{selector}} == 1) and on (namespace, pod, container) kube_pod_init_container_info{{selector}, restart_policy=\"Always\"})",
            ),
        ],
    }],
    access: &[Access::Kubernetes("", "pods", LIST_WATCH)],
    runbook: include_str!("restarts.md"),
    ..BASE
};
