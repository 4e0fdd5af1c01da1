//! The signal `pods`: replicas of workloads, phases of pods and endpoints of services in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::kubernetes::objects::jobs::newest_ended;
use crate::sources::kubernetes::objects::{DESCRIBED_WITHIN, Job, Workload, WorkloadKind};
use crate::sources::kubernetes::pods::{Keeper, Pod};
use crate::sources::kubernetes::{Cluster, Namespace, Watch, namespaces, read};
use checklist::signals::pods::{ALL_ENDPOINTS, DESIRED, ENDPOINTS, JOB_FAILED, NOT_READY, PODS, READY, REFUSED};
use checklist::{Object, Reason, Samples};
use clients::AHEAD;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Seconds within which a job gets its first pod, and a failed one is tried again. The longest pause is six minutes.
const POD_WITHIN: f64 = 600.0;

/// Maximum number of services without pods that are named.
const NAMED: usize = 5;

/// The probe of the signal `pods`.
pub struct Pods(pub Arc<Cluster>);

impl Probe for Pods {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            let mut not_ready = Vec::new();
            for namespace in &watched.namespaces {
                let judged = match namespaces::gone(&watched, &namespace.name).await {
                    None => namespace_objects(namespace, &mut samples, &mut not_ready).await,
                    Some(what) => Err(Failure::new(Reason::NotFound, what)),
                };
                self.0.conclude(&watched, namespace, judged, &mut samples).await;
            }
            // One series for each pod that is not ready. They come last, so that the series limit cuts off nothing
            // else.
            for pod in not_ready {
                samples.set(&NOT_READY, [pod.namespace, &pod.name, &pod.reason], 1_u32);
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// A pod that is neither ready nor finished.
struct NotReady<'a> {
    namespace: &'a str,
    name: Box<str>,
    reason: Arc<str>,
}

/// Adds samples for the workloads, jobs, pods and services of a namespace. Returns the number of workloads, jobs and
/// pods; services alone do not make a namespace worth watching.
async fn namespace_objects<'a>(
    namespace: &'a Namespace,
    samples: &mut Samples,
    not_ready: &mut Vec<NotReady<'a>>,
) -> Result<usize, Failure> {
    let mut lists = Lists::default();
    let jobs = jobs(namespace, samples).await;
    lists.take(jobs.as_ref().map(|jobs| jobs.count).map_err(Failure::clone))?;
    lists.take(cron_jobs(namespace, samples).await)?;
    for (kind, watch) in &namespace.workloads {
        lists.take(workloads(namespace, *kind, watch, samples).await)?;
    }
    lists.take(pods(namespace, jobs.as_ref().ok(), samples, not_ready).await)?;
    lists.take(services(namespace, samples).await.map(|()| 0))?;
    lists.finish()
}

/// The results of the lists of a namespace. A list that is refused does not hide the others.
#[derive(Default)]
struct Lists {
    found: usize,
    refused: Option<Failure>,
}

impl Lists {
    /// Adds the result of a list. Returns a failure to reach the cluster, because the other lists would fail too.
    fn take(&mut self, judged: Result<usize, Failure>) -> Result<(), Failure> {
        match (judged, &mut self.refused) {
            (Ok(found), _) => self.found += found,
            (Err(failure), _) if failure.reason.may_be_of_the_way() => return Err(failure),
            (Err(failure), Some(known)) => {
                *known = Failure::new(known.reason, format!("{}; {}", known.message, failure.message));
            }
            (Err(failure), refused) => *refused = Some(failure),
        }
        Ok(())
    }

    /// Returns the number of objects, or a failure that names the refused lists.
    fn finish(self) -> Result<usize, Failure> {
        self.refused.map_or(Ok(self.found), Err)
    }
}

