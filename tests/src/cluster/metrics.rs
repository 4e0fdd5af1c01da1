//! The metrics API as an aggregated API server: usage of nodes and running pods, for users with the right to list it.

use super::Api;
use super::kubelet::may;
use crate::http::{Body, Server, response, serve};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;

/// The running server.
pub struct Metrics {
    /// The TLS server.
    pub server: Server,
    used: Used,
}

/// By namespace, the usage of each container of its pods: CPU in thousandths of a core, memory in bytes.
type Used = Arc<Mutex<BTreeMap<String, (u32, u64)>>>;

/// The usage of a container by default.
const ORDINARY: (u32, u64) = (120, 200 * 1024 * 1024);

impl Metrics {
    pub(super) async fn start(tls: TlsAcceptor, api: Api) -> anyhow::Result<Self> {
        let used = Used::default();
        let shared = Arc::clone(&used);
        let server = serve(Some(tls), move |request| {
            let (api, used) = (api.clone(), Arc::clone(&shared));
            async move {
                let header = |name: &str| -> Vec<String> {
                    let all = request.headers().get_all(name).iter();
                    all.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
                };
                let user = json!({"username": header("x-remote-user").first(), "groups": header("x-remote-group")});
                respond(&api, &used, &user, request.uri().path(), request.uri().query()).await
            }
        })
        .await?;
        Ok(Self { server, used })
    }

    /// Sets the usage of each container in a namespace: CPU in thousandths of a core, memory in bytes.
    pub fn uses(&self, namespace: &str, cpu: u32, memory: u64) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace.to_owned(), (cpu, memory));
    }
}

async fn respond(api: &Api, used: &Used, user: &Value, path: &str, query: Option<&str>) -> hyper::Response<Body> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let Some(["apis", "metrics.k8s.io", "v1beta1", rest @ ..]) = Some(parts.as_slice()) else {
        return response(404, "application/json", "{}");
    };
    let (resource, namespace) = match rest {
        [] => return response(200, "application/json", resources().to_string()),
        ["nodes"] => ("nodes", None),
        ["pods"] => ("pods", None),
        ["namespaces", namespace, "pods"] => ("pods", Some(*namespace)),
        _ => return response(404, "application/json", "{}"),
    };
    let attributes = json!({"verb": "list", "group": "metrics.k8s.io", "version": "v1beta1", "resource": resource,
        "namespace": namespace});
    if !may(api, user, &attributes).await {
        return response(403, "application/json", json!({"kind": "Status", "code": 403}).to_string());
    }
    let items = match (resource, namespace) {
        ("nodes", _) => nodes(api).await,
        (_, Some(namespace)) => pods(api, used, namespace, query.unwrap_or_default()).await,
        _ => Ok(vec![]),
    };
    match items {
        Ok(items) => {
            let kind = if resource == "nodes" { "NodeMetricsList" } else { "PodMetricsList" };
            let list = json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items});
            response(200, "application/json", list.to_string())
        }
        Err(error) => response(500, "text/plain", format!("{error:#}")),
    }
}

fn resources() -> Value {
    let resource = |name: &str, namespaced: bool, kind: &str| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1", "resources": [
        resource("nodes", false, "NodeMetrics"), resource("pods", true, "PodMetrics")]})
}

async fn nodes(api: &Api) -> anyhow::Result<Vec<Value>> {
    let now = jiff::Timestamp::now().to_string();
    let names = api.names("/api/v1/nodes").await?;
    let sample = |name: &String| {
        json!({"metadata": {"name": name}, "timestamp": now, "window": "10s",
            "usage": {"cpu": "812345678n", "memory": "6Gi"}})
    };
    Ok(names.iter().map(sample).collect())
}

async fn pods(api: &Api, used: &Used, namespace: &str, query: &str) -> anyhow::Result<Vec<Value>> {
    let (cpu, memory) = {
        let used = used.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(namespace).copied().unwrap_or(ORDINARY)
    };
    // Passes the label selector of the request on.
    let selected: Vec<(_, _)> =
        url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "labelSelector").collect();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(selected).finish();
    let list = api.get(&format!("/api/v1/namespaces/{namespace}/pods?{query}")).await?;
    let now = jiff::Timestamp::now().to_string();
    let running = list["items"].as_array().into_iter().flatten().filter(|pod| pod["status"]["phase"] == "Running");
    let sample = |pod: &Value| {
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let usage = json!({"cpu": format!("{cpu}m"), "memory": memory.to_string()});
        let containers: Vec<Value> =
            containers.map(|container| json!({"name": container["name"], "usage": usage})).collect();
        json!({"metadata": {"name": pod["metadata"]["name"], "namespace": namespace, "labels": pod["metadata"]["labels"]},
            "timestamp": now, "window": "10s", "containers": containers})
    };
    Ok(running.map(sample).collect())
}
