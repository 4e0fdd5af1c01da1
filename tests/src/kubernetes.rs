//! A stand-in that speaks the HTTP protocol of the Kubernetes API, and a kubelet.
//!
//! Lists come in chunks (`limit`, `continue`), watches send events and bookmarks, old versions
//! are `410 Gone`, and faults can be set while it runs.

pub mod leases;
mod reviews;

use crate::http::{Body, Server, answer, serve};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

/// The bearer token that both accept.
pub const TOKEN: &str = "checklist-token";
/// The namespace of the checklist.
pub const NAMESPACE: &str = "llm-orchestrator";

/// The API server.
pub struct Kubernetes {
    /// Where it listens.
    pub server: Server,
    api: Arc<Api>,
    /// The one node's kubelet.
    pub kubelet: Kubelet,
}

struct Api {
    world: Mutex<World>,
    events: broadcast::Sender<Event>,
}

#[derive(Clone)]
enum Event {
    /// Collection, type, object.
    Changed(String, &'static str, Value),
    /// Every watch is told `410 Gone`.
    Expired,
    /// Every watch is cut off in the middle.
    Dropped,
}

#[derive(Default)]
struct World {
    version: u64,
    oldest: u64,
    /// Collection path, then name.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    refuse: Option<u16>,
    lists: u64,
    no_audit_lines: bool,
    /// Roles; nobody is refused for want of a right while there are none.
    roles: Vec<Value>,
    log: Option<Vec<u8>>,
    reviews: reviews::Reviews,
    /// Every question so far: verb or method, and path.
    asked: BTreeSet<String>,
}

impl Kubernetes {
    /// Starts both with the application of the checklist running well.
    pub async fn start(kubelet: Kubelet) -> anyhow::Result<Self> {
        let api = Arc::new(Api { world: Mutex::default(), events: broadcast::channel(4096).0 });
        let shared = Arc::clone(&api);
        let server = serve(None, move |request| {
            let api = Arc::clone(&shared);
            async move { handle(&api, request).await }
        })
        .await?;
        let kubernetes = Self { server, api, kubelet };
        kubernetes.populate();
        Ok(kubernetes)
    }

    /// A kubeconfig for it.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_at(self.server.port)
    }

