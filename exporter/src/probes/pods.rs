//! Workloads, pods and services of the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, Namespace, read};
use checklist::Samples;
use checklist::signals::pods::{DESIRED, ENDPOINTS, NOT_READY, PODS, READY, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The probe of the signal `pods`.
pub struct Pods(pub Arc<Cluster>);

impl Probe for Pods {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            for namespace in &self.0.watched().await?.namespaces {
                workloads(namespace, &mut samples).await?;
                phases(namespace, &mut samples).await?;
                services(namespace, &mut samples).await?;
            }
            // One series for each such pod: they come last, so that a bound cuts off nothing else.
            for namespace in &self.0.watched().await?.namespaces {
                not_ready(namespace, &mut samples).await?;
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

async fn not_ready(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    for (name, pod) in &read(&namespace.pods).await?.objects {
        if let Some(reason) = pod.not_ready.as_ref().filter(|_| &*pod.phase != "Succeeded") {
            samples.set(&NOT_READY, [&namespace.name, name, reason], 1_u32);
        }
    }
    Ok(())
}

async fn phases(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let store = read(&namespace.pods).await?;
    let mut phases: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for pod in store.objects.values() {
        *phases.entry((&pod.workload, &pod.phase)).or_default() += 1;
    }
    for ((workload, phase), count) in phases {
        samples.set(&PODS, [&namespace.name, workload, phase], count);
    }
    Ok(())
}

async fn services(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let mut ready: BTreeMap<(String, Box<str>), usize> = BTreeMap::new();
    for slice in read(&namespace.slices).await?.objects.values() {
        if let Some(service) = slice.service() {
            *ready.entry((service.to_owned(), slice.address_type.clone())).or_default() += slice.ready();
        }
    }
    // With two kinds of addresses each endpoint is there twice.
    let ready = ready.into_iter().fold(BTreeMap::new(), |mut most: BTreeMap<String, usize>, ((service, _), count)| {
        let known = most.entry(service).or_default();
        *known = count.max(*known);
        most
    });
    for (name, service) in &read(&namespace.services).await?.objects {
        // Without a selector someone else keeps the endpoints, or there are none (ExternalName).
        if service.spec.selector.as_ref().is_some_and(|selector| !selector.is_empty()) {
            samples.set(&ENDPOINTS, [&namespace.name, name], ready.get(&**name).copied().unwrap_or(0));
        }
    }
    Ok(())
}
