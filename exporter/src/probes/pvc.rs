//! The signal `pvc`: whether the persistent volume claims in the watched namespaces are bound, and their requested
//! size.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, Namespace, namespaces, read};
use checklist::signals::pvc::{BOUND, REQUESTED};
use checklist::{Object, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `pvc`.
pub struct Pvc(pub Arc<Cluster>);

impl Probe for Pvc {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            samples.saw(Object::Claim, 0);
            for namespace in &watched.namespaces {
                let judged = claims(namespace, &mut samples).await;
                self.0.conclude(&watched, namespace, judged, &mut samples).await;
            }
            Ok(samples)
        }
        .boxed()
    }
}

async fn claims(namespace: &Namespace, samples: &mut Samples) -> Result<usize, Failure> {
    let claims = read(&namespace.claims).await?;
    samples.saw(Object::Claim, claims.objects.len());
    namespaces::left_out(Object::Claim, claims.left_out.len(), namespace, samples);
    for (name, claim) in &claims.objects {
        samples.set(&BOUND, [&namespace.name, name], claim.is_bound());
        if let Some(bytes) = claim.requested() {
            samples.set(&REQUESTED, [&namespace.name, name], bytes);
        }
    }
    Ok(claims.objects.len())
}
