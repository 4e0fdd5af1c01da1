//! Names of objects, folders and labels that the parts of a deployment share.

use serde_json::{Value, json};

/// The name of every object and role.
pub const NAME: &str = "checklist-exporter";
/// The service account of the jobs that make proofs. It may take their leases and nothing else: a dump runs code of whoever
/// wrote it.
pub const JOBS: &str = "checklist-exporter-jobs";
/// Where pods find checklist.yaml.
pub const CONFIG_FILE: &str = "/etc/checklist-exporter/checklist.yaml";
/// The folder that it is in.
pub const CONFIG_FOLDER: &str = "/etc/checklist-exporter";
/// The folder of the web configuration, where there is one.
pub const WEB_FOLDER: &str = "/etc/checklist-web";
/// The `ConfigMap` with checklist.yaml.
pub const CONFIG_MAP: &str = "checklist";
/// The claim that records and reports in folders are kept in.
pub const CLAIM: &str = "checklist-exporter-data";

/// The two kinds of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The exporter.
    Exporter,
    /// A proof or a report.
    Job,
}

impl Part {
    /// The labels by which policies, Services and spreads know the pods.
    pub fn labels(self) -> Value {
        let component = match self {
            Self::Exporter => "exporter",
            Self::Job => "job",
        };
        json!({"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": component})
    }
}
