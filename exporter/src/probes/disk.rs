//! Bytes and inodes of the claims in the watched namespaces.

use crate::probe::{Failure, Probe};
use crate::sources::kubelet::volumes;
use crate::sources::kubernetes::Cluster;
use checklist::Samples;
use checklist::signals::disk::{CAPACITY, INODES, INODES_USED, SIGNAL, USED};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The probe of the signal `disk`.
pub struct Disk(pub Arc<Cluster>);

impl Probe for Disk {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            for (claim, volume) in volumes(&self.0).await? {
                let labels = [claim.namespace.as_str(), claim.name.as_str()];
                if let (Some(used), Some(available)) = (volume.used_bytes, volume.available_bytes) {
                    samples.set(&USED, labels, used);
                    samples.set(&CAPACITY, labels, used.saturating_add(available));
                }
                // Some file systems have no fixed number of inodes and say 0.
                if let (Some(used), Some(all @ 1..)) = (volume.inodes_used, volume.inodes) {
                    samples.set(&INODES_USED, labels, used);
                    samples.set(&INODES, labels, all);
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
