//! Responses of the fake API server: paginated lists, single objects, logs and watches, restricted to the granted
//! roles.

use super::authorization::{asked, forbidden};
use super::state::{Api, Event, TOKEN, World, refusal, status};
use super::{leases, reviews};
use crate::http::{Body, response};
use crate::rights;
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Handles one request.
pub(super) async fn handle(api: &Arc<Api>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let watches = request.uri().query().is_some_and(|query| query.contains("watch="));
    let asked = asked(request.method(), request.uri().path(), watches);
    let response =
        if reviews::is_review(&request) { reviews::respond(api, request).await } else { whole(api, request).await };
    if let Some(asked) = asked {
        api.lock().requests.insert(rights::Request { status: response.status().as_u16(), ..asked });
    }
    response
}

/// Reads the body of a request and answers it.
async fn whole(api: &Arc<Api>, request: Request<hyper::body::Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match body.collect().await {
        Ok(body) => respond(api, &Request::from_parts(parts, body.to_bytes())),
        Err(_) => refusal(400, "the body did not arrive"),
    }
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
    let Some(asked) = asked(request.method(), &path, query.contains_key("watch")) else {
        return refusal(404, "the server could not find the requested resource");
    };
    if !world.grants(&asked) {
        return refusal(403, &forbidden(&asked));
    }
    if let Some(response) = leases::lease(&mut world, &path, request) {
        return response;
    }
    if query.contains_key("watch") {
        let since = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
        if since < world.oldest {
            // As a real API server does: the response begins with status 200, and its first event is the error.
            let gone = status(410, &format!("too old resource version: {since} ({})", world.oldest));
            return response(200, "application/json", format!("{}\n", json!({"type": "ERROR", "object": gone})));
        }
        return watch(api, &world, path, since);
    }
    if let Some((collection, name)) = path.rsplit_once('/')
        && collection.ends_with("/secrets")
    {
        return secret(&world, collection, name, request);
    }
    if let ("namespaces", Some(name)) = (asked.resource.as_str(), &asked.name) {
        return match world.objects.get("/api/v1/namespaces").and_then(|all| all.get(name)) {
            Some(object) => response(200, "application/json", object.to_string()),
            None => refusal(404, &format!("namespaces \"{name}\" not found")),
        };
    }
    if path.ends_with("/log") {
        return log(&world);
    }
    if path.ends_with("/secrets") {
        return refusal(403, &forbidden(&asked));
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
    let behind = (Bound::Excluded(after), Bound::Unbounded);
    let mut names = objects.range(behind).map(|(name, _)| name).filter(selected);
    let page: Vec<&Value> = names.by_ref().take(limit).map(|name| &objects[name]).collect();
    let last = page.last().and_then(|object| object["metadata"]["name"].as_str()).unwrap_or_default();
    let next = if names.next().is_some() { last } else { "" };
    let list = json!({"kind": "List", "metadata": {"resourceVersion": world.version.to_string(), "continue": next}, "items": page});
    response(200, "application/json", list.to_string())
}

/// Returns the metadata of a secret. Refuses a request for the whole object: the exporter must never read the data.
fn secret<T>(world: &World, collection: &str, name: &str, request: &Request<T>) -> Response<Body> {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("as=PartialObjectMetadata") {
        return refusal(403, "only the metadata of secrets may be read");
    }
    match world.objects.get(collection).and_then(|all| all.get(name)) {
        Some(object) => {
            let metadata = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
            response(200, "application/json", metadata.to_string())
        }
        None => refusal(404, &format!("secrets \"{name}\" not found")),
    }
}

fn log(world: &World) -> Response<Body> {
    // The lines are 30 seconds younger than the shortest silence that the check can report, so that a test does not
    // wait long for it.
    let written = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(270);
    let mut text = format!("{written} GET /health 200\n");
    if !world.no_audit_lines {
        text += &format!("{written} AUDIT: user 7 logged in\n");
    }
    response(200, "text/plain", text)
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
