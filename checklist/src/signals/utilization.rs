//! CPU and memory usage compared with limits, and its trend over weeks. Checklist: Monday 4, "Check resource
//! utilization trends".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

const WORKLOAD: &[&str] = &["namespace", "workload"];

pub static POD_CPU: Metric =
    Metric::gauge("checklist_pod_cpu_usage_cores", "CPU cores that the pods of the workload use together.", WORKLOAD);
pub static POD_CPU_LIMIT: Metric = Metric::gauge(
    "checklist_pod_cpu_limit_cores",
    "CPU limit of the pods of the workload together, absent if a container has none.",
    WORKLOAD,
)
.sparse();
pub static POD_MEMORY: Metric = Metric::gauge(
    "checklist_pod_memory_working_set_bytes",
    "Working set of the pods of the workload together.",
    WORKLOAD,
);
pub static POD_MEMORY_LIMIT: Metric = Metric::gauge(
    "checklist_pod_memory_limit_bytes",
    "Memory limit of the pods of the workload together, absent if a container has none.",
    WORKLOAD,
)
.sparse();
pub static NODE_CPU: Metric =
    Metric::gauge("checklist_node_cpu_usage_cores", "CPU cores that the node uses.", &["node"]);
pub static NODE_CPU_ALLOCATABLE: Metric =
    Metric::gauge("checklist_node_cpu_allocatable_cores", "Allocatable CPU cores of the node.", &["node"]);
pub static NODE_MEMORY: Metric =
    Metric::gauge("checklist_node_memory_working_set_bytes", "Working set of the node.", &["node"]);
pub static NODE_MEMORY_ALLOCATABLE: Metric =
    Metric::gauge("checklist_node_memory_allocatable_bytes", "Allocatable memory of the node.", &["node"]);

static USAGE: Threshold = Threshold::above(
    "utilization.usage",
    "share of the limit in use",
    Unit::Ratio,
    "Above 90% the next peak is throttled (CPU) or OOM-killed (memory).",
)
.between(0.0, f64::INFINITY)
.warning(0.90);

static REACHED_WITHIN: Threshold = Threshold::below(
    "utilization.reached_within",
    "time until the limit is reached",
    Unit::Seconds,
    "Two weeks are enough to plan and order capacity; the prediction compares a day with the same weekday before.",
)
.between(DAY, f64::INFINITY)
.warning(14.0 * DAY);

static HEIGHT: Threshold = Threshold::above(
    "utilization.trend_floor",
    "share of the limit in use",
    Unit::Ratio,
    "Below 70% of the limit, growing memory can be a cache that warms up.",
)
.warning(0.70);

/// An alert on a large share of a limit.
const fn near(
    name: &'static str,
    part: &'static Metric,
    whole: &'static Metric,
    summary: &'static str,
    description: &'static str,
    pending: std::time::Duration,
) -> Alert {
    let when = When::Beyond(Value::Share(of(part), of(whole)), &USAGE);
    Alert { name, when, pending, summary, description, ..WARNING }
}

/// Returns the highest share within a day that ended `ago`. Shares are used instead of sums, because an autoscaler
/// removes pods at night, and their limits with them. The highest value is used, because memory is low after each
/// release.
fn day(scope: &Scope, used: &'static Metric, most: &'static Metric, ago: &str) -> String {
    let share = format!("{} / {}", scope.max(used), scope.max(most));
    format!("max_over_time(({share})[1d:30m]{ago})")
}

/// Returns the condition that the highest daily share, with the growth of the last week, reaches 1 within the time of
/// the limit. It must have grown in both halves of the week, because a single step is a release that needs more and
/// stays at the new level. The days that are compared are of the same weekday, because weeks have a rhythm.
fn reaches(
    scope: &Scope,
    limits: &Limits,
    severity: crate::condition::threshold::Severity,
    used: &'static Metric,
    most: &'static Metric,
) -> String {
    let weeks = limits.of(&REACHED_WITHIN).at(severity).unwrap_or(f64::NAN) / (7.0 * DAY);
    let at = |ago| day(scope, used, most, ago);
    let (now, middle, before) = (at(""), at(" offset 84h"), at(" offset 7d"));
    format!(
        "{now} + {weeks} * ({now} - {before}) > 1 and {now} - {middle} > 0.2 * ({now} - {before}) and \
         {middle} - {before} > 0.2 * ({now} - {before}) and {now} > {floor}",
        weeks = number(weeks),
        floor = number(limits.value(&HEIGHT)),
    )
}

/// A rule test: a week of growth that reaches the limit in half of the allowed time fires, and half of the necessary
/// growth does not.
fn growing(used: &'static Metric, most: &'static Metric, given: &crate::Given<'_>) -> Case {
    let (days, floor) = (given.limit / DAY, given.limits.value(&HEIGHT));
    let high = 1000.0 * (floor + 0.05 * (1.0 - floor)).max(0.9);
    // A share that is `high` after seven days and rises by `hour` each hour.
    let by = |hour: f64| vec![line(used, high - 168.0 * hour, hour), steady(most, 1000.0)];
    let needed = (1000.0 - high) / (24.0 * days);
    // An autoscaler that has fewer pods at night, and a release that needs more from then on.
    let nights = |metric, day: f64| input(metric, vec![format!("{day}+0x13 {}+0x9", day / 4.0); 20].join(" "));
    let step = step(used, 0.6 * high, 100, high);
    // Low, then higher, then as high as on the same weekday before.
    let weekly = input(used, format!("{high}+0x3 {}+0x67 {}+0x47 {high}+0x{SAMPLES}", 0.6 * high, 0.8 * high));
    Case::new(by(2.0 * needed), by(0.4 * needed))
        .hourly()
        .after(hours(168))
        .quiet(
            "does not fire when an autoscaler takes pods away at night",
            vec![nights(used, high), nights(most, 1000.0)],
        )
        .quiet("does not fire after a single step", vec![step, steady(most, 1000.0)])
        .quiet("does not fire on a weekly cycle", vec![weekly, steady(most, 1000.0)])
}

