//! Leases as the API server keeps them: every write is bound to the version that was read. And doors, through which one
//! process alone can be kept from the API.

use super::answers::{handle, respond};
use super::{Api, Kubernetes, NAMESPACE, World, refusal};
use crate::http::{Body, Server, answer, serve};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// What a door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Lets everything through.
    Open,
    /// Answers 503.
    Refused,
    /// Takes every question and never answers.
    Silent,
}

/// Another address of the same API.
pub struct Door {
    /// Where it listens.
    pub server: Server,
    passage: Arc<AtomicU8>,
}

impl Door {
    /// From now on.
    pub fn set(&self, passage: Passage) {
        self.passage.store(passage as u8, Ordering::SeqCst);
    }
}

impl Kubernetes {
    /// Opens a door.
    pub async fn door(&self) -> anyhow::Result<Door> {
        let (api, passage) = (Arc::clone(&self.api), Arc::new(AtomicU8::new(Passage::Open as u8)));
        let now = Arc::clone(&passage);
        let server = serve(None, move |request| {
            let (api, passage) = (Arc::clone(&api), now.load(Ordering::SeqCst));
            async move {
                if passage == Passage::Silent as u8 {
                    tokio::time::sleep(Duration::from_hours(1)).await;
                }
                if passage == Passage::Refused as u8 {
                    return refusal(503, "the test refuses");
                }
                handle(&api, request).await
            }
        })
        .await?;
        Ok(Door { server, passage })
    }

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

/// Answers a request with its whole body.
pub(super) async fn whole(api: &Arc<Api>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match body.collect().await {
        Ok(body) => respond(api, &Request::from_parts(parts, body.to_bytes())),
        Err(_) => refusal(400, "the body did not arrive"),
    }
}

fn leases() -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")
}

/// GET, POST and PUT of a lease; everything else is nobody's business.
pub(super) fn lease(world: &mut World, path: &str, request: &Request<Bytes>) -> Option<Response<Body>> {
    let (collection, name) =
        path.split_once("/leases").map(|(namespace, rest)| (format!("{namespace}/leases"), rest))?;
    let name = name.trim_start_matches('/');
    let sent: Option<Value> = serde_json::from_slice(request.body()).ok();
    let known = world.objects.get(&collection).and_then(|all| all.get(name)).cloned();
    let is_new = known.is_none();
    let mut object = match (request.method(), known, sent) {
        (&Method::GET, Some(known), _) => return Some(answer(200, "application/json", known.to_string())),
        (&Method::GET, None, _) => {
            return Some(refusal(404, &format!("leases.coordination.k8s.io \"{name}\" not found")));
        }
        (&Method::POST, _, Some(object)) if name.is_empty() => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if world.objects.get(&collection).is_some_and(|all| all.contains_key(name)) {
                return Some(refusal(409, &format!("leases.coordination.k8s.io \"{name}\" already exists")));
            }
            object
        }
        // A lease that is not there is made, whatever version was read.
        (&Method::PUT, None, Some(object)) => object,
        (&Method::PUT, Some(known), Some(object)) => {
            if object["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"] {
                let text =
                    "the object has been modified; please apply your changes to the latest version and try again";
                let text = format!("Operation cannot be fulfilled on leases.coordination.k8s.io \"{name}\": {text}");
                return Some(refusal(409, &text));
            }
            object
        }
        _ => return Some(refusal(405, "the server does not allow this method on the requested resource")),
    };
    // What the API server's validation refuses.
    if object["spec"]["leaseDurationSeconds"].as_i64().is_some_and(|seconds| seconds <= 0) {
        let text = "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0";
        let name = &object["metadata"]["name"];
        return Some(refusal(422, &format!("Lease.coordination.k8s.io {name} is invalid: {text}")));
    }
    world.version += 1;
    object["metadata"]["resourceVersion"] = json!(world.version.to_string());
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    world.objects.entry(collection).or_default().insert(name, object.clone());
    let code = if is_new { 201 } else { 200 };
    Some(answer(code, "application/json", object.to_string()))
}