    /// A kubeconfig for it behind another port.
    pub fn kubeconfig_at(&self, port: u16) -> String {
        let server = format!("http://127.0.0.1:{port}");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: stack\n\
             clusters: [{{name: stack, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: stack, user: {{token: {TOKEN}}}}}]\n\
             contexts: [{{name: stack, context: {{cluster: stack, user: stack}}}}]\n"
        )
    }

    fn populate(&self) {
        let node = json!({"metadata": {"name": "node-1"}, "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi"},
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet.server.port}}}});
        self.apply("/api/v1/nodes", node);
        for n in 1..=3 {
            self.apply(
                &pods(),
                pod(&format!("orchestrator-5d4f8-{n}"), "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8")),
            );
        }
        self.apply(&pods(), pod("postgres-0", "StatefulSet", "postgres", None));
        self.apply(
            &apps("deployments"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"replicas": 3}, "status": {"readyReplicas": 3}}),
        );
        self.apply(
            &apps("statefulsets"),
            json!({"metadata": {"name": "postgres"}, "spec": {"replicas": 1}, "status": {"readyReplicas": 1}}),
        );
        self.autoscaler(2, true);
        self.claim("Bound");
        self.rotated("jwt-secret", 30);
        self.rotated("postgres-credentials", 60);
        self.usage(0.5);
        self.free_lease("checklist-exporter");
        for (service, ready) in [("orchestrator", 3), ("postgres", 1)] {
            self.apply(
                &core("services"),
                json!({"metadata": {"name": service}, "spec": {"selector": {"app": service}}}),
            );
            self.endpoints(service, ready);
        }
    }

    /// Creates or replaces an object of a collection.
    pub fn apply(&self, collection: &str, mut object: Value) {
        let mut world = self.api.lock();
        world.version += 1;
        object["metadata"]["resourceVersion"] = json!(world.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let before = world.objects.entry(collection.to_owned()).or_default().insert(name, object.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        // Nobody watching is no error.
        let _ = self.api.events.send(Event::Changed(collection.to_owned(), kind, object));
    }

    /// Deletes an object.
    pub fn delete(&self, collection: &str, name: &str) {
        let mut world = self.api.lock();
        world.version += 1;
        let version = world.version.to_string();
        let Some(mut object) = world.objects.get_mut(collection).and_then(|all| all.remove(name)) else { return };
        object["metadata"]["resourceVersion"] = json!(version);
        // Nobody watching is no error.
        let _ = self.api.events.send(Event::Changed(collection.to_owned(), "DELETED", object));
    }

    /// Replaces the pod that restarts with a fresh one.
    pub fn replace_pod(&self) {
        self.delete(&pods(), "orchestrator-5d4f8-1");
        self.apply(&pods(), pod("orchestrator-5d4f8-4", "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8")));
    }

    /// Sets the replicas of the autoscaler (of at most 6) and whether it works.
    pub fn autoscaler(&self, replicas: u32, able: bool) {
        let status = if able { "True" } else { "False" };
        let conditions = json!([
            {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
            {"type": "ScalingActive", "status": status, "reason": if able { "ValidMetricFound" } else { "FailedGetResourceMetric" }},
            {"type": "ScalingLimited", "status": if replicas >= 6 { "True" } else { "False" }, "reason": "TooManyReplicas"},
        ]);
        let state = json!({"currentReplicas": replicas, "desiredReplicas": replicas, "conditions": conditions});
        self.apply(
            &format!("/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"minReplicas": 2, "maxReplicas": 6}, "status": state}),
        );
    }

    /// Sets the phase of the database's volume claim.
    pub fn claim(&self, phase: &str) {
        self.apply(
            &core("persistentvolumeclaims"),
            json!({"metadata": {"name": "data-postgres-0"}, "status": {"phase": phase},
                   "spec": {"resources": {"requests": {"storage": "100Gi"}}}}),
        );
    }

    /// Makes a secret whose data was changed so many days ago.
    pub fn rotated(&self, name: &str, days: i64) {
        let at = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)).to_string();
        let changes = json!([
            {"manager": "kubectl", "time": at, "fieldsV1": {"f:data": {}}},
            {"manager": "label", "time": jiff::Timestamp::now().to_string(), "fieldsV1": {"f:metadata": {}}},
        ]);
        let data = json!({"password": "bmV2ZXIgdG8gYmUgc2Vlbg=="});
        self.apply(
            &core("secrets"),
            json!({"metadata": {"name": name, "creationTimestamp": at, "managedFields": changes}, "data": data}),
        );
    }

    /// Sets the share of its limits that the application uses.
    pub fn usage(&self, share: f64) {
        let memory = format!("{:.0}", 512.0 * 1_048_576.0 * share);
        let pods = (1..=3).map(|n| format!("orchestrator-5d4f8-{n}")).chain(["postgres-0".to_owned()]);
        for name in pods {
            let container = json!({"name": "main", "usage": {"cpu": "120m", "memory": memory}});
            self.apply(
                &format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods"),
                json!({"metadata": {"name": name}, "containers": [container]}),
            );
        }
        self.apply(
            "/apis/metrics.k8s.io/v1beta1/nodes",
            json!({"metadata": {"name": "node-1"}, "usage": {"cpu": "812345678n", "memory": "6Gi"}}),
        );
    }

    /// Sets whether the application writes audit lines.
    pub fn audit_lines(&self, writes: bool) {
        self.api.lock().no_audit_lines = !writes;
    }

    /// Answers every request for a log with this body.
    pub fn log(&self, body: Option<Vec<u8>>) {
        self.api.lock().log = body;
    }

    /// Sets the ready endpoints of a service.
    pub fn endpoints(&self, service: &str, ready: usize) {
        let endpoints: Vec<Value> = (0..ready).map(|_| json!({"conditions": {"ready": true}})).collect();
        let labels = json!({"kubernetes.io/service-name": service});
        let slice = json!({"metadata": {"name": format!("{service}-x"), "labels": labels}, "endpoints": endpoints});
        self.apply(&format!("/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"), slice);
    }

    /// Sets how many pods of the deployment are ready, in workload, pods and endpoints alike.
    pub fn ready_replicas(&self, ready: usize) {
        let status = json!({"readyReplicas": ready});
        self.apply(
            &apps("deployments"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"replicas": 3}, "status": status}),
        );
        for n in 1..=3 {
            let mut pod = pod(&format!("orchestrator-5d4f8-{n}"), "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8"));
            if n > ready {
                pod["status"]["conditions"][0]["status"] = json!("False");
                pod["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
            }
            self.apply(&pods(), pod);
        }
        self.endpoints("orchestrator", ready);
    }

    /// Lets the container of a pod end and start again so many times.
    pub fn restart(&self, restarts: u32, reason: &str) {
        let mut pod = pod("orchestrator-5d4f8-1", "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8"));
        let status = &mut pod["status"]["containerStatuses"][0];
        status["restartCount"] = json!(restarts);
        status["lastState"] = json!({"terminated": {"reason": reason, "exitCode": 137, "finishedAt": jiff::Timestamp::now().to_string()}});
        self.apply(&pods(), pod);
    }

    /// From now on only what these roles grant is allowed.
    pub fn grant(&self, list: &Value) {
        self.api.lock().roles = list["items"].as_array().cloned().unwrap_or_default();
    }

    /// Answers every request with this status, or normally again.
    pub fn refuse(&self, status: Option<u16>) {
        self.api.lock().refuse = status;
        let _ = self.api.events.send(Event::Dropped);
    }

    /// Makes every known version too old.
    pub fn expire(&self) {
        {
            let mut world = self.api.lock();
            world.version += 1;
            world.oldest = world.version;
        }
        let _ = self.api.events.send(Event::Expired);
    }

    /// Cuts every watch in the middle of a chunk.
    pub fn drop_watches(&self) {
        let _ = self.api.events.send(Event::Dropped);
    }

    /// Pages of lists handed out so far.
    pub fn lists(&self) -> u64 {
        self.api.lock().lists
    }

    /// Every question that was asked so far: method and path, `WATCH` for a watch.
    pub fn asked(&self) -> BTreeSet<String> {
        self.api.lock().asked.clone()
    }

    /// Puts that many healthy pods into the namespace at once.
    pub fn many_pods(&self, count: usize) {
        let mut world = self.api.lock();
        let all = world.objects.entry(pods()).or_default();
        for n in 0..count {
            let name = format!("load-7c9d8-{n:06}");
            let mut object = pod(&name, "ReplicaSet", "load-7c9d8", Some("7c9d8"));
            object["metadata"]["resourceVersion"] = json!("1");
            all.insert(name, object);
        }
    }
}

