//! The section `highAvailability:`: of several exporters, the holder of a Kubernetes Lease makes the costly checks.

use crate::reader::keys::{Form, Key, Kind, Section};
use crate::reader::table::Table;
use crate::targets::parts::is_dns_label;
use crate::targets::{Backup, Kubernetes};
use crate::yaml::quote;

/// The limit of the lease's name in characters. Kubernetes allows longer names, but they are hard to read in `kubectl
/// get`.
const LONGEST: usize = 49;

/// A proof that only one process may carry out at a time.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// The delivery of an alert.
    Alerts,
    /// The restore of a backup.
    Backup(&'a Backup),
}

/// The values of the section `highAvailability:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HighAvailability {
    /// The name of the cluster in checklist.yaml.
    pub kubernetes: String,
    /// The name of the Lease, in the exporter's namespace.
    pub lease: String,
}

impl HighAvailability {
    /// Returns the name of the lease that a proof takes while it runs. Each backup has its own, so that proofs of
    /// different backups do not wait for each other.
    pub fn proof_lease(&self, proof: Proof<'_>) -> String {
        match proof {
            Proof::Alerts => format!("{}-verify-alerts", self.lease),
            Proof::Backup(backup) => format!("{}-verify-backup-{}", self.lease, backup.slug()),
        }
    }
}

static LEASE: Form = Form {
    right: "the name of a lease: up to 49 lower-case letters, digits and dashes",
    pattern: "^[a-z0-9-]{1,49}$",
    fits: |text| is_dns_label(text) && text.len() <= LONGEST,
};

pub(super) static SECTION: Section = Section {
    what: "highAvailability",
    keys: &[&[
        Key::new("kubernetes", Kind::Text, "The name of the cluster, under `kubernetes:`, that the lease is in.")
            .required()
            .example("production"),
        Key::new("lease", Kind::Form(&LEASE), "The name of the Lease, in the exporter's namespace.")
            .default("checklist-exporter")
            .example("checklist"),
    ]],
    rules: &[],
};

pub(super) fn read(table: &Table<'_>, clusters: &[Kubernetes]) -> Option<HighAvailability> {
    let (kubernetes, lease) = (table.text("kubernetes")?, table.text("lease")?);
    if !clusters.iter().any(|cluster| cluster.name == kubernetes) {
        table.mistake_at("kubernetes", format!("unknown cluster {}: it is not under kubernetes:", quote(&kubernetes)));
    }
    Some(HighAvailability { kubernetes, lease })
}
