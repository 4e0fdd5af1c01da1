//! A Kubernetes cluster of real servers: etcd, API server, controllers, scheduler, and two nodes whose kubelets run no
//! containers (kwok). The harness itself serves what kwok lacks: statistics and logs of kubelets, and the metrics API.

mod api;
mod door;
mod kubelet;
mod metrics;
mod servers;
mod watchman;

pub use api::Api;
pub use door::{Door, Passage};

use crate::parts::{Part, Service};
use crate::peers::{Authority, Presented, acceptor};
use crate::process::free_port;
use crate::waiting::eventually;
use anyhow::{Context, anyhow};
use base64::Engine;
use kubelet::Kubelet;
use metrics::Metrics;
use rustls::sign::CertifiedKey;
use serde_json::json;
use servers::{ADMIN, api_server, controllers, etcd, kubeconfig, kwok, scheduler, write_files};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use watchman::Watchman;

/// The running cluster. Its parts end in the order of the fields.
pub struct Cluster {
    /// The simulated kubelets.
    pub kwok: Service,
    /// kube-scheduler.
    pub scheduler: Service,
    /// kube-controller-manager: deployments, jobs, endpoints, volume claims, autoscalers and so on.
    pub controllers: Service,
    pub server: Service,
    /// The storage of the API server.
    pub etcd: Service,
    /// Serves statistics and logs of the pods.
    pub kubelet: Kubelet,
    pub metrics: Metrics,
    kubelet_certificate: Presented,
    authority: Authority,
    _watchman: Watchman,
    folder: TempDir,
}