async fn workloads(
    namespace: &Namespace,
    kind: WorkloadKind,
    watch: &Watch<Workload>,
    samples: &mut Samples,
) -> Result<usize, Failure> {
    let store = read(watch).await?;
    samples.saw(Object::Workload, store.objects.len());
    namespaces::left_out(Object::Workload, store.left_out.len(), namespace, samples);
    for (name, workload) in &store.objects {
        let (desired, ready) = workload.replicas(kind);
        samples.set(&DESIRED, [&namespace.name, kind.as_str(), name], desired);
        samples.set(&READY, [&namespace.name, kind.as_str(), name], ready);
        if let Some(reason) = workload.refused().filter(|_| ready >= desired) {
            samples.set(&REFUSED, [&*namespace.name, kind.as_str(), name, reason], 1_u32);
        }
        if !workload.is_observed() {
            let what =
                format!("{} {}/{name}: its controller has not seen its present spec", kind.as_str(), namespace.name);
            samples.missed(Object::Workload, Reason::NotFound, what);
        }
    }
    Ok(store.objects.len())
}

/// The jobs of a namespace.
struct Jobs {
    count: usize,
    /// Names of jobs, and of cron jobs, that make no more pods.
    ended: BTreeSet<String>,
    /// Jobs that should have a pod: the names under which their pods are known; the last one is the label of the
    /// series.
    awaiting: Vec<[String; 2]>,
}

async fn jobs(namespace: &Namespace, samples: &mut Samples) -> Result<Jobs, Failure> {
    let store = read(&namespace.jobs).await?;
    samples.saw(Object::Job, store.objects.len());
    namespaces::left_out(Object::Job, store.left_out.len(), namespace, samples);
    let all = || store.objects.iter().map(|(name, job)| (&**name, job));
    let latest = unix_now() + AHEAD.as_secs_f64();
    for (name, _) in all().filter(|(_, job)| job.created() as f64 > latest) {
        // Until then no other run would be the newest.
        let what = format!("job {}/{name}: it was created in the future", namespace.name);
        samples.missed(Object::Job, Reason::Decode, what);
    }
    for (workload, (_, job)) in newest_ended(all()) {
        if let Some(reason) = job.failed() {
            samples.set(&JOB_FAILED, [&*namespace.name, workload, reason], 1_u32);
        }
    }
    let running: BTreeSet<&str> =
        all().filter(|(_, job)| !job.has_ended()).map(|(name, job)| job.workload(name)).collect();
    let over = all().filter(|(name, job)| !running.contains(job.workload(name)));
    let ended = over.flat_map(|(name, job)| [name.to_owned(), job.workload(name).to_owned()]).collect();
    let is_late = |job: &Job| job.without_pods_since().is_some_and(|since| unix_now() - since as f64 > POD_WITHIN);
    let late = all().filter(|(_, job)| is_late(job));
    let awaiting = late.map(|(name, job)| [name.to_owned(), job.workload(name).to_owned()]).collect();
    Ok(Jobs { count: store.objects.len(), ended, awaiting })
}

/// Adds a sample for each cron job that starts no runs although it is due, or whose last run hangs. Returns the number of cron jobs.
async fn cron_jobs(namespace: &Namespace, samples: &mut Samples) -> Result<usize, Failure> {
    let store = read(&namespace.cron_jobs).await?;
    samples.saw(Object::CronJob, store.objects.len());
    namespaces::left_out(Object::CronJob, store.left_out.len(), namespace, samples);
    let now = Timestamp::now();
    for (name, job) in &store.objects {
        if !job.is_understood() {
            let what = format!("cron job {}/{name}: its schedule or its time zone is not understood", namespace.name);
            samples.missed(Object::CronJob, Reason::Decode, what);
        }
        if job.is_ahead(now) {
            let what = format!("cron job {}/{name}: its last run is in the future", namespace.name);
            samples.missed(Object::CronJob, Reason::Decode, what);
        }
        if job.is_late(now) {
            samples.set(&JOB_FAILED, [&*namespace.name, name, "NotStarted"], 1_u32);
        }
        if job.is_held(now) {
            samples.set(&JOB_FAILED, [&*namespace.name, name, "StillRunning"], 1_u32);
        }
    }
    Ok(store.objects.len())
}

