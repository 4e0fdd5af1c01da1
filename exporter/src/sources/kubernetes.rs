//! A cluster as the checks need it: watched, with a few fields of each object, and with the time of the last news.

mod answers;
mod cached;
mod credentials;
mod failure;
mod limits;
mod list;
pub mod logs;
pub mod namespaces;
pub mod objects;
pub mod pods;
pub mod quantity;
mod room;
mod store;
mod watch;

use crate::probe::Failure;
use answers::Bounded;
use cached::CachedObject;
use checklist::Reason;
use checklist::config::{Exclusion, Kubernetes as Target};
use clients::file;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use limits::Limits;
use objects::{Autoscaler, Claim, Node, NodeUsage, PodUsage, Service, Slice, Workload, WorkloadKind};
use pods::Pod;
use room::Room;
use secrecy::zeroize::Zeroizing;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub use failure::failure;
pub use store::{Store, Which};
pub use watch::{Present, Watch};

/// Without a word from the API server for this long, nobody knows the state of the cluster:
/// bookmarks come every minute, and a watch that heard none ends with a new list after a minute and a half.
pub const MAX_SILENCE: Duration = Duration::from_secs(150);

/// Files of credentials are read in milliseconds; the command of a kubeconfig asks others for a token.
const BEGIN_WITHIN: Duration = Duration::from_secs(15);

/// One cluster of checklist.yaml, shared by its checks.
pub struct Cluster {
    /// What the configuration says.
    pub target: Target,
    /// What the credentials were when the watches began, and the watches.
    watched: Mutex<Option<(u64, Arc<Watched>)>>,
}

/// The watches of a cluster; dropping them ends their tasks.
pub struct Watched {
    /// The client, for what is asked and not watched.
    pub client: Client,
    /// The same, with the room of the cluster.
    api: Bounded,
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
        Self { target, watched: Mutex::new(None) }
    }

    /// The watches, begun by the first caller, and anew when a file of the credentials has changed: a client keeps the
    /// authorities and certificates that it was made with.
    ///
    /// # Errors
    /// When the credentials cannot be read or used.
    pub async fn watched(&self) -> Result<Arc<Watched>, Failure> {
        let credentials = credentials::fingerprint(self.target.kubeconfig.as_deref()).await?;
        let mut watched = self.watched.lock().await;
        match &*watched {
            Some((known, watched)) if *known == credentials => Ok(Arc::clone(watched)),
            _ => {
                let begun = Arc::new(self.begin().await?);
                *watched = Some((credentials, Arc::clone(&begun)));
                Ok(begun)
            }
        }
    }

    /// Begins anew at the next question: the server refused the credentials, so they are read again.
    async fn refused(&self) {
        *self.watched.lock().await = None;
    }

    /// A client of its own, with connections of its own.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(self.connect().await?.0)
    }

    async fn connect(&self) -> Result<(Client, Config), Failure> {
        let (kubeconfig, context) = (self.target.kubeconfig.clone(), self.target.context.clone());
        let place = kubeconfig.clone().unwrap_or_else(|| credentials::IN_CLUSTER_CA.into());
        let runtime = Handle::current();
        // The library reads the files that a kubeconfig names, and runs its command, on the thread that it is called on.
        let made = file::aside(&place, BEGIN_WITHIN, move || {
            let _inside = runtime.enter();
            let mut config = runtime.block_on(configuration(kubeconfig.as_deref(), context))?;
            // The caller backs off itself, and a refusal must be reported at once.
            config.default_retry = false;
            let builder = ClientBuilder::try_from(config.clone())
                .map_err(|error| Failure::new(Reason::Config, format!("cannot make a Kubernetes client: {error}")))?;
            Ok((builder.with_layer(&Limits).build(), config))
        });
        let hangs = |error| Failure::new(Reason::Timeout, format!("what {} names: {error}", place.display()));
        made.await.map_err(hangs)?
    }

    async fn begin(&self) -> Result<Watched, Failure> {
        let (client, config) = self.connect().await?;
        let api = Bounded { client: client.clone(), room: Room::new() };
        let excluded: Arc<[Exclusion]> = self.target.excluded.clone().into();
        let namespaces = self.target.namespaces.iter().map(|name| {
            let which = |kind| Which { kind, namespace: name.clone(), excluded: Arc::clone(&excluded) };
            let path = |group: &str, plural: &str| format!("/{group}/namespaces/{name}/{plural}");
            Namespace {
                name: name.clone(),
                pods: Watch::new(api.clone(), path("api/v1", "pods"), which("Pod")),
                services: Watch::new(api.clone(), path("api/v1", "services"), which("Service")),
                // They go with their service.
                slices: Watch::new(api.clone(), path("apis/discovery.k8s.io/v1", "endpointslices"), Which::default()),
                workloads: WorkloadKind::ALL.map(|kind| {
                    (kind, Watch::new(api.clone(), path("apis/apps/v1", kind.plural()), which(kind.as_str())))
                }),
                autoscalers: Watch::new(
                    api.clone(),
                    path("apis/autoscaling/v2", "horizontalpodautoscalers"),
                    which("HorizontalPodAutoscaler"),
                ),
                claims: Watch::new(
                    api.clone(),
                    path("api/v1", "persistentvolumeclaims"),
                    which("PersistentVolumeClaim"),
                ),
            }
        });
        Ok(Watched { namespaces: namespaces.collect(), api: api.clone(), client, config })
    }
}

