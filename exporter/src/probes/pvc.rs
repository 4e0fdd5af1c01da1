//! Volume claims of the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::{Cluster, read};
use checklist::Samples;
use checklist::signals::pvc::{BOUND, REQUESTED, SIGNAL};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `pvc`.
pub struct Pvc(pub Arc<Cluster>);

impl Probe for Pvc {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            for namespace in &self.0.watched().await?.namespaces {
                for (name, claim) in &read(&namespace.claims).await?.objects {
                    samples.set(&BOUND, [&namespace.name, name], claim.is_bound());
                    if let Some(bytes) = claim.requested() {
                        samples.set(&REQUESTED, [&namespace.name, name], bytes);
                    }
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
