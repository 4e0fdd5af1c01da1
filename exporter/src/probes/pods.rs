//! Workloads, pods and services of the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, Namespace, read};
use checklist::Samples;
use checklist::signals::pods::{ALL_ENDPOINTS, DESIRED, ENDPOINTS, NOT_READY, PODS, READY, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The probe of the signal `pods`.
pub struct Pods(pub Arc<Cluster>);

impl Probe for Pods {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = Samples::of(&SIGNAL);
            for namespace in &self.0.watched().await?.namespaces {
                workloads(namespace, &mut samples).await?;
                pods(namespace, &mut samples).await?;
                services(namespace, &mut samples).await?;
            }
            Ok(samples)
        }
        .boxed()
    }
}

async fn workloads(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    for (kind, watch) in &namespace.workloads {
        for (name, workload) in &read(watch).await?.objects {
            let (desired, ready) = workload.replicas(*kind);
            samples.set(&DESIRED, [&namespace.name, kind.as_str(), name], desired);
            samples.set(&READY, [&namespace.name, kind.as_str(), name], ready);
        }
    }
    Ok(())
}

async fn pods(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let store = read(&namespace.pods).await?;
    let mut phases: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (name, pod) in &store.objects {
        *phases.entry((&pod.workload, &pod.phase)).or_default() += 1;
        // One that has ended stays until somebody clears it away, and is never ready again.
        if let Some(reason) = pod.not_ready.as_ref().filter(|_| !matches!(&*pod.phase, "Succeeded" | "Failed")) {
            samples.set(&NOT_READY, [&namespace.name, name, reason], 1_u32);
        }
    }
    for ((workload, phase), count) in phases {
        samples.set(&PODS, [&namespace.name, workload, phase], count);
    }
    Ok(())
}

async fn services(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let mut endpoints: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for slice in read(&namespace.slices).await?.objects.values() {
        if let Some(service) = slice.service() {
            let (ready, all) = endpoints.entry(service.to_owned()).or_default();
            *ready += slice.ready();
            *all += slice.wanted();
        }
    }
    for (name, service) in &read(&namespace.services).await?.objects {
        // Without a selector someone else keeps the endpoints, or there are none (ExternalName).
        if service.spec.selector.as_ref().is_some_and(|selector| !selector.is_empty()) {
            let (ready, all) = endpoints.get(&**name).copied().unwrap_or_default();
            samples.set(&ENDPOINTS, [&namespace.name, name], ready);
            samples.set(&ALL_ENDPOINTS, [&namespace.name, name], all);
        }
    }
    Ok(())
}
