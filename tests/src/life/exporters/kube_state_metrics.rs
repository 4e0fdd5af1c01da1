//! `kube_*`: deployments and their replica sets, autoscalers, nodes, claims and the nightly dump's Jobs. Pods are in
//! `pods`.

use super::page::{Page, is_one, one_if};
use super::pods;
use crate::life::board::{Board, known};
use crate::life::clock::at;
use crate::life::shop::{App, DAY, Shop, node_leaves, rollout};
use checklist::signals::{backup, hpa, pods as probed, pvc};

/// Minutes until a rollout that makes no progress has failed: `progressDeadlineSeconds`, 600 by default.
const DEADLINE: usize = 10;

/// The name of a night's Job.
pub(super) fn dump(day: usize) -> String {
    format!("dump-{day}")
}

pub(super) fn write(board: &mut Board, shop: &Shop, probes: &Board, watched: &[bool]) {
    let scrape = [("job", "kube-state-metrics"), ("instance", "kube-state-metrics:8443")];
    let scrape = scrape.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut page = Page { board, scrape, watched };
    for app in &shop.apps {
        deployment(&mut page, shop, probes, app);
    }
    nodes(&mut page, shop, probes);
    claims(&mut page, probes);
    jobs(&mut page, shop, probes);
}

fn deployment(page: &mut Page<'_>, shop: &Shop, probes: &Board, app: &App) {
    let (namespace, name) = (app.namespace.as_str(), app.workload.as_str());
    let workload = [
        ("check", "pods"),
        ("target", "production"),
        ("namespace", namespace),
        ("kind", "Deployment"),
        ("workload", name),
    ];
    let desired = probes.values(probed::DESIRED.name, &workload);
    let ready = probes.values(probed::READY.name, &workload);
    // The new pod of a rollout that is not ready: it starts, or its image cannot be pulled.
    let new = format!("{name}-new");
    let new = |reason: &str| {
        let labels = [workload[0], workload[1], workload[2], ("pod", new.as_str()), ("reason", reason)];
        probes.values(probed::NOT_READY.name, &labels)
    };
    let (starts, pull, backoff) = (new("ContainerCreating"), new("ErrImagePull"), new("ImagePullBackOff"));
    let stuck = |minute: usize| known(pull, minute).or(known(backoff, minute)).is_some();
    let rollouts: Vec<Option<usize>> = (0..shop.minutes).map(|minute| rollout(shop, app, minute)).collect();
    let surge = |minute: usize| stuck(minute) || known(starts, minute).is_some();
    let updated = |minute: usize| {
        let count = known(desired, minute)?;
        Some(match rollouts[minute] {
            _ if stuck(minute) => 1.0,
            Some(since) => (count * (since as f64 + 1.0) / 8.0).floor(),
            None => count,
        })
    };
    let own = [("namespace", namespace), ("deployment", name)];
    page.put("kube_deployment_spec_replicas", &own, |minute| known(desired, minute));
    page.put("kube_deployment_status_replicas", &own, |minute| Some(known(desired, minute)? + one_if(surge(minute))));
    page.put("kube_deployment_status_replicas_ready", &own, |minute| known(ready, minute));
    page.put("kube_deployment_status_replicas_available", &own, |minute| known(ready, minute));
    page.put("kube_deployment_status_replicas_unavailable", &own, |minute| {
        Some(known(desired, minute)? - known(ready, minute)?)
    });
    page.put("kube_deployment_status_replicas_updated", &own, updated);
    // A release and a change of scale are a generation each; the controller sees it within the minute.
    let mut generations = Vec::with_capacity(shop.minutes);
    let (mut generation, mut overdue, mut failed) = (1.0, 0, Vec::with_capacity(shop.minutes));
    for (minute, rollout) in rollouts.iter().enumerate() {
        let scaled = minute > 0 && known(desired, minute) != known(desired, minute - 1);
        let begins = *rollout == Some(0) || stuck(minute) && overdue == 0;
        generation += one_if(scaled || begins);
        generations.push(generation);
        overdue = if stuck(minute) { overdue + 1 } else { 0 };
        failed.push(overdue > DEADLINE);
    }
    for metric in ["kube_deployment_metadata_generation", "kube_deployment_status_observed_generation"] {
        page.put(metric, &own, |minute| known(desired, minute).map(|_| generations[minute]));
    }
    for status in ["true", "false", "unknown"] {
        let holds = |condition: bool| one_if((status == "true") == condition && status != "unknown");
        let labels = |condition| [own[0], own[1], ("condition", condition), ("status", status)];
        page.put("kube_deployment_status_condition", &labels("Progressing"), |minute| Some(holds(!failed[minute])));
        // A quarter of the pods may be missing, rounded down (Kubernetes documentation, "Deployments").
        page.put("kube_deployment_status_condition", &labels("Available"), |minute| {
            let count = known(desired, minute)?;
            Some(holds(known(ready, minute)? >= count - (count / 4.0).floor()))
        });
    }
    let set = format!("{name}-1");
    let set = [("namespace", namespace), ("replicaset", set.as_str())];
    page.put("kube_replicaset_spec_replicas", &set, |minute| known(desired, minute));
    page.put("kube_replicaset_status_ready_replicas", &set, |minute| known(ready, minute));
    let next = format!("{name}-2");
    let next = [("namespace", namespace), ("replicaset", next.as_str())];
    page.put("kube_replicaset_spec_replicas", &next, |minute| surge(minute).then_some(1.0));
    page.put("kube_replicaset_status_ready_replicas", &next, |minute| surge(minute).then_some(0.0));
    pods::write(page, shop, probes, app, desired, ready);
    autoscaler(page, probes, app, desired);
}

