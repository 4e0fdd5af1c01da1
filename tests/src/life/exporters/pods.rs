//! Pods as kube-state-metrics exposes them. The probes know the number of a workload's pods and the name of each that
//! is not ready; the others are numbered, and keep their names when they are replaced.

use super::page::{Page, one_if};
use crate::life::board::{Board, Labels, known};
use crate::life::shop::{App, Shop};
use checklist::signals::{pods, restarts};
use std::collections::{BTreeMap, BTreeSet};

/// Requests and limits of every pod, with room for one node less.
const RESOURCES: [(&str, &str, &str, f64); 3] = [
    ("kube_pod_container_resource_requests", "cpu", "core", 0.25),
    ("kube_pod_container_resource_requests", "memory", "byte", 5e8),
    ("kube_pod_container_resource_limits", "memory", "byte", 1e9),
];

/// The series of each reason for which a pod is not ready.
type Reasons<'a> = Vec<(String, &'a [f64])>;

/// Writes all pods of a workload.
pub(super) fn write(page: &mut Page<'_>, shop: &Shop, probes: &Board, app: &App, desired: &[f64], ready: &[f64]) {
    let of = |labels: &Labels, name: &str| labels.get(name).cloned().unwrap_or_default();
    let mut waiting: BTreeMap<String, Reasons<'_>> = BTreeMap::new();
    for (labels, values) in probes.named(pods::NOT_READY.name) {
        let pod = of(labels, "pod");
        let number = pod.strip_prefix(&format!("{}-", app.workload)).unwrap_or_default().to_owned();
        let ours = number == "new" || number.starts_with("waits-") || number.parse::<usize>().is_ok();
        if of(labels, "namespace") == app.namespace && ours {
            waiting.entry(pod).or_default().push((of(labels, "reason"), values));
        }
    }
    let most = desired.iter().copied().filter(|count| !count.is_nan()).fold(0.0, f64::max);
    let mut names: BTreeSet<String> = waiting.keys().cloned().collect();
    names.extend((1..).take_while(|n| f64::from(*n) <= most).map(|n| format!("{}-{n}", app.workload)));
    // The pods of all workloads are spread over the nodes.
    let before =
        shop.apps.iter().take_while(|other| !std::ptr::eq(*other, app)).map(|other| other.replicas.1).sum::<usize>();
    for (count, name) in names.iter().enumerate() {
        let number: Option<f64> = name.strip_prefix(&format!("{}-", app.workload)).and_then(|n| n.parse().ok());
        let none = Reasons::new();
        let reasons = waiting.get(name).unwrap_or(&none);
        let waits = |minute: usize| reasons.iter().any(|(_, values)| known(values, minute).is_some());
        // A pod with a number is there while so many are wanted; another one while it waits.
        let exists = |minute: usize| match number {
            Some(number) => known(desired, minute).is_some_and(|count| number <= count),
            None => waits(minute),
        };
        // The pods that are ready have the lower numbers, but for the one that is known not to be.
        let is_ready = |minute: usize| {
            number.is_some_and(|number| known(ready, minute).is_some_and(|count| number <= count)) && !waits(minute)
        };
        let node = format!("node-{}", (before + count) % shop.nodes().len() + 1);
        one(page, probes, app, (name, &node), &exists, &is_ready, number.is_some());
        for (reason, values) in reasons {
            reason_of(page, app, name, reason, values);
        }
    }
}

fn reason_of(page: &mut Page<'_>, app: &App, name: &str, reason: &str, values: &[f64]) {
    let uid = format!("{}-{name}", app.namespace);
    let own = [("namespace", app.namespace.as_str()), ("pod", name), ("uid", uid.as_str())];
    match reason {
        "Unschedulable" => page.put("kube_pod_status_unschedulable", &own, |minute| known(values, minute)),
        "CrashLoopBackOff" | "ImagePullBackOff" | "ErrImagePull" | "ContainerCreating" => {
            let labels = [own[0], own[1], own[2], ("container", app.workload.as_str()), ("reason", reason)];
            page.put("kube_pod_container_status_waiting_reason", &labels, |minute| known(values, minute));
        }
        _ => {}
    }
}

fn one(
    page: &mut Page<'_>,
    probes: &Board,
    app: &App,
    (name, node): (&str, &str),
    exists: &dyn Fn(usize) -> bool,
    is_ready: &dyn Fn(usize) -> bool,
    runs: bool,
) {
    let uid = format!("{}-{name}", app.namespace);
    let set = format!("{}-1", app.workload);
    let own = [("namespace", app.namespace.as_str()), ("pod", name), ("uid", uid.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [own.as_slice(), more].concat();
    let there = |value: f64| move |minute: usize| exists(minute).then_some(value);
    for phase in ["Pending", "Running", "Succeeded", "Failed", "Unknown"] {
        let now = if runs { "Running" } else { "Pending" };
        page.put("kube_pod_status_phase", &with(&[("phase", phase)]), there(one_if(phase == now)));
    }
    for condition in ["true", "false", "unknown"] {
        page.put("kube_pod_status_ready", &with(&[("condition", condition)]), |minute| {
            let holds = (condition == "true") == is_ready(minute) && condition != "unknown";
            exists(minute).then(|| one_if(holds))
        });
    }
    let info = [own[0], own[1], own[2], ("node", node), ("created_by_kind", "ReplicaSet"), ("created_by_name", &*set)];
    page.put("kube_pod_info", &info, there(1.0));
    let owner = [own[0], own[1], own[2], ("owner_kind", "ReplicaSet"), ("owner_name", &*set)];
    page.put("kube_pod_owner", &owner, there(1.0));
    for (metric, resource, unit, value) in RESOURCES {
        let labels = [
            own[0],
            own[1],
            own[2],
            ("container", app.workload.as_str()),
            ("node", node),
            ("resource", resource),
            ("unit", unit),
        ];
        page.put(metric, &labels, there(value));
    }
    let container = [own[0], own[1], own[2], ("container", app.workload.as_str())];
    let probed = [
        ("check", "restarts"),
        ("target", "production"),
        ("namespace", app.namespace.as_str()),
        ("workload", app.workload.as_str()),
        ("pod", name),
        ("container", app.workload.as_str()),
    ];
    let count = probes.values(restarts::RESTARTS.name, &probed);
    page.put("kube_pod_container_status_restarts_total", &container, |minute| {
        exists(minute).then(|| known(count, minute).unwrap_or(0.0))
    });
    for reason in ["Error", "OOMKilled"] {
        let ended = [probed.as_slice(), &[("reason", reason)]].concat();
        let ended = probes.values(restarts::LAST_TERMINATION.name, &ended);
        let labels = [container.as_slice(), &[("reason", reason)]].concat();
        if !ended.is_empty() {
            page.put("kube_pod_container_status_last_terminated_reason", &labels, |minute| {
                (exists(minute) && known(ended, minute).is_some()).then_some(1.0)
            });
        }
    }
}
