//! The HTTP API of a kubelet, which kwok lacks: `/stats/summary` with real token and access reviews, and the logs that
//! the API server asks for.

use super::Api;
use crate::http::{Body, Server, response, serve};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_rustls::TlsAcceptor;

/// The kubelet of all nodes.
pub struct Kubelet {
    /// The TLS server.
    pub server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Used share of each volume, 0 to 1, by namespace and claim.
    volumes: BTreeMap<(String, String), f64>,
    /// Log lines with their times, by namespace and pod (or `pod/container`).
    lines: BTreeMap<(String, String), Vec<(jiff::Timestamp, String)>>,
    /// The lines of all other pods, by namespace, each always of the same age. The pods of a namespace without an entry
    /// have one audit line of the present time.
    usual: BTreeMap<String, Vec<(jiff::SignedDuration, String)>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kubelet {
    pub(super) async fn start(tls: TlsAcceptor, api: Api) -> anyhow::Result<Self> {
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let server = serve(Some(tls), move |request| {
            let (api, state) = (api.clone(), Arc::clone(&shared));
            async move {
                let path = request.uri().path().to_owned();
                let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
                match parts.as_slice() {
                    ["stats", "summary"] => {
                        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                        summary(&api, &state, token.and_then(|value| value.strip_prefix("Bearer "))).await
                    }
                    ["containerLogs", namespace, pod, container] => response(
                        200,
                        "text/plain",
                        log(&state, namespace, (pod, container), request.uri().query().unwrap_or_default()),
                    ),
                    _ => response(404, "text/plain", "404 page not found\n"),
                }
            }
        })
        .await?;
        Ok(Self { server, state })
    }

    /// Sets the used share of a claim's volume, 0 to 1.
    pub fn fill(&self, namespace: &str, claim: &str, share: f64) {
        lock(&self.state).volumes.insert((namespace.to_owned(), claim.to_owned()), share);
    }

    /// Sets the log of a pod, or of one of its containers if `pod` is `POD/CONTAINER`.
    pub fn wrote(&self, namespace: &str, pod: &str, lines: Vec<(jiff::Timestamp, String)>) {
        lock(&self.state).lines.insert((namespace.to_owned(), pod.to_owned()), lines);
    }

    /// Sets the log of all pods of a namespace without a log of their own: lines with their age, which stays the same.
    pub fn usually_writes(&self, namespace: &str, lines: Vec<(jiff::SignedDuration, String)>) {
        lock(&self.state).usual.insert(namespace.to_owned(), lines);
    }
}

/// Answers `/stats/summary` as a kubelet does: reviews the token, then the user's right to read the statistics of
/// nodes.
async fn summary(api: &Api, state: &Mutex<State>, token: Option<&str>) -> hyper::Response<Body> {
    let unauthorized = || response(401, "text/plain", "Unauthorized");
    let Some(token) = token else { return unauthorized() };
    let question = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let Ok(review) = api.create("/apis/authentication.k8s.io/v1/tokenreviews", &question).await else {
        return unauthorized();
    };
    if review["status"]["authenticated"] != true {
        return unauthorized();
    }
    let user = &review["status"]["user"];
    let attributes = json!({"verb": "get", "resource": "nodes", "subresource": "stats", "version": "v1"});
    if !may(api, user, &attributes).await {
        let text = format!("Forbidden (user={}, verb=get, resource=nodes, subresource(s)=[stats])", user["username"]);
        return response(403, "text/plain", text);
    }
    let volumes = lock(state).volumes.clone();
    response(200, "application/json", statistics(&volumes).to_string())
}

/// Asks the API server whether a user has a right.
pub(super) async fn may(api: &Api, user: &Value, attributes: &Value) -> bool {
    let question = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": user["username"], "groups": user["groups"], "resourceAttributes": attributes}});
    let review = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &question).await;
    review.is_ok_and(|review| review["status"]["allowed"] == true)
}

fn statistics(volumes: &BTreeMap<(String, String), f64>) -> Value {
    const SIZE: f64 = 100.0 * 1_073_741_824.0;
    // Whole numbers of bytes, as a kubelet writes them.
    let whole = |bytes: f64| format!("{bytes:.0}").parse::<u64>().unwrap_or_default();
    let pods: Vec<Value> = volumes
        .iter()
        .map(|((namespace, claim), share)| {
            json!({"podRef": {"name": claim, "namespace": namespace}, "volume": [
                {"name": "data", "usedBytes": whole(SIZE * share), "availableBytes": whole(SIZE * (1.0 - share)),
                 "capacityBytes": whole(SIZE), "inodes": 6_553_600, "inodesUsed": 120_000,
                 "pvcRef": {"name": claim, "namespace": namespace}},
                {"name": "kube-api-access", "usedBytes": 12, "availableBytes": 1000}]})
        })
        .collect();
    json!({"node": {"nodeName": "node"}, "pods": pods})
}

fn log(state: &Mutex<State>, namespace: &str, (pod, container): (&str, &str), query: &str) -> String {
    let parameter = |name: &str| {
        let mut all = url::form_urlencoded::parse(query.as_bytes());
        all.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let since: Option<jiff::Timestamp> = parameter("sinceTime").and_then(|text| text.parse().ok());
    let now = jiff::Timestamp::now();
    let of = |name: String| lock(state).lines.get(&(namespace.to_owned(), name)).cloned();
    let lines = of(format!("{pod}/{container}")).or_else(|| of(pod.to_owned()));
    let lines = lines.unwrap_or_else(|| match lock(state).usual.get(namespace) {
        Some(usual) => usual.iter().map(|(age, line)| (now - *age, line.clone())).collect(),
        None => vec![(now, "AUDIT: user 7 logged in".to_owned())],
    });
    let stamped = parameter("timestamps").as_deref() == Some("true");
    let of_time = lines.into_iter().filter(|(at, _)| since.is_none_or(|since| *at >= since));
    of_time.map(|(at, line)| if stamped { format!("{at} {line}\n") } else { format!("{line}\n") }).collect()
}
