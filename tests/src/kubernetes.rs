//! A stand-in that speaks the HTTP protocol of the Kubernetes API, and a kubelet.
//!
//! Lists come in chunks (`limit`, `continue`), watches send events and bookmarks, old versions
//! are `410 Gone`, and faults can be set while it runs.

mod answers;
mod kubelet;
mod leases;
mod objects;
mod reviews;
mod state;

pub use kubelet::Kubelet;
pub use objects::pods;
pub use state::{NAMESPACE, TOKEN, USER};

use crate::http::{Server, serve};
use answers::handle;
use leases::leases;
use reviews::{ACCESS, TOKENS};
use serde_json::{Value, json};
use state::{Api, Event};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// The API server.
pub struct Kubernetes {
    /// Where it listens.
    pub server: Server,
    api: Arc<Api>,
    /// The one node's kubelet.
    pub kubelet: Kubelet,
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
        let port = self.server.port;
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

/// Leases.
impl Kubernetes {
    /// Who holds a lease; nothing when it is not held or does not exist.
    pub fn holder(&self, lease: &str) -> Option<String> {
        let world = self.api.lock();
        let object = world.objects.get(&leases())?.get(lease)?;
        object["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
    }

    /// Makes a lease that nobody holds, as a release leaves it.
    pub fn free_lease(&self, lease: &str) {
        self.set_lease(lease, &json!({"leaseDurationSeconds": 1}));
    }

    /// Makes or changes a lease, whoever holds it.
    pub fn set_lease(&self, lease: &str, spec: &Value) {
        self.apply(&leases(), json!({"metadata": {"name": lease}, "spec": spec}));
    }

    /// Deletes a lease.
    pub fn delete_lease(&self, lease: &str) {
        self.delete(&leases(), lease);
    }
}

/// Reviews of tokens and of access.
impl Kubernetes {
    /// Makes a token that belongs to somebody and is meant for one audience.
    pub fn token(&self, token: &str, name: &str, audience: &str) {
        self.api.lock().reviews.people.insert(token.to_owned(), (name.to_owned(), audience.to_owned()));
    }

    /// Lets somebody use a path.
    pub fn let_use(&self, name: &str, verb: &str, path: &str) {
        self.api.lock().reviews.grants.insert((name.to_owned(), verb.to_owned(), path.to_owned()));
    }

    /// Answers every review with this status and body, or as it should again.
    pub fn say_instead(&self, instead: Option<(u16, &str)>) {
        self.api.lock().reviews.instead = instead.map(|(status, body)| (status, body.to_owned()));
    }

    /// How many token reviews and access reviews were asked for.
    pub fn reviews(&self) -> (usize, usize) {
        let asked = &self.api.lock().reviews.asked;
        let count = |kind| asked.get(kind).copied().unwrap_or_default();
        (count(TOKENS), count(ACCESS))
    }
}
