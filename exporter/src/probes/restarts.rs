//! Restart counts and last ends of the containers in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, read};
use checklist::Samples;
use checklist::signals::restarts::{LAST_TERMINATION, RESTARTS};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `restarts`.
pub struct Restarts(pub Arc<Cluster>);

impl Probe for Restarts {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = Samples::new();
            for namespace in &self.0.watched().await?.namespaces {
                for (name, pod) in &read(&namespace.pods)?.objects {
                    for container in &pod.status.container_statuses {
                        let labels = [&namespace.name, pod.workload(), name, &container.name];
                        samples.set(&RESTARTS, labels, container.restart_count);
                        let Some(ended) = &container.last_state.terminated else { continue };
                        let at = ended.finished_at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
                        if let Some(at) = at {
                            let reason = ended.reason.as_deref().unwrap_or("Unknown");
                            let [namespace, workload, pod, container] = labels;
                            samples.set(
                                &LAST_TERMINATION,
                                [namespace, workload, pod, container, reason],
                                at.as_second(),
                            );
                        }
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
