//! `highAvailability:` which of several exporters makes the costly checks: the holder of a Lease of Kubernetes.

use super::read_parts::is_dns_label;
use super::reader::Table;
use super::{Config, Kubernetes};
use crate::signal::Signal;

/// The suffixes of the leases that the proofs take while they run.
const PROOFS: [&str; 2] = ["verify-alerts", "verify-backup"];
/// Names of objects have 63 letters here, and the proofs append up to 14.
const LONGEST: usize = 49;

/// Where the lease is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HighAvailability {
    /// The name of the cluster in checklist.yaml.
    pub kubernetes: String,
    /// The name of the Lease, in the exporter's namespace.
    pub lease: String,
}

impl HighAvailability {
    /// The lease that a proof takes while it runs, by the name of its command.
    pub fn proof_lease(&self, command: &str) -> String {
        format!("{}-{command}", self.lease)
    }

    /// The leases of all proofs.
    pub fn proof_leases(&self) -> Vec<String> {
        PROOFS.map(|command| self.proof_lease(command)).to_vec()
    }
}

impl Config {
    /// The section with its cluster and the namespace of the leases.
    pub fn election(&self) -> Option<(&HighAvailability, &Kubernetes, &str)> {
        let section = self.high_availability.as_ref()?;
        let cluster = self.kubernetes.iter().find(|cluster| cluster.name == section.kubernetes)?;
        // Parts of one cluster share one service account, that of the first part.
        let first = self.kubernetes.iter().find(|other| other.kubeconfig.is_none());
        let home = first.filter(|_| cluster.kubeconfig.is_none()).unwrap_or(cluster);
        Some((section, cluster, &home.exporter_namespace))
    }

    /// Whether only the holder of the lease makes a signal's checks.
    pub fn is_elected(&self, signal: &Signal) -> bool {
        signal.costly.is_some() && self.high_availability.is_some()
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
