//! Workloads, pods and services of the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::objects::Slice;
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
            let mut samples = Samples::of(&SIGNAL);
            for namespace in &self.0.watched().await?.namespaces {
                workloads(namespace, &mut samples)?;
                pods(namespace, &mut samples)?;
                services(namespace, &mut samples)?;
            }
            Ok(samples)
        }
        .boxed()
    }
}

fn workloads(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    for (kind, watch) in &namespace.workloads {
        for (name, workload) in &read(watch)?.objects {
            let (desired, ready) = workload.replicas(*kind);
            samples.set(&DESIRED, [&namespace.name, kind.as_str(), name], desired);
            samples.set(&READY, [&namespace.name, kind.as_str(), name], ready);
        }
    }
    Ok(())
}

fn pods(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let store = read(&namespace.pods)?;
    let mut phases: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (name, pod) in &store.objects {
        *phases.entry((&pod.workload, &pod.phase)).or_default() += 1;
        if let Some(reason) = pod.not_ready.as_ref().filter(|_| &*pod.phase != "Succeeded") {
            samples.set(&NOT_READY, [&namespace.name, name, reason], 1_u32);
        }
    }
    for ((workload, phase), count) in phases {
        samples.set(&PODS, [&namespace.name, workload, phase], count);
    }
    Ok(())
}

fn services(namespace: &Namespace, samples: &mut Samples) -> Result<(), Failure> {
    let slices = read(&namespace.slices)?;
    for (name, service) in &read(&namespace.services)?.objects {
        // Without a selector someone else keeps the endpoints, or there are none (ExternalName).
        if service.spec.selector.as_ref().is_some_and(|selector| !selector.is_empty()) {
            let own = slices.objects.values().filter(|slice| slice.service() == Some(name));
            samples.set(&ENDPOINTS, [&namespace.name, name], own.map(Slice::ready).sum::<usize>());
        }
    }
    Ok(())
}