impl Api {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record<T>(&self, request: &Request<T>) {
        let watches = request.uri().query().is_some_and(|query| query.contains("watch="));
        let verb = if watches { "WATCH" } else { request.method().as_str() };
        self.lock().asked.insert(format!("{verb} {}", request.uri().path()));
    }
}

/// The path of the pods.
pub fn pods() -> String {
    core("pods")
}

fn core(resource: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{resource}")
}

fn apps(resource: &str) -> String {
    format!("/apis/apps/v1/namespaces/{NAMESPACE}/{resource}")
}

fn pod(name: &str, owner_kind: &str, owner: &str, hash: Option<&str>) -> Value {
    let mut labels = json!({"app": name.split('-').next()});
    if let Some(hash) = hash {
        labels["pod-template-hash"] = json!(hash);
    }
    json!({
        "metadata": {"name": name, "labels": labels, "ownerReferences": [{"kind": owner_kind, "name": owner}]},
        "spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "restartCount": 0, "ready": true, "state": {"running": {}}, "lastState": {}}],
        },
    })
}

fn status(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, "reason": "Stack"})
}

fn refusal(code: u16, message: &str) -> Response<Body> {
    answer(code, "application/json", status(code, message).to_string())
}

/// One request, from wherever it came.
async fn handle(api: &Arc<Api>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    api.record(&request);
    if reviews::is_review(&request) {
        return reviews::respond(api, request).await;
    }
    leases::whole(api, request).await
}

