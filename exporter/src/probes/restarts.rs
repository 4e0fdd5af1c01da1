//! The signal `restarts`: restart counts and last terminations of the containers in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, Namespace, read};
use checklist::signals::restarts::{LAST_TERMINATION, RESTARTS};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `restarts`.
pub struct Restarts(pub Arc<Cluster>);

impl Probe for Restarts {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            samples.saw(Object::Container, 0);
            // Containers that restarted come first, so that the series limit cuts off only containers that never did.
            for restarted in [true, false] {
                for namespace in &watched.namespaces {
                    let judged = containers(namespace, restarted, &mut samples).await;
                    if !restarted {
                        self.0.conclude(&watched, namespace, judged, &mut samples).await;
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// Adds samples for the containers that restarted, or for those that did not. Returns the number of pods in the
/// namespace.
async fn containers(namespace: &Namespace, restarted: bool, samples: &mut Samples) -> Result<usize, Failure> {
    let pods = read(&namespace.pods).await?;
    for (name, pod) in &pods.objects {
        for container in pod.containers.iter().filter(|container| (container.restarts > 0) == restarted) {
            samples.saw(Object::Container, 1);
            let labels = [&*namespace.name, &pod.workload, name, &container.name];
            samples.set(&RESTARTS, labels, container.restarts);
            if let Some(last) = &container.last {
                let [namespace, workload, pod, container] = labels;
                samples.set(&LAST_TERMINATION, [namespace, workload, pod, container, &last.reason], last.at);
            }
        }
        for container in pod.unreported().filter(|_| !restarted) {
            let what =
                format!("pod {}/{name}: its status says nothing about the container {container}", namespace.name);
            samples.missed(Object::Container, Reason::NotFound, what);
        }
    }
    Ok(pods.objects.len())
}
