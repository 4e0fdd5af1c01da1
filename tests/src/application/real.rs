//! The application in a namespace of the real cluster.

use super::change::Change;
use crate::cluster::{Api, Cluster, Door, Passage};
use crate::rights::Request;
use crate::waiting::eventually;
use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Its objects. `NAMESPACE` stands for the namespace.
const OBJECTS: &str = include_str!("objects.yaml");
/// The name of the generated service account, and of the exporter's lease.
const ACCOUNT: &str = "checklist-exporter";
/// Memory limit of each container in `objects.yaml`, in bytes.
const MEMORY: f64 = 512.0 * 1_048_576.0;
/// CPU that each container uses, in thousandths of a core: little, and so much that the autoscaler wants more replicas
/// than its maximum.
const CPU: [u32; 2] = [60, 300];

/// The running application.
pub struct Real {
    pub(super) cluster: &'static Cluster,
    pub(super) namespace: String,
    api: Api,
    /// The exporter's way to the API server.
    door: Door,
    /// What each container uses: CPU in thousandths of a core, and memory as a share of the limit.
    used: Mutex<(u32, f64)>,
}

impl Real {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let cluster = Cluster::shared().await?;
        let namespace = cluster.namespace("llm-orchestrator").await?;
        let api = cluster.admin().await?;
        let door = cluster.door().await?;
        let real = Self { cluster, namespace, api, door, used: Mutex::new((CPU[0], 0.5)) };
        real.uses(|_| ());
        real.change(Change::AuditLines(true)).await?;
        install(cluster, &real.api, &real.namespace).await?;
        real.change(Change::SecretAge(30)).await?;
        // In the state after a release, so that the exporter takes it at once.
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": ACCOUNT},
            "spec": {"leaseDurationSeconds": 1}});
        real.api.create(&real.path("apis/coordination.k8s.io/v1", "leases"), &lease).await?;
        Ok(real)
    }

    /// Applies the roles, and returns a kubeconfig with a token of the account that they are for.
    pub(super) async fn admit(&self, rights: &Value) -> anyhow::Result<String> {
        self.cluster.apply(&self.namespace, &rights.to_string())?;
        let token = self.cluster.token(&self.namespace, ACCOUNT).await?;
        Ok(self.cluster.kubeconfig_at(&self.door, &token))
    }

    /// Returns the requests of the exporter's account in the API server's audit log.
    pub(super) fn requests(&self) -> anyhow::Result<Vec<Request>> {
        Ok(self.cluster.audit(&self.namespace, ACCOUNT)?.iter().filter_map(Request::of_event).collect())
    }

    pub(super) async fn lease_holder(&self, lease: &str) -> anyhow::Result<Option<String>> {
        let (status, body) = self.api.request("GET", &self.lease(lease), "application/json", Vec::new()).await?;
        anyhow::ensure!(status == 200 || status == 404, "{lease}: {status} {body}");
        let object: Value = serde_json::from_str(&body)?;
        let holder = object["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty());
        Ok(holder.map(str::to_owned))
    }

    pub(super) async fn delete_lease(&self, lease: &str) -> anyhow::Result<()> {
        self.api.delete(&self.lease(lease)).await
    }

    fn lease(&self, name: &str) -> String {
        self.path("apis/coordination.k8s.io/v1", &format!("leases/{name}"))
    }

    /// Returns a path in the namespace.
    fn path(&self, group: &str, rest: &str) -> String {
        format!("/{group}/namespaces/{}/{rest}", self.namespace)
    }

    pub(super) async fn change(&self, change: Change) -> anyhow::Result<()> {
        match change {
            Change::ReadyPods(ready) => self.ready_pods(ready).await?,
            Change::WantedDatabasePods(wanted) => {
                // The volume of the second pod is taken, so it cannot be scheduled.
                let path = self.path("apis/apps/v1", "statefulsets/postgres");
                self.api.patch(&path, &json!({"spec": {"replicas": wanted}})).await?;
            }
            Change::Restarts(restarts) => self.restarted(restarts).await?,
            Change::NewPod => {
                let pod = self.pods().await?.into_iter().next().context("no pod")?;
                self.api.delete(&self.pod_path(&pod)).await?;
            }
            Change::AutoscalerAtMax(at_max) => self.uses(|used| used.0 = CPU[usize::from(at_max)]),
            Change::ClaimPending(true) => {
                let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "waiting"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "no-such-class",
                        "resources": {"requests": {"storage": "1Gi"}}}});
                self.api.create(&self.path("api/v1", "persistentvolumeclaims"), &claim).await?;
            }
            Change::ClaimPending(false) => {
                self.api.delete(&self.path("api/v1", "persistentvolumeclaims/waiting")).await?;
            }
            Change::SecretAge(days) => {
                let at = Timestamp::now() - SignedDuration::from_hours(24 * days);
                let rotated = json!({"metadata": {"annotations": {"example.com/rotated": at.to_string()}}});
                self.api.patch(&self.path("api/v1", "secrets/jwt-secret"), &rotated).await?;
            }
            Change::MemoryUse(share) => self.uses(|used| used.1 = share),
            Change::DiskUse(share) => self.cluster.kubelet.fill(&self.namespace, "data-postgres-0", share),
            Change::AuditLines(writes) => {
                let audit = writes.then_some("AUDIT: user 7 logged in");
                let lines = ["GET /health 200"].into_iter().chain(audit);
                let lines = lines.map(|line| (SignedDuration::from_secs(270), line.to_owned())).collect();
                self.cluster.kubelet.usually_writes(&self.namespace, lines);
            }
            Change::RightsRevoked => self.revoke().await?,
            Change::Unreachable => self.door.set(Passage::Closed),
        }
        Ok(())
    }

    fn uses(&self, change: impl FnOnce(&mut (u32, f64))) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut used);
        let bytes = format!("{:.0}", MEMORY * used.1).parse().unwrap_or_default();
        self.cluster.metrics.uses(&self.namespace, used.0, bytes);
    }

    /// Returns the pods of the deployment, the oldest first.
    async fn pods(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.api.get(&self.path("api/v1", "pods?labelSelector=app%3Dorchestrator")).await?;
        let mut pods = list["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        pods.sort_by_key(|pod| (text(&pod["metadata"]["creationTimestamp"]), text(&pod["metadata"]["name"])));
        Ok(pods)
    }

    fn pod_path(&self, pod: &Value) -> String {
        self.path("api/v1", &format!("pods/{}", pod["metadata"]["name"].as_str().unwrap_or_default()))
    }

    /// Writes the status of a pod, as its kubelet would. The simulated kubelets leave pods alone that were ready once.
    async fn write_status(&self, pod: &Value) -> anyhow::Result<()> {
        let status = &pod["status"];
        let change = json!({"conditions": status["conditions"], "containerStatuses": status["containerStatuses"]});
        self.api.patch(&format!("{}/status", self.pod_path(pod)), &json!({"status": change})).await.map(|_| ())
    }

    /// Makes the containers of all other pods crash. The controllers count the ready pods and endpoints.
    async fn ready_pods(&self, ready: usize) -> anyhow::Result<()> {
        let now = Timestamp::now().to_string();
        for (n, mut pod) in self.pods().await?.into_iter().enumerate() {
            let is_ready = n < ready;
            for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
                if ["Ready", "ContainersReady"].iter().any(|kind| condition["type"] == *kind) {
                    condition["status"] = json!(if is_ready { "True" } else { "False" });
                    condition["lastTransitionTime"] = json!(now);
                }
            }
            let container = &mut pod["status"]["containerStatuses"][0];
            container["ready"] = json!(is_ready);
            container["state"] = if is_ready {
                json!({"running": {"startedAt": now}})
            } else {
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})
            };
            self.write_status(&pod).await?;
        }
        Ok(())
    }

    async fn restarted(&self, restarts: u32) -> anyhow::Result<()> {
        let mut pod = self.pods().await?.into_iter().next().context("no pod")?;
        let now = Timestamp::now().to_string();
        let container = &mut pod["status"]["containerStatuses"][0];
        container["restartCount"] = json!(restarts);
        container["lastState"] =
            json!({"terminated": {"reason": "Error", "exitCode": 1, "startedAt": now, "finishedAt": now}});
        self.write_status(&pod).await
    }

    /// Deletes the bindings of the exporter's account, and ends its connections when the API server has noticed: an
    /// open watch would go on.
    async fn revoke(&self) -> anyhow::Result<()> {
        const GROUP: &str = "apis/rbac.authorization.k8s.io/v1";
        self.api.delete(&self.path(GROUP, &format!("rolebindings/{ACCOUNT}"))).await?;
        self.api.delete(&format!("/{GROUP}/clusterrolebindings/{ACCOUNT}-{}", self.namespace)).await?;
        let exporter = Api::new(&self.cluster.kubeconfig(&self.cluster.token(&self.namespace, ACCOUNT).await?)).await?;
        for path in [self.path("api/v1", "pods"), "/api/v1/nodes".to_owned()] {
            eventually("the right is gone", || async {
                Ok(exporter.request("GET", &path, "application/json", Vec::new()).await?.0 == 403)
            })
            .await?;
        }
        self.door.cut().await
    }
}

/// Installs the application into a namespace and waits until it runs.
pub async fn install(cluster: &Cluster, api: &Api, namespace: &str) -> anyhow::Result<()> {
    cluster.apply(namespace, &OBJECTS.replace("NAMESPACE", namespace))?;
    cluster.kubelet.fill(namespace, "data-postgres-0", 0.4);
    let at = |kind: &str, name: &str| format!("/apis/apps/v1/namespaces/{namespace}/{kind}/{name}");
    eventually("the application runs", || async {
        let deployment = api.get(&at("deployments", "orchestrator")).await?;
        let database = api.get(&at("statefulsets", "postgres")).await?;
        let agent = api.get(&at("daemonsets", "agent")).await?;
        let scaler = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/orchestrator");
        let scaler = api.get(&scaler).await?;
        let active = scaler["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "ScalingActive" && one["status"] == "True"));
        Ok(deployment["status"]["readyReplicas"] == 3
            && database["status"]["readyReplicas"] == 1
            && agent["status"]["numberReady"] == 2
            && active)
    })
    .await
}
