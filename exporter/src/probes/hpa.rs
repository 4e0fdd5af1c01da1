//! The signal `hpa`: replicas and conditions of the horizontal pod autoscalers in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::run::time::unix_now;
use crate::sources::kubernetes::objects::DESCRIBED_WITHIN;
use crate::sources::kubernetes::{Cluster, Namespace, namespaces, read};
use checklist::signals::hpa::{ABLE, AT_MAX, LIMITED, REPLICAS};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `hpa`.
pub struct Hpa(pub Arc<Cluster>);

impl Probe for Hpa {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            samples.saw(Object::Autoscaler, 0);
            for namespace in &watched.namespaces {
                let judged = autoscalers(namespace, &mut samples).await;
                self.0.conclude(&watched, namespace, judged, &mut samples).await;
            }
            Ok(samples)
        }
        .boxed()
    }
}

async fn autoscalers(namespace: &Namespace, samples: &mut Samples) -> Result<usize, Failure> {
    let autoscalers = read(&namespace.autoscalers).await?;
    samples.saw(Object::Autoscaler, autoscalers.objects.len());
    namespaces::left_out(Object::Autoscaler, autoscalers.left_out.len(), namespace, samples);
    for (name, autoscaler) in &autoscalers.objects {
        let own = [namespace.name.as_str(), name];
        let (current, max) = (autoscaler.status.current_replicas, autoscaler.spec.max_replicas);
        let min = autoscaler.spec.min_replicas.unwrap_or(1);
        let desired = autoscaler.status.desired_replicas;
        for (state, replicas) in [("current", current), ("desired", desired), ("min", min), ("max", max)] {
            samples.set(&REPLICAS, [own[0], own[1], state], replicas);
        }
        // An autoscaler whose minimum equals its maximum is always at its maximum; that is not a finding.
        samples.set(&AT_MAX, own, current >= max && max > min);
        samples.set(&LIMITED, own, autoscaler.is_limited());
        match autoscaler.is_able() {
            Some(able) => samples.set(&ABLE, own, able),
            None if unix_now() - autoscaler.created() as f64 <= DESCRIBED_WITHIN => {}
            None => {
                let what = format!(
                    "autoscaler {}/{name}: its controller does not say whether it can read its metrics and scale its \
                     target; look at its conditions",
                    namespace.name
                );
                samples.missed(Object::Autoscaler, Reason::NotFound, what);
            }
        }
    }
    Ok(autoscalers.objects.len())
}
