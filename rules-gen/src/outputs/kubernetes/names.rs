//! Names of objects, folders and labels that several files of a deployment use.

use serde_json::{Value, json};

/// The name of the exporter's objects and roles.
pub const NAME: &str = "checklist-exporter";
/// The service account of the jobs that verify backups and alerts. It may only update their leases, because a restore
/// runs code from the dump.
pub const JOBS: &str = "checklist-exporter-jobs";
/// The path of checklist.yaml in the pods.
pub const CONFIG_FILE: &str = "/etc/checklist-exporter/checklist.yaml";
/// The folder of checklist.yaml in the pods.
pub const CONFIG_FOLDER: &str = "/etc/checklist-exporter";
/// The folder of the web configuration in the pod, if there is one.
pub const WEB_FOLDER: &str = "/etc/checklist-web";
/// The name of the `ConfigMap` with checklist.yaml.
pub const CONFIG_MAP: &str = "checklist";
/// The name of the volume claim for records and reports.
pub const CLAIM: &str = "checklist-exporter-data";

/// The kinds of pods in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Exporter,
    /// A pod that verifies backups or alerts, or writes a report.
    Job,
}

impl Part {
    /// Returns the labels by which network policies, Services and topology constraints select the pods.
    pub fn labels(self) -> Value {
        let component = match self {
            Self::Exporter => "exporter",
            Self::Job => "job",
        };
        json!({"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": component})
    }
}