fn autoscaler(page: &mut Page<'_>, probes: &Board, app: &App, desired: &[f64]) {
    let probe = [
        ("check", "hpa"),
        ("target", "production"),
        ("namespace", app.namespace.as_str()),
        ("hpa", app.workload.as_str()),
    ];
    let at_max = probes.values(hpa::AT_MAX.name, &probe);
    if at_max.is_empty() {
        return;
    }
    let (able, limited) = (probes.values(hpa::ABLE.name, &probe), probes.values(hpa::LIMITED.name, &probe));
    let own = [("namespace", app.namespace.as_str()), ("horizontalpodautoscaler", app.workload.as_str())];
    let (least, most) = (app.replicas.0 as f64, app.replicas.1 as f64);
    let replicas = |minute: usize| {
        if is_one(at_max, minute) { Some(most) } else { known(desired, minute) }
    };
    page.put("kube_horizontalpodautoscaler_spec_min_replicas", &own, |_| Some(least));
    page.put("kube_horizontalpodautoscaler_spec_max_replicas", &own, |_| Some(most));
    page.put("kube_horizontalpodautoscaler_status_current_replicas", &own, replicas);
    page.put("kube_horizontalpodautoscaler_status_desired_replicas", &own, replicas);
    for status in ["true", "false", "unknown"] {
        let holds = |condition: bool| one_if((status == "true") == condition && status != "unknown");
        let labels = |condition| [own[0], own[1], ("condition", condition), ("status", status)];
        let metric = "kube_horizontalpodautoscaler_status_condition";
        page.put(metric, &labels("AbleToScale"), |_| Some(holds(true)));
        // Without its metrics it does not scale (Kubernetes documentation, "Status conditions").
        page.put(metric, &labels("ScalingActive"), |minute| known(able, minute).map(|_| holds(is_one(able, minute))));
        page.put(metric, &labels("ScalingLimited"), |minute| {
            known(limited, minute).map(|_| holds(is_one(limited, minute)))
        });
    }
}

