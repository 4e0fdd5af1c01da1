//! A stand-in that speaks the HTTP protocol of the Kubernetes API, and a kubelet.
//!
//! Lists come in chunks (`limit`, `continue`), watches send events and bookmarks, old versions
//! are `410 Gone`, and faults can be set while it runs.

mod answers;
mod kubelet;
pub mod leases;
mod objects;
mod reviews;

pub use kubelet::Kubelet;
pub use objects::pods;

use answers::handle;

use crate::http::{Body, Server, answer, serve};
use hyper::{Request, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// The bearer token that both accept.
pub const TOKEN: &str = "checklist-token";
/// Whose token it is.
pub const USER: &str = "system:serviceaccount:stack:checklist-exporter";
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

    /// Sets whether the application writes audit lines.
    pub fn audit_lines(&self, writes: bool) {
        self.api.lock().no_audit_lines = !writes;
    }

    /// Answers every request for a log with this body.
    pub fn log(&self, body: Option<Vec<u8>>) {
        self.api.lock().log = body;
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

/// In the words of the API server.
fn status(code: u16, message: &str) -> Value {
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 if message.ends_with("already exists") => "AlreadyExists",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "message": message, "reason": reason})
}

fn refusal(code: u16, message: &str) -> Response<Body> {
    answer(code, "application/json", status(code, message).to_string())
}
