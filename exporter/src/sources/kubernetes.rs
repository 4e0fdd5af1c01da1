//! Access to one Kubernetes cluster. Watches keep the few fields of each object that checks need, and the time of the
//! last event, so that a check knows whether its data is fresh.

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
mod responses;
mod room;
mod schedule;
mod store;
mod watch;

use crate::probe::Failure;
use cached::CachedObject;
use checklist::Reason;
use checklist::config::{Exclusion, Kubernetes as Target};
use clients::file;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use limits::Limits;
use objects::{Autoscaler, Claim, CronJob, Job, Node, NodeUsage, PodUsage, Service, Slice, Workload, WorkloadKind};
use pods::Pod;
use responses::Bounded;
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

/// How long the API server may be silent before the watched objects count as unknown. Bookmarks come about every
/// minute, and a watch that heard nothing for a minute and a half starts over with a new list.
pub const MAX_SILENCE: Duration = Duration::from_secs(150);

/// Deadline for creating a client. Credential files are read in milliseconds, but the command of a kubeconfig may
/// request a token from another server.
const BEGIN_WITHIN: Duration = Duration::from_secs(15);

/// A cluster of checklist.yaml, shared by its checks.
pub struct Cluster {
    /// The target of checklist.yaml.
    pub target: Target,
    /// The watches, and the fingerprint of the credentials that they began with.
    watched: Mutex<Option<(u64, Arc<Watched>)>>,
}

/// The watches of a cluster. Dropping this value ends their tasks.
pub struct Watched {
    /// Client for direct requests, which are not watches.
    pub client: Client,
    /// The same client, with the cluster's limit on cached bytes.
    api: Bounded,
    /// Configuration of the client. The kubelets are asked with the same credentials.
    pub config: Config,
    /// One entry for each configured namespace.
    pub namespaces: Vec<Namespace>,
}

/// The watches of one namespace.
pub struct Namespace {
    pub name: String,
    pub pods: Watch<Pod>,
    pub services: Watch<Service>,
    pub slices: Watch<Slice>,
    /// Deployments, stateful sets and daemon sets.
    pub workloads: [(WorkloadKind, Watch<Workload>); 3],
    pub jobs: Watch<Job>,
    pub cron_jobs: Watch<CronJob>,
    pub autoscalers: Watch<Autoscaler>,
    pub claims: Watch<Claim>,
}

impl Cluster {
    /// Creates the cluster without contacting it.
    pub fn new(target: Target) -> Self {
        Self { target, watched: Mutex::new(None) }
    }

    /// Returns the watches. The first call begins them. They begin anew when a file of the credentials has changed,
    /// because a client keeps the authorities and certificates that it was created with.
    ///
    /// # Errors
    /// Fails when the credentials cannot be read or used.
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

    /// Drops the watches, so that the next call reads the credentials again: the API server has refused them.
    async fn refused(&self) {
        *self.watched.lock().await = None;
    }

