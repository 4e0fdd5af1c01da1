//! Leases with the optimistic locking of the API server: a write must carry the current resource version.

use super::state::{NAMESPACE, World, refusal};
use crate::http::{Body, response};
use bytes::Bytes;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

/// Returns the path of the collection of leases.
pub(super) fn leases() -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")
}

/// Answers GET, POST and PUT of a lease. Returns `None` if the path is not about leases.
pub(super) fn lease(world: &mut World, path: &str, request: &Request<Bytes>) -> Option<Response<Body>> {
    let (collection, name) =
        path.split_once("/leases").map(|(namespace, rest)| (format!("{namespace}/leases"), rest))?;
    let name = name.trim_start_matches('/');
    let sent: Option<Value> = serde_json::from_slice(request.body()).ok();
    let known = world.objects.get(&collection).and_then(|all| all.get(name)).cloned();
    let is_new = known.is_none();
    let mut object = match (request.method(), known, sent) {
        (&Method::GET, Some(known), _) => return Some(response(200, "application/json", known.to_string())),
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
        // A PUT creates a lease that does not exist, whatever version it carries.
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
    // The real API server's validation refuses this too.
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
    Some(response(code, "application/json", object.to_string()))
}