fn respond(api: &Arc<Api>, request: &Request<Bytes>) -> Response<Body> {
    let mut world = api.lock();
    if let Some(code) = world.refuse {
        return refusal(code, "refused by the test");
    }
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) {
        return refusal(401, "Unauthorized");
    }
    let path = request.uri().path().to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    if !world.roles.is_empty() && !is_allowed(&world.roles, request.method(), &path, query.contains_key("watch")) {
        return refusal(403, "no role grants this");
    }
    if let Some(answer) = leases::lease(&mut world, &path, request) {
        return answer;
    }
    if query.contains_key("watch") {
        let since = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
        if since < world.oldest {
            return refusal(410, "too old resource version");
        }
        return watch(api, &world, path, since);
    }
    if let Some((collection, name)) = path.rsplit_once('/')
        && collection.ends_with("/secrets")
    {
        return secret(&world, collection, name, request);
    }
    if path.ends_with("/log") {
        return log(&world);
    }
    if path.ends_with("/secrets") {
        return refusal(403, "secrets are never listed");
    }
    world.lists += 1;
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let none = BTreeMap::new();
    let objects = world.objects.get(&path).unwrap_or(&none);
    let after = query.get("continue").cloned().unwrap_or_default();
    let selected = |name: &&String| match query.get("labelSelector").and_then(|selector| selector.split_once('=')) {
        Some((label, value)) => objects[*name]["metadata"]["labels"][label] == value,
        None => true,
    };
    let mut names = objects.keys().filter(|name| **name > after).filter(selected);
    let page: Vec<&Value> = names.by_ref().take(limit).map(|name| &objects[name]).collect();
    let last = page.last().and_then(|object| object["metadata"]["name"].as_str()).unwrap_or_default();
    let next = if names.next().is_some() { last } else { "" };
    let list = json!({"kind": "List", "metadata": {"resourceVersion": world.version.to_string(), "continue": next}, "items": page});
    answer(200, "application/json", list.to_string())
}

/// Whether a role grants what is asked for, as the API server's own authorizer decides.
fn is_allowed(roles: &[Value], method: &Method, path: &str, watches: bool) -> bool {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return false,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (resource, name) = match rest {
        [resource] => ((*resource).to_owned(), None),
        [resource, name] => ((*resource).to_owned(), Some(*name)),
        [resource, name, part] => (format!("{resource}/{part}"), Some(*name)),
        _ => return false,
    };
    let verb = match (method.as_str(), name, watches) {
        ("GET", Some(_), _) => "get",
        ("GET", None, true) => "watch",
        ("GET", None, false) => "list",
        ("POST", None, _) => "create",
        ("PUT", Some(_), _) => "update",
        _ => return false,
    };
    let has = |list: &Value, wanted: &str| list.as_array().is_some_and(|all| all.iter().any(|one| one == wanted));
    roles
        .iter()
        .filter(|role| {
            role["kind"] == "ClusterRole"
                || role["kind"] == "Role" && role["metadata"]["namespace"].as_str() == namespace
        })
        .flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default())
        .any(|rule| {
            let named = rule.get("resourceNames").is_none_or(|names| name.is_some_and(|name| has(names, name)));
            has(&rule["apiGroups"], group) && has(&rule["resources"], &resource) && has(&rule["verbs"], verb) && named
        })
}

/// One secret: whoever asks for more than its metadata is refused.
fn secret<T>(world: &World, collection: &str, name: &str, request: &Request<T>) -> Response<Body> {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("as=PartialObjectMetadata") {
        return refusal(403, "only the metadata of secrets may be read");
    }
    match world.objects.get(collection).and_then(|all| all.get(name)) {
        Some(object) => {
            let metadata = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
            answer(200, "application/json", metadata.to_string())
        }
        None => refusal(404, "secret not found"),
    }
}

