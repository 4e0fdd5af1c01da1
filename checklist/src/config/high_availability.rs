//! `highAvailability:` which of several exporters makes the costly checks: the holder of a Lease of Kubernetes.

use super::read_parts::is_dns_label;
use super::reader::Table;
use crate::targets::{Backup, Kubernetes};

/// Longer names of objects are allowed, but `kubectl get` is read by people.
const LONGEST: usize = 49;

/// What only one process proves at a time.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// The way of the alerts.
    Alerts,
    /// That a backup can be restored.
    Backup(&'a Backup),
}

/// Where the lease is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HighAvailability {
    /// The name of the cluster in checklist.yaml.
    pub kubernetes: String,
    /// The name of the Lease, in the exporter's namespace.
    pub lease: String,
}

impl HighAvailability {
    /// The lease that a proof takes while it runs: proofs of different backups do not wait for each other.
    pub fn proof_lease(&self, proof: Proof<'_>) -> String {
        match proof {
            Proof::Alerts => format!("{}-verify-alerts", self.lease),
            Proof::Backup(backup) => format!("{}-verify-backup-{}", self.lease, backup.slug()),
        }
    }
}

pub(super) fn read(mut table: Table<'_>, clusters: &[Kubernetes]) -> Option<HighAvailability> {
    let kubernetes = table.required("kubernetes");
    if let (Some(name), Some(node)) = (&kubernetes, table.node("kubernetes"))
        && !clusters.iter().any(|cluster| cluster.name == *name)
    {
        table.mistake(node.place, format!("there is no cluster {name} under kubernetes:"));
    }
    let lease = table.text("lease");
    if let (Some(name), Some(node)) = (&lease, table.node("lease"))
        && !(is_dns_label(name) && name.len() <= LONGEST)
    {
        table.mistake(
            node.place,
            format!("the name of a lease has up to {LONGEST} lower-case letters, digits and dashes"),
        );
    }
    table.finish();
    Some(HighAvailability { kubernetes: kubernetes?, lease: lease.unwrap_or_else(|| "checklist-exporter".to_owned()) })
}
