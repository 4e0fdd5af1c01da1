//! Which checks and proofs the lease of `highAvailability:` is for.

use super::Config;
use super::high_availability::{HighAvailability, Proof};
use crate::signal::Signal;
use crate::targets::Kubernetes;
use std::collections::BTreeSet;

impl Config {
    /// The section with its cluster and the namespace of the leases.
    pub fn election(&self) -> Option<(&HighAvailability, &Kubernetes, &str)> {
        let section = self.high_availability.as_ref()?;
        let cluster = self.kubernetes.iter().find(|cluster| cluster.name == section.kubernetes)?;
        Some((section, cluster, &cluster.exporter_namespace))
    }

    /// The leases that the proofs take while they run; none without `highAvailability:`.
    pub fn proof_leases(&self) -> BTreeSet<String> {
        let Some(section) = &self.high_availability else { return BTreeSet::new() };
        let restored = self.backups.iter().filter(|backup| backup.restore.is_some()).map(Proof::Backup);
        // Without an Alertmanager there is no way of an alert to prove.
        let alerts = (!self.alertmanagers.is_empty()).then_some(Proof::Alerts);
        alerts.into_iter().chain(restored).map(|proof| section.proof_lease(proof)).collect()
    }

    /// Whether only the holder of the lease makes a signal's checks.
    pub fn is_elected(&self, signal: &Signal) -> bool {
        signal.costly.is_some() && self.high_availability.is_some()
    }
}