    /// Creates a client with connections of its own.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(self.connect().await?.0)
    }

    async fn connect(&self) -> Result<(Client, Config), Failure> {
        let (kubeconfig, context) = (self.target.kubeconfig.clone(), self.target.context.clone());
        let place = kubeconfig.clone().unwrap_or_else(|| credentials::IN_CLUSTER_CA.into());
        let runtime = Handle::current();
        // kube reads the files that a kubeconfig names, and runs its command, on the calling thread, which would block
        // the checks.
        let made = file::aside(&place, BEGIN_WITHIN, move || {
            let _inside = runtime.enter();
            let mut config = runtime.block_on(configuration(kubeconfig.as_deref(), context))?;
            // Watches back off by themselves, and a refused request must be reported at once.
            config.default_retry = false;
            let builder = ClientBuilder::try_from(config.clone())
                .map_err(|error| Failure::new(Reason::Config, format!("cannot create a Kubernetes client: {error}")))?;
            Ok((builder.with_layer(&Limits).build(), config))
        });
        let hangs = |error| {
            Failure::new(
                Reason::Timeout,
                format!("cannot read {}, or a file or command that it refers to: {error}", place.display()),
            )
        };
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
                // `exclude:` does not apply to endpoint slices: they belong to a service, and that is excluded.
                slices: Watch::new(api.clone(), path("apis/discovery.k8s.io/v1", "endpointslices"), Which::default()),
                workloads: WorkloadKind::ALL.map(|kind| {
                    (kind, Watch::new(api.clone(), path("apis/apps/v1", kind.plural()), which(kind.as_str())))
                }),
                jobs: Watch::new(api.clone(), path("apis/batch/v1", "jobs"), which("Job")),
                // An excluded cron job is excluded like its jobs.
                cron_jobs: Watch::new(api.clone(), path("apis/batch/v1", "cronjobs"), which("Job")),
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
        return Config::incluster().map_err(|error| {
            invalid(format!("not running inside a cluster, and no kubeconfig is configured: {error}"))
        });
    };
    // Relative paths in a kubeconfig are relative to its folder; only `read_from` resolves them.
    let kubeconfig = Kubeconfig::read_from(path)
        .map_err(|error| invalid(format!("cannot read the kubeconfig {}: {error}", path.display())))?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let unusable =
        |error: &dyn fmt::Display| invalid(format!("the kubeconfig {} cannot be used: {error}", path.display()));
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
    // kube would read the token file again on the thread of the checks. Instead a changed token file leads to a new
    // client.
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
    /// Lists the nodes by name: all, or those that match a label selector.
    pub async fn nodes(&self, selector: Option<&str>) -> Result<BTreeMap<Box<str>, Node>, Failure> {
        let selected =
            selector.map(|selector| format!("?labelSelector={}", list::encoded(selector))).unwrap_or_default();
        Ok(list::list::<Node>(&self.api, &format!("/api/v1/nodes{selected}"), &Which::default()).await?.objects)
    }

    /// Lists the resource usage of the nodes, from the metrics API.
    pub async fn node_usage(&self) -> Result<BTreeMap<Box<str>, NodeUsage>, Failure> {
        self.usage("nodes").await
    }

    /// Lists the resource usage of the pods of a namespace, from the metrics API.
    pub async fn pod_usage(&self, namespace: &str) -> Result<BTreeMap<Box<str>, PodUsage>, Failure> {
        self.usage(&format!("namespaces/{namespace}/pods")).await
    }

    async fn usage<K: CachedObject>(&self, what: &str) -> Result<BTreeMap<Box<str>, K>, Failure> {
        let path = format!("/apis/metrics.k8s.io/v1beta1/{what}");
        match list::list::<K>(&self.api, &path, &Which::default()).await {
            Ok(store) => Ok(store.objects),
            Err(failure) if failure.reason == Reason::NotFound => {
                let what = "no metrics API (metrics.k8s.io) is installed in the cluster: install metrics-server, or set \
                            `skip: [utilization]` in checklist.yaml";
                Err(Failure::new(Reason::NotFound, what))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Lists the running pods that match a label selector, each with the names of its containers.
    pub async fn running_pods(&self, namespace: &str, selector: &str) -> Result<Vec<(String, Vec<Arc<str>>)>, Failure> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", list::encoded(selector));
        let pods = list::list::<Pod>(&self.api, &path, &Which::default()).await?.objects;
        let running = pods.into_iter().filter(|(_, pod)| &*pod.phase == "Running");
        let names = |pod: Pod| pod.declared.iter().map(Arc::clone).collect();
        Ok(running.map(|(name, pod)| (name.into(), names(pod))).collect())
    }

    /// Gets one object as `T`; `None` if it does not exist.
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

/// Locks the objects of a watch for reading. Fails if they are not known or not fresh.
pub async fn read<K: CachedObject>(watch: &Watch<K>) -> Result<Present<'_, K>, Failure> {
    watch.read(MAX_SILENCE).await
}