async fn configuration(kubeconfig: Option<&Path>, context: Option<String>) -> Result<Config, Failure> {
    let invalid = |what: String| Failure::new(Reason::Config, what);
    let Some(path) = kubeconfig else {
        return Config::incluster()
            .map_err(|error| invalid(format!("not inside a cluster and no kubeconfig is given: {error}")));
    };
    // Names of files within it are relative to its folder, which only this way of reading knows.
    let kubeconfig = Kubeconfig::read_from(path)
        .map_err(|error| invalid(format!("cannot read the kubeconfig {}: {error}", path.display())))?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let unusable =
        |error: &dyn fmt::Display| invalid(format!("the kubeconfig {} cannot be used: {error}", path.display()));
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
    // The library would read it again among the checks. A token that is written anew begins a new client.
    if let Some(file) = config.auth_info.token_file.take() {
        let token =
            file::read_now(Path::new(&file), credentials::MAX_BYTES).map(|content| Zeroizing::new(content.bytes));
        let token = token.map_err(|error| unusable(&format_args!("its token: {error}")))?;
        let token = std::str::from_utf8(&token).map_err(|_| unusable(&"its token is not UTF-8"))?;
        config.auth_info.token = Some(token.trim().to_owned().into());
    }
    Ok(config)
}

impl Watched {
    /// Asks for the nodes by name, page by page: all, or those that a label selector selects.
    pub async fn nodes(&self, selector: Option<&str>) -> Result<BTreeMap<Box<str>, Node>, Failure> {
        let selected =
            selector.map(|selector| format!("?labelSelector={}", list::encoded(selector))).unwrap_or_default();
        Ok(list::list::<Node>(&self.api, &format!("/api/v1/nodes{selected}"), &Which::default()).await?.objects)
    }

    /// Asks for what the nodes use.
    pub async fn node_usage(&self) -> Result<BTreeMap<Box<str>, NodeUsage>, Failure> {
        Ok(list::list::<NodeUsage>(&self.api, "/apis/metrics.k8s.io/v1beta1/nodes", &Which::default()).await?.objects)
    }

    /// Asks for what the pods of a namespace use.
    pub async fn pod_usage(&self, namespace: &str) -> Result<BTreeMap<Box<str>, PodUsage>, Failure> {
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods");
        Ok(list::list::<PodUsage>(&self.api, &path, &Which::default()).await?.objects)
    }

    /// The running pods that a label selector selects, each with the names of its containers.
    pub async fn running_pods(&self, namespace: &str, selector: &str) -> Result<Vec<(String, Vec<Arc<str>>)>, Failure> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", list::encoded(selector));
        let pods = list::list::<Pod>(&self.api, &path, &Which::default()).await?.objects;
        let running = pods.into_iter().filter(|(_, pod)| &*pod.phase == "Running");
        let names = |pod: Pod| pod.declared.iter().map(Arc::clone).collect();
        Ok(running.map(|(name, pod)| (name.into(), names(pod))).collect())
    }

    /// Asks for one object as `T`; nothing when it does not exist.
    pub async fn one<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<Option<T>, Failure> {
        let request = http::Request::get(path).header(http::header::ACCEPT, accept).body(Vec::new());
        let request = request.map_err(|error| Failure::new(Reason::Config, format!("{path}: {error}")))?;
        match self.client.request::<T>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failure(&error, path)),
        }
    }
}

/// The objects of a watch, held still while they are read, or why they are not known.
pub async fn read<K: CachedObject>(watch: &Watch<K>) -> Result<Present<'_, K>, Failure> {
    watch.read(MAX_SILENCE).await
}