impl Cluster {
    /// Returns the cluster that all tests of a binary share. The first caller starts it, and it ends with the process.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        let shared = tokio::task::spawn_blocking(|| SHARED.get_or_init(on_own_runtime)).await?;
        shared.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// Starts all servers and waits until pods can become ready.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-cluster").tempdir()?;
        let watchman = Watchman::start(folder.path())?;
        let authority = Authority::new(folder.path())?;
        write_files(folder.path(), &authority)?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let port = free_port()?;
        let kubeconfig = kubeconfig(port, &authority.ca_file, ADMIN);
        std::fs::write(at("admin.kubeconfig"), &kubeconfig)?;
        let mut etcd = etcd(folder.path())?;
        let mut server = api_server(folder.path(), port, etcd.address(), &kubeconfig)?;
        etcd.start().await?;
        server.start().await?;
        let api = Api::new(&kubeconfig).await?;
        let (tls, kubelet_certificate) = acceptor(authority.issue("localhost", 60)?)?;
        let kubelet = Kubelet::start(tls, api.clone()).await?;
        let metrics = Metrics::start(acceptor(authority.issue("metrics.kube-system.svc", 60)?)?.0, api.clone()).await?;
        let mut controllers = controllers(folder.path())?;
        let mut scheduler = scheduler(folder.path())?;
        let mut kwok = kwok(folder.path())?;
        controllers.start().await?;
        scheduler.start().await?;
        kwok.start().await?;
        let cluster = Self {
            kwok,
            scheduler,
            controllers,
            server,
            etcd,
            kubelet,
            metrics,
            kubelet_certificate,
            authority,
            _watchman: watchman,
            folder,
        };
        cluster.furnish(&api).await?;
        Ok(cluster)
    }

    /// Registers the nodes and the metrics API.
    async fn furnish(&self, api: &Api) -> anyhow::Result<()> {
        for name in ["node-1", "node-2"] {
            let port = self.kubelet.server.port.to_string();
            let labels = json!({"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"});
            let node = json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": labels, "annotations": {"kubelet-port": port}}});
            api.create("/api/v1/nodes", &node).await?;
        }
        // The API server refuses endpoints with loopback addresses, but follows an external name.
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics"},
            "spec": {"type": "ExternalName", "externalName": "localhost"}});
        api.create("/api/v1/namespaces/kube-system/services", &service).await?;
        let authority = base64::engine::general_purpose::STANDARD.encode(std::fs::read(&self.authority.ca_file)?);
        let registered = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "caBundle": authority,
                "service": {"name": "metrics", "namespace": "kube-system", "port": self.metrics.server.port}}});
        api.create("/apis/apiregistration.k8s.io/v1/apiservices", &registered).await?;
        eventually("both nodes are ready", || async {
            let nodes = api.get("/api/v1/nodes").await?;
            let ready = |node: &serde_json::Value| {
                node["status"]["conditions"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
                    && node["spec"]["taints"].as_array().is_none_or(Vec::is_empty)
            };
            Ok(nodes["items"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(ready)))
        })
        .await?;
        eventually("the metrics API is served", || async {
            Ok(api.get("/apis/metrics.k8s.io/v1beta1/nodes").await.is_ok())
        })
        .await
    }

    /// Returns a client of the cluster's administrator.
    pub async fn admin(&self) -> anyhow::Result<Api> {
        Api::new(&self.kubeconfig(ADMIN)).await
    }

    /// Returns a kubeconfig with a token.
    pub fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(self.port(), &self.authority.ca_file, token)
    }

    /// Starts a proxy to the API server, which can be closed for one client alone.
    pub async fn door(&self) -> anyhow::Result<Door> {
        Door::to(self.port()).await
    }

    /// Returns a kubeconfig with a token that connects through a proxy.
    pub fn kubeconfig_at(&self, door: &Door, token: &str) -> String {
        kubeconfig(door.port, &self.authority.ca_file, token)
    }

    /// Returns the path of the administrator's kubeconfig.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// Returns a kubeconfig whose token is read from a file.
    pub fn kubeconfig_with_file(&self, token: &Path) -> String {
        self.kubeconfig("TOKEN").replace("token: TOKEN", &format!("tokenFile: {}", token.display()))
    }

    pub fn port(&self) -> u16 {
        self.server.address().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
    }

    /// Issues a client certificate for a user in a group. Returns the certificate and its key as PEM.
    pub fn client_certificate(
        &self,
        user: &str,
        group: &str,
        lasts: std::time::Duration,
    ) -> anyhow::Result<(String, String)> {
        self.authority.client(user, group, lasts)
    }

    /// Gives the API server, which must be stopped, a certificate of a new authority, whose PEM file replaces the old
    /// one. The other components do not trust it.
    pub fn new_authority_of_the_server(&self) -> anyhow::Result<()> {
        let (certificate, key) = Authority::new(self.folder.path())?.pem("kubernetes.default.svc")?;
        std::fs::write(self.folder.path().join("server.crt"), certificate)?;
        Ok(std::fs::write(self.folder.path().join("server.key"), key)?)
    }

    /// PEM file of the authority that all components trust.
    pub fn ca_file(&self) -> &Path {
        &self.authority.ca_file
    }

    /// Creates a namespace with a unique name that begins with `name`.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<String> {
        self.namespace_with(name, &json!({})).await
    }

    /// Creates a namespace with labels and a unique name that begins with `name`.
    pub async fn namespace_with(&self, name: &str, labels: &serde_json::Value) -> anyhow::Result<String> {
        let api = self.admin().await?;
        let object = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"generateName": format!("{name}-"), "labels": labels}});
        let made = api.create("/api/v1/namespaces", &object).await?;
        let name = made["metadata"]["name"].as_str().context("a name")?.to_owned();
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        eventually("the namespace has its account", || async { Ok(api.get(&account).await.is_ok()) }).await?;
        Ok(name)
    }

    /// Deletes a namespace with its objects, without waiting for the end.
    pub async fn remove(&self, namespace: &str) -> anyhow::Result<()> {
        self.admin().await?.delete(&format!("/api/v1/namespaces/{namespace}")).await
    }

    /// Returns a token of a service account.
    pub async fn token(&self, namespace: &str, account: &str) -> anyhow::Result<String> {
        self.token_for(namespace, account, &[]).await
    }

    /// Returns a token of a service account for these audiences; for the API server if there are none.
    pub async fn token_for(&self, namespace: &str, account: &str, audiences: &[&str]) -> anyhow::Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"audiences": audiences}});
        let token = self.admin().await?.create(&path, &request).await?;
        Ok(token["status"]["token"].as_str().context("no token")?.to_owned())
    }

    /// Creates a service account that may get a path without a resource, such as `/metrics`.
    pub async fn may_get(&self, namespace: &str, account: &str, path: &str) -> anyhow::Result<()> {
        const GROUP: &str = "rbac.authorization.k8s.io";
        let api = self.admin().await?;
        let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
        api.create(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &object).await?;
        let metadata = json!({"name": format!("{account}-{namespace}")});
        let role = json!({"apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata,
            "rules": [{"nonResourceURLs": [path], "verbs": ["get"]}]});
        let binding = json!({"apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]});
        api.create(&format!("/apis/{GROUP}/v1/clusterroles"), &role).await?;
        api.create(&format!("/apis/{GROUP}/v1/clusterrolebindings"), &binding).await.map(|_| ())
    }

    /// Lets the default account of a namespace do everything, and returns a token of it: for tests of results, not of
    /// rights.
    pub async fn administrator(&self, namespace: &str) -> anyhow::Result<String> {
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}]});
        self.admin().await?.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await?;
        self.token(namespace, "default").await
    }

    /// Creates a secret with this name in a namespace, and returns a token of the default account that is valid until
    /// the secret is deleted.
    pub async fn token_of_secret(&self, namespace: &str, secret: &str) -> anyhow::Result<String> {
        let api = self.admin().await?;
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}});
        let made = api.create(&format!("/api/v1/namespaces/{namespace}/secrets"), &object).await?;
        let bound = json!({"kind": "Secret", "apiVersion": "v1", "name": secret, "uid": made["metadata"]["uid"]});
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default/token");
        let made = api.create(&path, &request).await?;
        Ok(made["status"]["token"].as_str().context("no token")?.to_owned())
    }

    /// Returns a command for kubectl with the administrator's kubeconfig.
    pub fn kubectl(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(crate::parts::program("kubectl")?);
        command.env("KUBECONFIG", self.admin_kubeconfig()).env("HOME", self.folder.path());
        Ok(command)
    }

    /// Applies YAML objects to a namespace.
    pub fn apply(&self, namespace: &str, yaml: &str) -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new_in(self.folder.path())?;
        std::fs::write(file.path(), yaml)?;
        let mut command = self.kubectl()?;
        command.args(["apply", "--server-side", "--force-conflicts", "--namespace", namespace, "--filename"]);
        printed(&command.arg(file.path()).output()?)?;
        Ok(())
    }

    /// Installs the custom resource definitions of prometheus-operator.
    pub async fn define_operator_kinds(&self) -> anyhow::Result<()> {
        let mut command = self.kubectl()?;
        command.args(["apply", "--server-side", "--force-conflicts", "--filename"]);
        printed(&command.arg(crate::parts::folder().join("definitions")).output()?)?;
        let api = self.admin().await?;
        let kinds = [
            "v1/prometheusrules",
            "v1/servicemonitors",
            "v1/prometheuses",
            "v1/alertmanagers",
            "v1alpha1/alertmanagerconfigs",
        ];
        for kind in kinds {
            let path = format!("/apis/monitoring.coreos.com/{kind}");
            eventually("the operator's kinds are served", || async { Ok(api.get(&path).await.is_ok()) }).await?;
        }
        Ok(())
    }

    /// Replaces the certificate of all kubelets.
    pub fn renew_kubelets(&self, certificate: Arc<CertifiedKey>) {
        self.kubelet_certificate.set(certificate);
    }

    /// Returns the events of a service account in the API server's audit log.
    pub fn audit(&self, namespace: &str, account: &str) -> anyhow::Result<Vec<serde_json::Value>> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let text = std::fs::read_to_string(self.folder.path().join("audit.log"))?;
        // The last line may be incomplete.
        let events = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        Ok(events.filter(|event| event["user"]["username"] == user).collect())
    }

    /// The folder with the logs and data of the servers.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Returns the standard output of a program, or an error if the program failed.
pub fn printed(output: &Output) -> anyhow::Result<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    anyhow::ensure!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    Ok(text(&output.stdout))
}

/// Starts the shared cluster on a runtime of its own, because it outlives the runtime of the test that started it.
fn on_own_runtime() -> Result<Cluster, String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                // An error means that the test has ended already.
                let _ = sender.send(Err(error.to_string()));
                return;
            }
        };
        let started = runtime.block_on(Cluster::start()).map_err(|error| format!("{error:#}"));
        // An error means that the test has ended already.
        let _ = sender.send(started);
        runtime.block_on(std::future::pending::<()>());
    });
    receiver.recv().unwrap_or_else(|error| Err(error.to_string()))
}
