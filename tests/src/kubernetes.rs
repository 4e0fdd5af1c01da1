//! A fake Kubernetes API server and kubelet, for faults that a real server cannot be made to show.
//!
//! Lists are paginated (`limit`, `continue`), watches send events and bookmarks, expired versions get `410 Gone`, and
//! tests can inject faults at run time.

mod authorization;
mod kubelet;
mod leases;
pub mod lists;
mod objects;
mod responses;
mod reviews;
mod state;

pub use kubelet::Kubelet;
pub use objects::pods;
pub use state::{NAMESPACE, TOKEN, USER};

use crate::http::{Server, serve};
use crate::rights::{Request, rights};
use leases::leases;
use responses::handle;
use reviews::{ACCESS, TOKENS};
use serde_json::{Value, json};
use state::{Api, Event};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// The fake API server.
pub struct Kubernetes {
    /// The HTTP server.
    pub server: Server,
    api: Arc<Api>,
    /// The kubelet of the only node.
    pub kubelet: Kubelet,
}

impl Kubernetes {
    /// Starts the API server with the objects of a healthy application.
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

    /// Returns a kubeconfig for this server.
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
        // An error means that there is no watch, which is fine.
        let _ = self.api.events.send(Event::Changed(collection.to_owned(), kind, object));
    }

    /// Deletes an object.
    pub fn delete(&self, collection: &str, name: &str) {
        let mut world = self.api.lock();
        world.version += 1;
        let version = world.version.to_string();
        let Some(mut object) = world.objects.get_mut(collection).and_then(|all| all.remove(name)) else { return };
        object["metadata"]["resourceVersion"] = json!(version);
        // An error means that there is no watch, which is fine.
        let _ = self.api.events.send(Event::Changed(collection.to_owned(), "DELETED", object));
    }

    /// Sets whether the application's log contains audit lines.
    pub fn audit_lines(&self, writes: bool) {
        self.api.lock().no_audit_lines = !writes;
    }

    /// Allows from now on only the requests that these roles grant.
    pub fn grant(&self, list: &Value) {
        self.api.lock().rights = rights(list);
    }

    /// Answers every request with this status and ends all watches; `None` restores normal answers.
    pub fn refuse(&self, status: Option<u16>) {
        self.api.lock().refuse = status;
        let _ = self.api.events.send(Event::Dropped);
    }

    /// Expires every resource version, so that watches get `410 Gone`.
    pub fn expire(&self) {
        {
            let mut world = self.api.lock();
            world.version += 1;
            world.oldest = world.version;
        }
        let _ = self.api.events.send(Event::Expired);
    }

    /// Ends every watch in the middle of an event.
    pub fn drop_watches(&self) {
        let _ = self.api.events.send(Event::Dropped);
    }

    /// Returns the number of list pages served so far.
    pub fn lists(&self) -> u64 {
        self.api.lock().lists
    }

    /// Returns every request so far.
    pub fn requests(&self) -> BTreeSet<Request> {
        self.api.lock().requests.clone()
    }
}

/// Control of leases.
impl Kubernetes {
    /// Returns the holder of a lease; `None` if nobody holds it or it does not exist.
    pub fn holder(&self, lease: &str) -> Option<String> {
        let world = self.api.lock();
        let object = world.objects.get(&leases())?.get(lease)?;
        object["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
    }

    /// Creates a lease without a holder, in the state after a release.
    pub fn free_lease(&self, lease: &str) {
        self.set_lease(lease, &json!({"leaseDurationSeconds": 1}));
    }

    /// Creates or replaces a lease, whoever holds it.
    pub fn set_lease(&self, lease: &str, spec: &Value) {
        self.apply(&leases(), json!({"metadata": {"name": lease}, "spec": spec}));
    }

    /// Deletes a lease.
    pub fn delete_lease(&self, lease: &str) {
        self.delete(&leases(), lease);
    }
}

/// Control of token reviews and access reviews.
impl Kubernetes {
    /// Adds a valid token of a user for one audience.
    pub fn token(&self, token: &str, name: &str, audience: &str) {
        self.api.lock().reviews.people.insert(token.to_owned(), (name.to_owned(), audience.to_owned()));
    }

    /// Grants a user a verb on a path.
    pub fn let_use(&self, name: &str, verb: &str, path: &str) {
        self.api.lock().reviews.grants.insert((name.to_owned(), verb.to_owned(), path.to_owned()));
    }

    /// Answers every review with this status and body; `None` restores normal answers.
    pub fn answer_reviews_with(&self, instead: Option<(u16, &str)>) {
        self.api.lock().reviews.instead = instead.map(|(status, body)| (status, body.to_owned()));
    }

    /// Returns the number of token reviews and of access reviews so far.
    pub fn reviews(&self) -> (usize, usize) {
        let requests = &self.api.lock().reviews.requests;
        let count = |kind| requests.get(kind).copied().unwrap_or_default();
        (count(TOKENS), count(ACCESS))
    }
}