async fn pods<'a>(
    namespace: &'a Namespace,
    jobs: Option<&Jobs>,
    samples: &mut Samples,
    not_ready: &mut Vec<NotReady<'a>>,
) -> Result<usize, Failure> {
    let store = read(&namespace.pods).await?;
    samples.saw(Object::Pod, store.objects.len());
    namespaces::left_out(Object::Pod, store.left_out.len(), namespace, samples);
    let mut phases: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    // The newest pod of each owner. A deployment may have the name of a job.
    let mut newest: BTreeMap<(bool, &str), i64> = BTreeMap::new();
    for pod in store.objects.values() {
        let known = newest.entry((pod.is_of_job(), &pod.workload)).or_insert(pod.created);
        *known = pod.created.max(*known);
    }
    for (name, pod) in &store.objects {
        *phases.entry((&pod.workload, &pod.phase)).or_default() += 1;
        let newest = newest.get(&(pod.is_of_job(), &*pod.workload)).copied().unwrap_or_default();
        let of_ended_job = jobs.is_some_and(|jobs| jobs.ended.contains(&*pod.workload));
        if let Some(reason) = pod.not_ready.as_ref().filter(|_| !is_over(pod, newest, of_ended_job)) {
            not_ready.push(NotReady { namespace: &namespace.name, name: name.clone(), reason: Arc::clone(reason) });
        }
    }
    for [name, workload] in jobs.iter().flat_map(|jobs| &jobs.awaiting) {
        let has_pod = |workload: &str| newest.contains_key(&(true, workload));
        if !has_pod(name) && !has_pod(workload) {
            samples.set(&JOB_FAILED, [&*namespace.name, workload, "NoPods"], 1_u32);
        }
    }
    for ((workload, phase), count) in phases {
        samples.set(&PODS, [&namespace.name, workload, phase], count);
    }
    Ok(store.objects.len())
}

/// Whether a pod has ended and needs nobody's attention: its workload has a new one, its job goes on or is judged
/// itself, or its owner has made another one since. `newest` is the creation of the newest pod of the same owner.
fn is_over(pod: &Pod, newest: i64, of_ended_job: bool) -> bool {
    let ended = matches!(&*pod.phase, "Failed" | "Succeeded");
    let after = if pod.changed > pod.created { pod.changed } else { pod.created + 1 };
    match (&*pod.phase, pod.keeper) {
        // A failed attempt of a job counts until another one follows.
        ("Failed", Keeper::Job) => of_ended_job || newest > pod.created,
        _ if pod.is_lost() => pod.keeper == Keeper::Operator && newest >= after,
        // A failed pod, such as an evicted one, stays until it is deleted.
        _ => ended,
    }
}

