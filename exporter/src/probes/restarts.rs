//! Restart counts and last ends of the containers in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, read};
use checklist::Samples;
use checklist::signals::restarts::{LAST_TERMINATION, RESTARTS, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `restarts`.
pub struct Restarts(pub Arc<Cluster>);

impl Probe for Restarts {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            let watched = self.0.watched().await?;
            // What restarted comes first, so that a bound only cuts off containers that never did.
            for restarted in [true, false] {
                for namespace in &watched.namespaces {
                    for (name, pod) in &read(&namespace.pods).await?.objects {
                        for container in pod.containers.iter().filter(|c| (c.restarts > 0) == restarted) {
                            let labels = [&*namespace.name, &pod.workload, name, &container.name];
                            samples.set(&RESTARTS, labels, container.restarts);
                            if let Some(last) = &container.last {
                                let [namespace, workload, pod, container] = labels;
                                let labels = [namespace, workload, pod, container, &last.reason];
                                samples.set(&LAST_TERMINATION, labels, last.at);
                            }
                        }
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
