//! The signal `disk`: used bytes and inodes of the persistent volume claims in the watched namespaces, as the kubelets
//! report them.

use crate::probe::{Failure, Probe};
use crate::sources::kubelet::{Claim, Volume, Volumes, volumes};
use crate::sources::kubernetes::namespaces::left_out;
use crate::sources::kubernetes::{Cluster, Namespace, read};
use checklist::signals::disk::{CAPACITY, INODES, INODES_USED, USED};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The probe of the signal `disk`.
pub struct Disk(pub Arc<Cluster>);

impl Probe for Disk {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            let mut volumes = volumes(&self.0).await?;
            for namespace in &watched.namespaces {
                leave_out(namespace, &mut volumes, &mut samples).await;
            }
            samples.saw(Object::Node, volumes.nodes);
            samples.saw(Object::Claim, 0);
            for failure in &volumes.unreached {
                samples.missed(Object::Node, failure.reason, failure.message.clone());
            }
            let mut silent = Vec::new();
            for (claim, volume) in &volumes.claims {
                match usage(claim, volume, &mut samples) {
                    Ok(()) => samples.saw(Object::Claim, 1),
                    Err(why) => silent.push((claim, why)),
                }
            }
            for namespace in &watched.namespaces {
                let judged = unmounted(namespace, &volumes, &mut samples).await;
                self.0.conclude(&watched, namespace, judged, &mut samples).await;
            }
            for (Claim { namespace, name }, why) in silent {
                samples.missed(Object::Claim, Reason::NotFound, format!("claim {namespace}/{name}: {why}"));
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// Removes the volumes of claims that `exclude:` leaves out. If the claims of the namespace cannot be read, `unmounted`
/// reports the failure.
async fn leave_out(namespace: &Namespace, volumes: &mut Volumes, samples: &mut Samples) {
    let Ok(claims) = read(&namespace.claims).await else { return };
    let before = volumes.claims.len();
    volumes.claims.retain(|claim, _| claim.namespace != namespace.name || !claims.left_out.contains(&*claim.name));
    left_out(Object::Claim, before - volumes.claims.len(), namespace, samples);
}

/// Sets the samples of one claim, or returns why the kubelet does not know them.
fn usage(claim: &Claim, volume: &Volume, samples: &mut Samples) -> Result<(), String> {
    let labels = [claim.namespace.as_str(), claim.name.as_str()];
    volume.is_of_now()?;
    // File systems without a fixed number of inodes report 0 inodes.
    if let (Some(used), Some(all @ 1..)) = (volume.inodes_used, volume.inodes) {
        samples.set(&INODES_USED, labels, used);
        samples.set(&INODES, labels, all);
    }
    let (used, capacity) = volume.bytes()?;
    samples.set(&USED, labels, used);
    samples.set(&CAPACITY, labels, capacity);
    Ok(())
}

/// Reports as unseen each bound claim that a running pod uses but no kubelet reported. Claims that no pod uses are only
/// counted, because they cannot fill up. Returns the number of claims in the namespace, or the number of mounted
/// volumes if that is larger.
async fn unmounted(namespace: &Namespace, volumes: &Volumes, samples: &mut Samples) -> Result<usize, Failure> {
    let known = |name: &str| volumes.claims.keys().any(|c| c.namespace == namespace.name && c.name == name);
    let mounted = volumes.claims.keys().filter(|claim| claim.namespace == namespace.name).count();
    // The claims that running pods use on nodes whose kubelets are queried, and on others.
    let (mut in_use, mut on_other_nodes) = (BTreeSet::new(), BTreeSet::new());
    for pod in read(&namespace.pods).await?.objects.values().filter(|pod| &*pod.phase == "Running") {
        let used = if volumes.is_left_out(&pod.node) { &mut on_other_nodes } else { &mut in_use };
        used.extend(pod.claims.iter().cloned());
    }
    let claims = read(&namespace.claims).await?;
    let (mut idle, mut left_out) = (0, 0);
    for (name, claim) in claims.objects.iter().filter(|(name, claim)| claim.is_bound() && !known(name)) {
        if claim.is_block() || !in_use.contains(&**name) {
            if !claim.is_block() && on_other_nodes.contains(&**name) {
                left_out += 1;
            } else {
                idle += 1;
            }
            continue;
        }
        let reason = volumes.unreached.first().map_or(Reason::NotFound, |failure| failure.reason);
        let what = format!(
            "persistent volume claim {}/{name}: a running pod uses it, but no kubelet that responded reports it",
            namespace.name
        );
        samples.missed(Object::Claim, reason, what);
    }
    if idle > 0 {
        let which = "are bound but not mounted as a file system";
        samples.evidence.note(format!("{} in {} {which}", Object::Claim.counted(idle), namespace.name));
    }
    if left_out > 0 {
        let which = "are mounted on nodes that kubelet.nodeSelector leaves out";
        samples.evidence.note(format!("{} in {} {which}", Object::Claim.counted(left_out), namespace.name));
    }
    Ok(mounted.max(claims.objects.len()))
}