async fn services(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let with_ports: BTreeMap<Box<str>, bool> = {
        let services = read(&namespace.services).await?;
        services.objects.iter().map(|(name, service)| (name.clone(), service.spec.has_ports())).collect()
    };
    let mut endpoints: BTreeMap<(String, Box<str>), (usize, usize)> = BTreeMap::new();
    let mut unnamed = BTreeSet::new();
    let all_slices = {
        let slices = read(&namespace.slices).await?;
        for slice in slices.objects.values() {
            if let Some(service) = slice.service() {
                let (ready, all) = endpoints.entry((service.to_owned(), slice.address_type.clone())).or_default();
                let has_ports = with_ports.get(service).is_some_and(|has| *has);
                if has_ports && slice.is_without_ports() && slice.wanted() > 0 {
                    unnamed.insert(service.to_owned());
                } else {
                    *ready += slice.ready();
                }
                *all += slice.wanted();
            }
        }
        slices.left_out.is_empty()
    };
    for service in unnamed {
        let what = "no container has a port of the name that the service gives";
        samples.evidence.note(format!("service {}/{service}: {what}", namespace.name));
    }
    // A dual-stack service has a slice for each address family, so each endpoint exists twice. The larger number
    // counts.
    let mut most: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for ((service, _), (ready, all)) in endpoints {
        let known = most.entry(service).or_default();
        *known = (ready.max(known.0), all.max(known.1));
    }
    let services = read(&namespace.services).await?;
    samples.saw(Object::Service, services.objects.len());
    namespaces::left_out(Object::Service, services.left_out.len(), namespace, samples);
    let mut unused = Vec::new();
    for (name, service) in services.objects.iter().filter(|(_, service)| service.spec.selects_pods()) {
        let known = most.get(&**name);
        let (ready, all) = known.copied().unwrap_or_default();
        samples.set(&ENDPOINTS, [&namespace.name, name], ready);
        samples.set(&ALL_ENDPOINTS, [&namespace.name, name], all);
        if known.is_none() && all_slices && unix_now() - service.created() as f64 > DESCRIBED_WITHIN {
            // A service without pods has an empty slice.
            let what = format!("service {}/{name}: its controller has made no endpoint slice", namespace.name);
            samples.missed(Object::Service, Reason::NotFound, what);
        } else if all == 0 {
            unused.push(&**name);
        }
    }
    // Scaled to zero, a preview, the read replicas of a single database, or a misspelt selector: nobody can tell.
    if !unused.is_empty() {
        let count = Object::Service.counted(unused.len() as u64);
        let named = unused.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = if unused.len() > NAMED { ", ..." } else { "" };
        samples.evidence.note(format!("no pods behind {count} in {}: {named}{more}", namespace.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::pods::of_json;
    use serde_json::{Value, json};

    fn pod(phase: &str, owner: &str, policy: &str, changed: Option<&str>) -> anyhow::Result<Pod> {
        let owners: Vec<Value> = Some(owner)
            .filter(|kind| !kind.is_empty())
            .map(|kind| json!({"kind": kind, "name": "db", "controller": true}))
            .into_iter()
            .collect();
        let conditions: Vec<Value> = changed
            .map(|at| json!({"type": "Ready", "status": "False", "lastTransitionTime": at}))
            .into_iter()
            .collect();
        of_json(json!({
            "metadata": {"name": "db-1", "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences": owners},
            "spec": {"restartPolicy": policy}, "status": {"phase": phase, "conditions": conditions},
        }))
    }

    #[test]
    fn a_pod_that_ended_counts_unless_something_took_its_place() -> anyhow::Result<()> {
        let noon = Some("2026-01-01T12:00:00Z");
        let created = 1_767_225_600;
        let (before, after) = (created + 3600, created + 13 * 3600);
        for (phase, owner, policy, changed, newest, over) in [
            ("Running", "Cluster", "Always", None, after, false),
            // An operator's pod: another one that is older than the failure did not take its place.
            ("Failed", "Cluster", "Always", noon, before, false),
            ("Failed", "Cluster", "Always", noon, after, true),
            ("Failed", "Cluster", "Always", None, created, false),
            ("Failed", "Cluster", "Always", None, before, true),
            ("Failed", "Workflow", "Never", noon, created, false),
            ("Succeeded", "Workflow", "Never", noon, created, true),
            ("Succeeded", "Cluster", "Always", noon, created, false),
            // Replicas are counted.
            ("Failed", "ReplicaSet", "Always", noon, created, true),
            ("Succeeded", "StatefulSet", "Always", noon, created, true),
            // Of nobody.
            ("Failed", "", "Always", noon, created, false),
            ("Failed", "", "Never", noon, created, true),
            ("Succeeded", "", "OnFailure", noon, created, true),
            // Attempts of a job.
            ("Failed", "Job", "Never", noon, created, false),
            ("Failed", "Job", "Never", noon, before, true),
        ] {
            let pod = pod(phase, owner, policy, changed)?;
            assert_eq!(is_over(&pod, newest, false), over, "{phase} {owner} {policy} {changed:?} {newest}");
        }
        assert!(is_over(&pod("Failed", "Job", "Never", noon)?, created, true), "the job is judged itself");
        Ok(())
    }
}
