//! A cluster as the checks need it: watched, lean, and honest about how fresh it is.

pub mod logs;
pub mod namespaces;
pub mod objects;
pub mod pods;
pub mod quantity;
mod watch;

use crate::probe::Failure;
use checklist::Reason;
use checklist::config::Kubernetes as Target;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use objects::{Autoscaler, Claim, Lean, Node, NodeUsage, PodUsage, Service, Slice, Workload, WorkloadKind};
use pods::Pod;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::OnceCell;

pub use watch::{Present, Store, Watch, failure};

/// Without a word from the API server for this long, nobody knows the state of the cluster:
/// bookmarks come every minute, and a watch that heard none ends with a new list after a minute and a half.
pub const MAX_SILENCE: Duration = Duration::from_secs(150);

/// One cluster of checklist.yaml, shared by its checks.
pub struct Cluster {
    /// What the configuration says.
    pub target: Target,
    watched: OnceCell<Watched>,
}

/// The watches of a cluster; dropping them ends their tasks.
pub struct Watched {
    /// The client, for what is asked and not watched.
    pub client: Client,
    /// The configuration of the client, for the kubelets.
    pub config: Config,
    /// One entry per namespace.
    pub namespaces: Vec<Namespace>,
}

/// The watches of one namespace.
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Pods.
    pub pods: Watch<Pod>,
    /// Services.
    pub services: Watch<Service>,
    /// Endpoint slices.
    pub slices: Watch<Slice>,
    /// Deployments, stateful sets and daemon sets.
    pub workloads: [(WorkloadKind, Watch<Workload>); 3],
    /// Autoscalers.
    pub autoscalers: Watch<Autoscaler>,
    /// Volume claims.
    pub claims: Watch<Claim>,
}

impl Cluster {
    /// Nothing is contacted yet.
    pub fn new(target: Target) -> Self {
        Self { target, watched: OnceCell::new() }
    }

    /// The watches, begun by the first caller.
    pub async fn watched(&self) -> Result<&Watched, Failure> {
        self.watched.get_or_try_init(|| self.begin()).await
    }

    /// A client of its own, with connections of its own.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(self.connect().await?.0)
    }

    async fn connect(&self) -> Result<(Client, Config), Failure> {
        let mut config = self.config().await?;
        // Who asks backs off itself, and a refusal must be told at once.
        config.default_retry = false;
        let client = Client::try_from(config.clone())
            .map_err(|error| Failure::new(Reason::Config, format!("cannot make a Kubernetes client: {error}")))?;
        Ok((client, config))
    }

    async fn begin(&self) -> Result<Watched, Failure> {
        let (client, config) = self.connect().await?;
        let namespaces = self.target.namespaces.iter().map(|name| Namespace {
            name: name.clone(),
            pods: Watch::new(client.clone(), format!("/api/v1/namespaces/{name}/pods")),
            services: Watch::new(client.clone(), format!("/api/v1/namespaces/{name}/services")),
            slices: Watch::new(client.clone(), format!("/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices")),
            workloads: WorkloadKind::ALL.map(|kind| {
                let path = format!("/apis/apps/v1/namespaces/{name}/{}", kind.plural());
                (kind, Watch::new(client.clone(), path))
            }),
            autoscalers: Watch::new(
                client.clone(),
                format!("/apis/autoscaling/v2/namespaces/{name}/horizontalpodautoscalers"),
            ),
            claims: Watch::new(client.clone(), format!("/api/v1/namespaces/{name}/persistentvolumeclaims")),
        });
        Ok(Watched { namespaces: namespaces.collect(), client, config })
    }

    async fn config(&self) -> Result<Config, Failure> {
        let invalid = |what: String| Failure::new(Reason::Config, what);
        let Some(path) = &self.target.kubeconfig else {
            return Config::incluster()
                .map_err(|error| invalid(format!("not inside a cluster and no kubeconfig is given: {error}")));
        };
        let kubeconfig = Kubeconfig::read_from(path)
            .map_err(|error| invalid(format!("cannot read the kubeconfig {}: {error}", path.display())))?;
        let options = KubeConfigOptions { context: self.target.context.clone(), ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| invalid(format!("the kubeconfig {} cannot be used: {error}", path.display())))
    }
}

impl Watched {
    /// Asks for the nodes by name, page by page: all, or those that a label selector selects.
    pub async fn nodes(&self, selector: Option<&str>) -> Result<BTreeMap<Box<str>, Node>, Failure> {
        let selected =
            selector.map(|selector| format!("?labelSelector={}", watch::encoded(selector))).unwrap_or_default();
        Ok(watch::list::<Node>(&self.client, &format!("/api/v1/nodes{selected}")).await?.objects)
    }

    /// Asks for what the nodes use.
    pub async fn node_usage(&self) -> Result<BTreeMap<Box<str>, NodeUsage>, Failure> {
        Ok(watch::list::<NodeUsage>(&self.client, "/apis/metrics.k8s.io/v1beta1/nodes").await?.objects)
    }

    /// Asks for what the pods of a namespace use.
    pub async fn pod_usage(&self, namespace: &str) -> Result<BTreeMap<Box<str>, PodUsage>, Failure> {
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods");
        Ok(watch::list::<PodUsage>(&self.client, &path).await?.objects)
    }

    /// The names of the running pods that a label selector selects.
    pub async fn running_pods(&self, namespace: &str, selector: &str) -> Result<Vec<String>, Failure> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", watch::encoded(selector));
        let pods = watch::list::<Pod>(&self.client, &path).await?.objects;
        let running = pods.into_iter().filter(|(_, pod)| &*pod.phase == "Running");
        Ok(running.map(|(name, _)| name.into()).collect())
    }

    /// Asks for one object as `T`; nothing when it does not exist.
    pub async fn one<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<Option<T>, Failure> {
        let request = http::Request::get(path).header(http::header::ACCEPT, accept).body(Vec::new());
        let request = request.map_err(|error| Failure::new(Reason::Config, format!("{path}: {error}")))?;
        match self.client.request::<T>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(watch::failure(&error, path)),
        }
    }
}

/// The objects of a watch, held still while they are read, or why they are not known.
pub async fn read<K: Lean>(watch: &Watch<K>) -> Result<Present<'_, K>, Failure> {
    watch.read(MAX_SILENCE).await
}