pub static SIGNAL: Signal = Signal {
    id: "utilization",
    title: "Resource utilization",
    cadence: Cadence::Weekly,
    section: "Performance Review",
    kind: TargetKind::Kubernetes,
    max_series: 50_000,
    looks: &[Looks::at_some(Object::Namespace), Looks::at_some(Object::Node), Looks::at_any(Object::Pod)],
    metrics: &[
        &POD_CPU,
        &POD_CPU_LIMIT,
        &POD_MEMORY,
        &POD_MEMORY_LIMIT,
        &NODE_CPU,
        &NODE_CPU_ALLOCATABLE,
        &NODE_MEMORY,
        &NODE_MEMORY_ALLOCATABLE,
    ],
    thresholds: &[&USAGE, &REACHED_WITHIN, &HEIGHT],
    alerts: &[
        near(
            "ChecklistWorkloadCpuHigh",
            &POD_CPU,
            &POD_CPU_LIMIT,
            "A workload is near its CPU limit.",
            "Workload {{ $labels.namespace }}/{{ $labels.workload }} uses {value} of its CPU limit; the alert limit is {limit}.",
            // A job that uses its CPU limit for less than an hour is normal.
            minutes(60),
        ),
        near(
            "ChecklistWorkloadMemoryHigh",
            &POD_MEMORY,
            &POD_MEMORY_LIMIT,
            "A workload is near its memory limit.",
            "Workload {{ $labels.namespace }}/{{ $labels.workload }} uses {value} of its memory limit; the alert limit is {limit}.",
            minutes(15),
        ),
        near(
            "ChecklistNodeCpuHigh",
            &NODE_CPU,
            &NODE_CPU_ALLOCATABLE,
            "A node is running out of CPU.",
            "Node {{ $labels.node }} uses {value} of its CPU; the limit is {limit}.",
            minutes(60),
        ),
        near(
            "ChecklistNodeMemoryHigh",
            &NODE_MEMORY,
            &NODE_MEMORY_ALLOCATABLE,
            "A node is running out of memory.",
            "Node {{ $labels.node }} uses {value} of its memory; the limit is {limit}.",
            minutes(15),
        ),
        Alert {
            name: "ChecklistWorkloadMemoryTrend",
            when: When::History(History {
                expr: |scope, limits, severity| reaches(scope, limits, severity, &POD_MEMORY, &POD_MEMORY_LIMIT),
                threshold: Some(&REACHED_WITHIN),
                metrics: &[&POD_MEMORY, &POD_MEMORY_LIMIT],
                case: |given| growing(&POD_MEMORY, &POD_MEMORY_LIMIT, given),
            }),
            pending: hours(6),
            summary: "A workload will reach its memory limit.",
            description: "At the growth rate of the last week, workload {{ $labels.namespace }}/{{ $labels.workload }} will reach its memory limit within {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistNodeMemoryTrend",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    reaches(scope, limits, severity, &NODE_MEMORY, &NODE_MEMORY_ALLOCATABLE)
                },
                threshold: Some(&REACHED_WITHIN),
                metrics: &[&NODE_MEMORY, &NODE_MEMORY_ALLOCATABLE],
                case: |given| growing(&NODE_MEMORY, &NODE_MEMORY_ALLOCATABLE, given),
            }),
            pending: hours(6),
            summary: "A node will run out of memory.",
            description: "At the growth rate of the last week, node {{ $labels.node }} will run out of memory within {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Workload memory",
            description: "Share of its memory limit that each workload uses.",
            query: PanelQuery::Value(Value::Share(of(&POD_MEMORY), of(&POD_MEMORY_LIMIT))),
            legend: WORKLOAD,
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Workload CPU",
            description: "Share of its CPU limit that each workload uses.",
            query: PanelQuery::Value(Value::Share(of(&POD_CPU), of(&POD_CPU_LIMIT))),
            legend: WORKLOAD,
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Workload CPU cores",
            description: "CPU cores that each workload uses.",
            query: PanelQuery::Value(Value::Of(of(&POD_CPU))),
            legend: WORKLOAD,
            ..PANEL
        },
        Panel {
            title: "Node memory",
            description: "Share of its memory that each node uses.",
            query: PanelQuery::Value(Value::Share(of(&NODE_MEMORY), of(&NODE_MEMORY_ALLOCATABLE))),
            legend: &["node"],
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Node CPU",
            description: "Share of its CPU that each node uses.",
            query: PanelQuery::Value(Value::Share(of(&NODE_CPU), of(&NODE_CPU_ALLOCATABLE))),
            legend: &["node"],
            threshold: Some(&USAGE),
            ..PANEL
        },
    ],
    access: &[
        Access::Kubernetes("", "nodes", &["list"]),
        Access::Kubernetes("", "pods", LIST_WATCH),
        Access::Kubernetes("metrics.k8s.io", "nodes", &["list"]),
        Access::Kubernetes("metrics.k8s.io", "pods", &["list"]),
    ],
    runbook: include_str!("utilization.md"),
    ..BASE
};
