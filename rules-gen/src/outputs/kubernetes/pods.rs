//! What the pods need because of checklist.yaml: files as volumes, environment variables, and a service account token.

use crate::outputs::kubernetes::names::NAME;
use crate::outputs::kubernetes::volumes::{self, PodVolumes};
use checklist::Config;
use checklist::config::Backup;
use checklist::targets::{self, Target};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders that need no volume: certificate authorities are in the image, and Kubernetes mounts the service account
/// token.
const NOT_OURS: [&str; 5] =
    ["/etc/ssl", "/etc/pki", "/usr", "/var/run/secrets/kubernetes.io", "/run/secrets/kubernetes.io"];

/// A pod of the deployment.
#[derive(Debug, Clone, Copy)]
pub enum Pod<'a> {
    /// The exporter, which makes all checks.
    Exporter,
    /// The job that restores one backup. It gets no other secrets, because a restore runs code from the dump.
    Restore(&'a Backup),
    /// The job that verifies the delivery of alerts.
    AlertPath,
    /// A job that writes a report.
    Report,
}

/// What a pod needs.
#[derive(Debug)]
pub struct Needs {
    /// Environment variables. Each is a key of the same name in the Secret.
    pub env: Vec<Value>,
    pub volume_mounts: PodVolumes,
    /// Whether some pod writes to the volume claim.
    pub keeps_files: bool,
    /// Whether checklist.yaml has the cluster that the pods run in.
    pub uses_api_server: bool,
}

/// Returns what a pod needs.
pub fn needs(config: &Config, pod: Pod<'_>) -> anyhow::Result<Needs> {
    let all = Files::of_all(config);
    let keys = volumes::keys(&all.secret, &all.variables)?;
    let mut files = Files::default();
    files.read(config, pod);
    let mut volume_mounts = PodVolumes::of_files(&files.secret, &keys)?;
    volume_mounts.add_persistent(&files.kept, &all.kept, &all.secret)?;
    let variable = |name: &String| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": NAME, "key": name, "optional": true}}});
    Ok(Needs {
        env: files.variables.iter().map(variable).collect(),
        volume_mounts,
        keeps_files: !all.kept.is_empty(),
        uses_api_server: config.kubernetes.iter().any(|cluster| cluster.kubeconfig.is_none()),
    })
}

/// The files and variables that checklist.yaml names.
#[derive(Default)]
struct Files {
    /// Files that come from the Secret.
    secret: BTreeSet<PathBuf>,
    /// Folders that are kept in the volume claim.
    kept: BTreeSet<PathBuf>,
    variables: BTreeSet<String>,
}

impl Files {
    /// Returns what all pods together need.
    fn of_all(config: &Config) -> Self {
        let mut files = Self::default();
        let restored = config.backups.iter().filter(|backup| backup.restore.is_some()).map(Pod::Restore);
        for pod in [Pod::Exporter, Pod::AlertPath, Pod::Report].into_iter().chain(restored) {
            files.read(config, pod);
        }
        files
    }

    fn read(&mut self, config: &Config, pod: Pod<'_>) {
        match pod {
            // Only the restore job gets the password of the restore server.
            Pod::Exporter => config.each().into_iter().for_each(|(_, target)| self.add(&target.needs())),
            Pod::Restore(backup) => {
                self.add(&backup.needs());
                // The given restore server is compared with every configured database, to be sure that it is none of
                // them.
                let server = backup.restore.as_ref().and_then(|restore| restore.server.as_ref());
                for database in server.iter().copied().chain(server.iter().flat_map(|_| &config.postgres)) {
                    self.add(&database.needs());
                }
                self.lease(config);
            }
            Pod::AlertPath => {
                config.alertmanagers.iter().for_each(|server| self.add(&server.needs()));
                self.lease(config);
            }
            Pod::Report => {
                config.prometheus.first().into_iter().for_each(|server| self.add(&server.needs()));
                if let Some(reports) = &config.alerting.reports {
                    self.add(&targets::Needs::default().file(reports.webhook_url_file.as_ref()));
                    self.kept.extend(reports.directory.clone());
                }
            }
        }
        config.tasks.iter().for_each(|tasks| self.add(&tasks.needs()));
    }

    /// Adds the kubeconfig of the cluster that has the leases.
    fn lease(&mut self, config: &Config) {
        let kubeconfig = config.election().and_then(|(_, cluster, _)| cluster.kubeconfig.as_ref());
        self.add(&targets::Needs::default().file(kubeconfig));
    }

    fn add(&mut self, needs: &targets::Needs<'_>) {
        let ours = |path: &&&Path| !NOT_OURS.iter().any(|folder| path.starts_with(folder));
        self.secret.extend(needs.files.iter().filter(ours).map(|path| path.to_path_buf()));
        self.variables.extend(needs.variables.iter().map(|name| (*name).to_owned()));
        self.kept.extend(needs.folders.iter().map(|path| path.to_path_buf()));
    }
}
