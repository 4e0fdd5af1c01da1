//! The signal `pods`: replicas of workloads, phases of pods and endpoints of services in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::pods::Pod;
use crate::sources::kubernetes::{Cluster, Namespace, namespaces, read};
use checklist::signals::pods::{ALL_ENDPOINTS, DESIRED, ENDPOINTS, NOT_READY, PODS, READY};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// Adds samples for the workloads, pods and services of a namespace. Returns the number of workloads and pods; services
/// alone do not make a namespace worth watching.
async fn namespace_objects<'a>(
    namespace: &'a Namespace,
    samples: &mut Samples,
    not_ready: &mut Vec<NotReady<'a>>,
) -> Result<usize, Failure> {
    let found = workloads(namespace, samples).await? + pods(namespace, samples, not_ready).await?;
    services(namespace, samples).await?;
    Ok(found)
}

async fn workloads(namespace: &Namespace, samples: &mut Samples) -> Result<usize, Failure> {
    let mut found = 0;
    for (kind, watch) in &namespace.workloads {
        let store = read(watch).await?;
        found += store.objects.len();
        samples.saw(Object::Workload, store.objects.len());
        namespaces::left_out(Object::Workload, store.left_out.len(), namespace, samples);
        for (name, workload) in &store.objects {
            let (desired, ready) = workload.replicas(*kind);
            samples.set(&DESIRED, [&namespace.name, kind.as_str(), name], desired);
            samples.set(&READY, [&namespace.name, kind.as_str(), name], ready);
            if !workload.is_observed() {
                let what = format!(
                    "{} {}/{name}: its controller has not seen its present spec",
                    kind.as_str(),
                    namespace.name
                );
                samples.missed(Object::Workload, Reason::NotFound, what);
            }
        }
    }
    Ok(found)
}

async fn pods<'a>(
    namespace: &'a Namespace,
    samples: &mut Samples,
    not_ready: &mut Vec<NotReady<'a>>,
) -> Result<usize, Failure> {
    let store = read(&namespace.pods).await?;
    samples.saw(Object::Pod, store.objects.len());
    namespaces::left_out(Object::Pod, store.left_out.len(), namespace, samples);
    let mut phases: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    // A deployment may have the name of a job.
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    for pod in store.objects.values().filter(|pod| pod.is_of_job()) {
        let known = newest.entry(&pod.workload).or_insert(pod.created);
        *known = pod.created.max(*known);
    }
    for (name, pod) in &store.objects {
        *phases.entry((&pod.workload, &pod.phase)).or_default() += 1;
        // A failed pod (such as an evicted one) stays until it is deleted and never becomes ready again. Its workload
        // has a new one, unless it is a job.
        let cleared = &*pod.phase == "Failed" && !pod.is_of_job();
        let ended = &*pod.phase == "Succeeded" || cleared || is_past_attempt(pod, &newest);
        if let Some(reason) = pod.not_ready.as_ref().filter(|_| !ended) {
            not_ready.push(NotReady { namespace: &namespace.name, name: name.clone(), reason: Arc::clone(reason) });
        }
    }
    for ((workload, phase), count) in phases {
        samples.set(&PODS, [&namespace.name, workload, phase], count);
    }
    Ok(store.objects.len())
}

/// Whether the pod is a failed attempt of a job that was followed by another attempt. Then only the last attempt
/// counts.
fn is_past_attempt(pod: &Pod, newest: &BTreeMap<&str, i64>) -> bool {
    let followed = || newest.get(&*pod.workload).is_some_and(|newest| *newest > pod.created);
    pod.is_of_job() && &*pod.phase == "Failed" && followed()
}

async fn services(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let with_ports: BTreeMap<Box<str>, bool> = {
        let services = read(&namespace.services).await?;
        services.objects.iter().map(|(name, service)| (name.clone(), service.spec.has_ports())).collect()
    };
    let mut endpoints: BTreeMap<(String, Box<str>), (usize, usize)> = BTreeMap::new();
    let mut unnamed = BTreeSet::new();
    for slice in read(&namespace.slices).await?.objects.values() {
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
    for (name, service) in &services.objects {
        // The endpoints of a service without a selector are managed by others, or there are none (ExternalName).
        if service.spec.selector.as_ref().is_some_and(|selector| !selector.is_empty()) {
            let (ready, all) = most.get(&**name).copied().unwrap_or_default();
            samples.set(&ENDPOINTS, [&namespace.name, name], ready);
            samples.set(&ALL_ENDPOINTS, [&namespace.name, name], all);
        }
    }
    Ok(())
}
