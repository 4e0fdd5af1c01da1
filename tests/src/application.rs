//! The application that the stack checks, in a cluster of real servers where this machine has them (`make parts`), else
//! on the fake API server. Tests change it in the same way on both.

mod change;
mod fake;
mod real;

pub use change::Change;
pub use real::install;

use crate::rights::Request;
use fake::Fake;
use real::Real;
use serde_json::Value;
use std::path::Path;

/// The running application.
pub enum Application {
    /// In a namespace of its own.
    Real(Box<Real>),
    /// On a server of its own.
    Fake(Box<Fake>),
}

/// Whether applications run on real servers. The variable `FAKE_KUBERNETES` chooses the fake one.
pub fn is_real() -> bool {
    cfg!(has_cluster) && std::env::var_os("FAKE_KUBERNETES").is_none()
}

impl Application {
    /// Starts the application and waits until it is healthy.
    pub async fn start() -> anyhow::Result<Self> {
        if is_real() { Ok(Self::Real(Box::new(Real::start().await?))) } else { Self::fake().await }
    }

    /// Starts the application on the fake API server, for measurements that servers beside the exporter would disturb.
    pub async fn fake() -> anyhow::Result<Self> {
        Ok(Self::Fake(Box::new(Fake::start().await?)))
    }

    /// Returns the name of the API server with its version.
    pub async fn server(&self) -> anyhow::Result<String> {
        match self {
            Self::Real(real) => {
                let version = real.cluster.admin().await?.get("/version").await?;
                Ok(format!("kube-apiserver {}", version["gitVersion"].as_str().unwrap_or_default()))
            }
            Self::Fake(_) => Ok("a fake API server".to_owned()),
        }
    }

    /// The namespace of the application.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Real(real) => &real.namespace,
            Self::Fake(_) => crate::kubernetes::NAMESPACE,
        }
    }

    /// Returns the section of checklist.yaml about the cluster, for an exporter with this kubeconfig.
    pub fn configuration(&self, kubeconfig: &Path) -> String {
        let kubelet_authority = match self {
            Self::Real(real) => real.cluster.ca_file(),
            Self::Fake(fake) => &fake.kubelet_authority,
        };
        format!(
            "kubernetes:
  - name: stack
    kubeconfig: {}
    namespaces: [{}]
    kubelet: {{caFile: {}}}
    auditLogs: [{{selector: app=orchestrator}}]
    secrets: [{{name: jwt-secret, annotation: example.com/rotated}}, {{name: postgres-credentials}}]
",
            kubeconfig.display(),
            self.namespace(),
            kubelet_authority.display()
        )
    }

    /// Grants the exporter's account the rights of a list of roles. Returns a kubeconfig for the account.
    pub async fn admit(&self, rights: &Value) -> anyhow::Result<String> {
        match self {
            Self::Real(real) => real.admit(rights).await,
            Self::Fake(fake) => Ok(fake.admit(rights)),
        }
    }

    /// Changes the application.
    pub async fn change(&self, change: Change) -> anyhow::Result<()> {
        match self {
            Self::Real(real) => real.change(change).await,
            Self::Fake(fake) => {
                fake.change(change);
                Ok(())
            }
        }
    }

    /// Returns the requests of the exporter's account so far.
    pub fn requests(&self) -> anyhow::Result<Vec<Request>> {
        match self {
            Self::Real(real) => real.requests(),
            Self::Fake(fake) => Ok(fake.server.requests().into_iter().collect()),
        }
    }

    /// Returns the holder of a lease; `None` if nobody holds it or it does not exist.
    pub async fn lease_holder(&self, lease: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Real(real) => real.lease_holder(lease).await,
            Self::Fake(fake) => Ok(fake.server.holder(lease)),
        }
    }

    /// Deletes a lease.
    pub async fn delete_lease(&self, lease: &str) -> anyhow::Result<()> {
        match self {
            Self::Real(real) => real.delete_lease(lease).await,
            Self::Fake(fake) => {
                fake.server.delete_lease(lease);
                Ok(())
            }
        }
    }
}
