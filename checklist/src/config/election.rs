//! Which checks and proofs need a lease, when `highAvailability:` is configured.

use super::Config;
use super::high_availability::{HighAvailability, Proof};
use crate::signal::Signal;
use crate::targets::Kubernetes;
use std::collections::BTreeSet;

impl Config {
    /// Returns the section `highAvailability:`, its cluster, and the namespace of the leases.
    pub fn election(&self) -> Option<(&HighAvailability, &Kubernetes, &str)> {
        let section = self.high_availability.as_ref()?;
        let cluster = self.kubernetes.iter().find(|cluster| cluster.name == section.kubernetes)?;
        Some((section, cluster, &cluster.exporter_namespace))
    }

    /// Returns the names of the leases that proofs take while they run. Empty without `highAvailability:`.
    pub fn proof_leases(&self) -> BTreeSet<String> {
        let Some(section) = &self.high_availability else { return BTreeSet::new() };
        let restored = self.backups.iter().filter(|backup| backup.restore.is_some()).map(Proof::Backup);
        // Without an Alertmanager there is no delivery of alerts to prove.
        let alerts = (!self.alertmanagers.is_empty()).then_some(Proof::Alerts);
        alerts.into_iter().chain(restored).map(|proof| section.proof_lease(proof)).collect()
    }

    /// Returns whether only the holder of the lease makes the checks of a signal.
    pub fn is_elected(&self, signal: &Signal) -> bool {
        signal.costly.is_some() && self.high_availability.is_some()
    }
}