/// Writes the nodes. The last one is lost while pods find no room, and a spot node is away for two minutes.
fn nodes(page: &mut Page<'_>, shop: &Shop, probes: &Board) {
    let no_room: Vec<&[f64]> = probes
        .named(probed::NOT_READY.name)
        .filter(|(labels, _)| labels.get("reason").is_some_and(|reason| reason == "Unschedulable"))
        .map(|(_, values)| values)
        .collect();
    let nodes = shop.nodes();
    for (n, node) in nodes.iter().enumerate() {
        let last = n + 1 == nodes.len();
        let lost = |minute: usize| last && no_room.iter().any(|values| known(values, minute).is_some());
        let away = |minute: usize| last && node_leaves(shop, minute);
        for condition in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"] {
            for status in ["true", "false", "unknown"] {
                let labels = [("node", node.as_str()), ("condition", condition), ("status", status)];
                page.put("kube_node_status_condition", &labels, |minute| {
                    let now = match condition {
                        "Ready" if lost(minute) || away(minute) => "unknown",
                        "Ready" => "true",
                        _ => "false",
                    };
                    Some(one_if(status == now))
                });
            }
        }
        let taint = [("node", node.as_str()), ("key", "node.kubernetes.io/unreachable"), ("effect", "NoSchedule")];
        page.put("kube_node_spec_taint", &taint, |minute| (lost(minute) || away(minute)).then_some(1.0));
        page.put("kube_node_info", &[("node", node.as_str())], |_| Some(1.0));
        for metric in ["kube_node_status_allocatable", "kube_node_status_capacity"] {
            for (resource, unit, value) in [("cpu", "core", 4.0), ("memory", "byte", 16e9), ("pods", "integer", 110.0)]
            {
                page.put(metric, &[("node", node.as_str()), ("resource", resource), ("unit", unit)], |_| Some(value));
            }
        }
    }
}

fn claims(page: &mut Page<'_>, probes: &Board) {
    for (labels, bound) in probes.named(pvc::BOUND.name) {
        let of = |name: &str| labels.get(name).map_or("", String::as_str);
        let own = [("namespace", of("namespace")), ("persistentvolumeclaim", of("persistentvolumeclaim"))];
        for phase in ["Bound", "Pending", "Lost"] {
            page.put("kube_persistentvolumeclaim_status_phase", &[own[0], own[1], ("phase", phase)], |minute| {
                let now = if is_one(bound, minute) { "Bound" } else { "Pending" };
                known(bound, minute).map(|_| one_if(phase == now))
            });
        }
        page.put(
            "kube_persistentvolumeclaim_access_mode",
            &[own[0], own[1], ("access_mode", "ReadWriteOnce")],
            |minute| known(bound, minute).map(|_| 1.0),
        );
    }
}

/// Writes the `CronJob` of the nightly dump and its Jobs. A night without a backup is one whose Job has failed; who
/// looked into it has removed it when the next backup is there. A dump that broke off is a Job that succeeded, as with
/// a pipe whose last command did.
fn jobs(page: &mut Page<'_>, shop: &Shop, probes: &Board) {
    let namespace = shop.apps[0].namespace.as_str();
    let cron = [("namespace", namespace), ("cronjob", "dump")];
    let begin = |day: usize| day * DAY + 120;
    page.put("kube_cronjob_spec_suspend", &cron, |_| Some(0.0));
    page.put("kube_cronjob_next_schedule_time", &cron, |minute| {
        Some(at(begin(minute / DAY + usize::from(minute % DAY >= 120))))
    });
    let last = probes.values(backup::LAST.name, &[("check", "backup"), ("target", "daily"), ("backup", "daily")]);
    for day in 0..shop.minutes / DAY {
        let written = at(day * DAY + 150);
        let failed = known(last, begin(day) + 120).is_some_and(|newest| newest < written);
        let name = dump(day);
        let own = [("namespace", namespace), ("job_name", name.as_str())];
        let (runs, done) = (begin(day)..begin(day) + 30, begin(day) + 30);
        // A Job that succeeded is kept for three days; one that failed until the newest backup is younger.
        let kept = |minute: usize| {
            let newest = known(last, minute).unwrap_or(written);
            (done..done + 3 * DAY).contains(&minute) && (!failed || newest < written)
        };
        let there = |minute: usize| runs.contains(&minute) || kept(minute);
        page.put("kube_job_status_start_time", &own, |minute| there(minute).then(|| at(begin(day))));
        page.put("kube_job_spec_completions", &own, |minute| there(minute).then_some(1.0));
        page.put("kube_job_status_active", &own, |minute| there(minute).then(|| one_if(runs.contains(&minute))));
        page.put("kube_job_status_succeeded", &own, |minute| there(minute).then(|| one_if(kept(minute) && !failed)));
        page.put("kube_job_status_failed", &own, |minute| there(minute).then(|| one_if(kept(minute) && failed)));
        let condition = [own[0], own[1], ("condition", "true")];
        let metric = if failed { "kube_job_failed" } else { "kube_job_complete" };
        page.put(metric, &condition, |minute| kept(minute).then_some(1.0));
    }
}