fn log(world: &World) -> Response<Body> {
    if let Some(body) = &world.log {
        return answer(200, "text/plain", body.clone());
    }
    let now = jiff::Timestamp::now();
    let mut text = format!("{now} GET /health 200\n");
    if !world.no_audit_lines {
        text += &format!("{now} AUDIT: user 7 logged in\n");
    }
    answer(200, "text/plain", text)
}

fn watch(api: &Arc<Api>, world: &World, path: String, since: u64) -> Response<Body> {
    let mut events = api.events.subscribe();
    let version =
        |object: &Value| object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0_u64);
    let mut missed: Vec<Value> = world
        .objects
        .get(&path)
        .into_iter()
        .flat_map(BTreeMap::values)
        .filter(|object| version(object) > since)
        .cloned()
        .collect();
    missed.sort_by_key(version);
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(64);
    let api = Arc::clone(api);
    tokio::spawn(async move {
        let line = |kind: &str, object: &Value| {
            Ok(Frame::data(Bytes::from(format!("{}\n", json!({"type": kind, "object": object})))))
        };
        for object in &missed {
            if sender.send(line("MODIFIED", object)).await.is_err() {
                return;
            }
        }
        loop {
            let sent = match tokio::time::timeout(Duration::from_secs(1), events.recv()).await {
                Ok(Ok(Event::Changed(collection, kind, object))) if collection == path => {
                    sender.send(line(kind, &object)).await
                }
                Ok(Ok(Event::Changed(..))) => Ok(()),
                Ok(Ok(Event::Expired)) => {
                    let _ = sender.send(line("ERROR", &status(410, "too old resource version"))).await;
                    return;
                }
                Ok(Ok(Event::Dropped) | Err(_)) => {
                    let _ = sender.send(Ok(Frame::data(Bytes::from_static(b"{\"type\":\"MODI")))).await;
                    let _ = sender.send(Err(std::io::Error::other("cut"))).await;
                    return;
                }
                Err(_) => {
                    let version = api.lock().version.to_string();
                    let bookmark = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": version}});
                    sender.send(line("BOOKMARK", &bookmark)).await
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    let stream =
        futures::stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    Response::new(StreamBody::new(stream).boxed_unsync())
}

/// The kubelet of the one node.
pub struct Kubelet {
    /// Where it listens (TLS).
    pub server: Server,
    used: Arc<Mutex<f64>>,
}

impl Kubelet {
    /// Starts with the volume of the database two fifths full.
    pub async fn start(tls: tokio_rustls::TlsAcceptor) -> anyhow::Result<Self> {
        let used = Arc::new(Mutex::new(0.4));
        let shared = Arc::clone(&used);
        let server = serve(Some(tls), move |request| {
            let share = *shared.lock().unwrap_or_else(PoisonError::into_inner);
            async move {
                let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                if token != Some(&format!("Bearer {TOKEN}")) {
                    return answer(401, "text/plain", "Unauthorized");
                }
                answer(200, "application/json", summary(share).to_string())
            }
        })
        .await?;
        Ok(Self { server, used })
    }

    /// Sets how full the volume is, 0 to 1.
    pub fn fill(&self, share: f64) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = share;
    }
}

fn summary(share: f64) -> Value {
    let size = 100.0 * 1_073_741_824.0;
    let (used, available) = ((size * share).round(), (size * (1.0 - share)).round());
    let whole = |bytes: f64| serde_json::Number::from_u128(format!("{bytes}").parse().unwrap_or_default());
    json!({"node": {"nodeName": "node-1"}, "pods": [{"podRef": {"name": "postgres-0", "namespace": NAMESPACE}, "volume": [
        {"name": "data", "usedBytes": whole(used), "availableBytes": whole(available), "capacityBytes": whole(size),
         "inodes": 6_553_600, "inodesUsed": 120_000, "pvcRef": {"name": "data-postgres-0", "namespace": NAMESPACE}},
        {"name": "token", "usedBytes": 12, "availableBytes": 1000}]}]})
}
