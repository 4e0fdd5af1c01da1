//! The application on the fake API server.

use super::change::Change;
use crate::kubernetes::{Kubelet, Kubernetes};
use crate::peers::{Authority, acceptor};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// The running fake servers.
pub struct Fake {
    pub(super) server: Kubernetes,
    pub(super) kubelet_authority: PathBuf,
    _folder: TempDir,
}

impl Fake {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-fake").tempdir()?;
        let authority = Authority::new(folder.path())?;
        let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
        let server = Kubernetes::start(kubelet).await?;
        Ok(Self { server, kubelet_authority: authority.ca_file, _folder: folder })
    }

    pub(super) fn admit(&self, rights: &Value) -> String {
        self.server.grant(rights);
        self.server.kubeconfig()
    }

    pub(super) fn change(&self, change: Change) {
        let server = &self.server;
        match change {
            Change::ReadyPods(ready) => server.ready_replicas(ready),
            Change::WantedDatabasePods(wanted) => server.database_replicas(wanted),
            Change::Restarts(restarts) => server.restart(restarts, "Error"),
            Change::NewPod => server.replace_pod(),
            Change::AutoscalerAtMax(at_max) => server.autoscaler(if at_max { 6 } else { 3 }),
            Change::ClaimPending(pending) => server.claim(if pending { "Pending" } else { "Bound" }),
            Change::SecretAge(days) => server.rotated("jwt-secret", days),
            Change::MemoryUse(share) => server.usage(share),
            Change::DiskUse(share) => server.kubelet.fill(share),
            Change::AuditLines(writes) => server.audit_lines(writes),
            Change::RightsRevoked => server.refuse(Some(403)),
            Change::Unreachable => server.refuse(Some(503)),
        }
    }
}
