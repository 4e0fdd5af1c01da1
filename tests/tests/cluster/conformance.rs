//! Sends the same requests to the fake API server and to the real one, and compares what the exporter reads of the
//! responses.

use crate::grant;
use serde_json::{Value, json};
use stack::application::install;
use stack::cluster::{Api, Cluster};
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE, USER};
use stack::peers::{Authority, acceptor};
use stack::waiting::eventually;
use std::collections::BTreeSet;
use std::time::Duration;

/// One of the two API servers, with the generated rights.
struct Side {
    api: Api,
    namespace: String,
    user: String,
}

impl Side {
    /// Sends a request. Returns the status and the response, in which names of this server are replaced.
    async fn request(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let sent = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let path = path.replace("NS", &self.namespace);
        let (status, text) = self.api.request(method, &path, "application/json", sent).await?;
        let text = text.replace(&self.user, "USER").replace(&self.namespace, "NS");
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Returns the parts of a refusal: status, kind, code, reason and message.
    async fn refusal(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<(u16, [Value; 4])> {
        let (status, response) = self.request(method, path, body).await?;
        Ok((status, ["kind", "code", "reason", "message"].map(|key| response[key].clone())))
    }

    /// Reads all pages of a list. Returns the number of objects on each page, the names, and the versions of the pages.
    async fn pages(
        &self,
        path: &str,
        limit: usize,
    ) -> anyhow::Result<(Vec<usize>, BTreeSet<String>, BTreeSet<String>)> {
        let (mut counts, mut names, mut versions) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut token = String::new();
        loop {
            let (status, page) =
                self.request("GET", &format!("{path}?limit={limit}&continue={token}"), &Value::Null).await?;
            anyhow::ensure!(status == 200, "{path}: {status} {page}");
            let items = page["items"].as_array().cloned().unwrap_or_default();
            counts.push(items.len());
            names.extend(items.iter().map(|one| one["metadata"]["name"].to_string()));
            versions.insert(page["metadata"]["resourceVersion"].to_string());
            page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut token);
            if token.is_empty() {
                return Ok((counts, names, versions));
            }
        }
    }

    /// Returns the events of a watch that ends by itself.
    async fn events(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let path = path.replace("NS", &self.namespace);
        let response = self.api.request("GET", &path, "application/json", Vec::new());
        let (status, text) = tokio::time::timeout(Duration::from_mins(2), response).await??;
        anyhow::ensure!(status == 200, "{path}: {status} {text}");
        text.lines().filter(|line| !line.is_empty()).map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

const PODS: &str = "/api/v1/namespaces/NS/pods";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/NS/leases";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
#[expect(clippy::too_many_lines, reason = "one question after the other, to both")]
async fn the_fake_api_server_responds_like_the_real_one() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let admin = cluster.admin().await?;
    let namespace = cluster.namespace("conformance").await?;
    install(cluster, &admin, &namespace).await?;
    let config = |namespace: &str| {
        format!(
            "kubernetes: [{{name: stack, kubeconfig: /nowhere, namespaces: [{namespace}], secrets: [{{name: jwt-secret}}]}}]\n\
            highAvailability: {{kubernetes: stack}}\n"
        )
    };
    grant(cluster, &namespace, &config(&namespace))?;
    let token = cluster.token(&namespace, "checklist-exporter").await?;
    let user = format!("system:serviceaccount:{namespace}:checklist-exporter");
    let real = Side { api: Api::new(&cluster.kubeconfig(&token)).await?, namespace: namespace.clone(), user };

    let folder = tempfile::tempdir()?;
    let authority = Authority::new(folder.path())?;
    let stand_in = Kubernetes::start(Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?).await?;
    let parsed = checklist::Config::parse("checklist.yaml", &config(NAMESPACE))?;
    stand_in.grant(&rules_gen::outputs::access::kubernetes(&parsed, "stack"));
    stand_in.delete_lease("checklist-exporter");
    let other =
        Side { api: Api::new(&stand_in.kubeconfig()).await?, namespace: NAMESPACE.to_owned(), user: USER.to_owned() };

    // Pages of a list: no page is larger than the limit, all have the same version, and no name is repeated.
    for side in [&real, &other] {
        let (counts, names, versions) = side.pages(PODS, 2).await?;
        assert!(counts.len() > 1 && counts.iter().rev().skip(1).all(|count| *count == 2), "{counts:?}");
        assert_eq!((names.len(), versions.len()), (counts.iter().sum(), 1), "{names:?} {versions:?}");
        let (status, list) =
            side.request("GET", &format!("{PODS}?labelSelector=app%3Dorchestrator"), &Value::Null).await?;
        assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(3)), "{list}");
    }
    // Refusals have the same text.
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "checklist-exporter"},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}});
    let own = format!("{LEASES}/checklist-exporter");
    let mut endless = lease.clone();
    endless["spec"]["leaseDurationSeconds"] = json!(0);
    let mut stale = lease.clone();
    stale["metadata"]["resourceVersion"] = json!("1");
    for (method, path, body) in [
        ("GET", "/api/v1/namespaces/NS/secrets".to_owned(), &Value::Null),
        ("GET", "/api/v1/namespaces/NS/secrets/other".to_owned(), &Value::Null),
        ("GET", "/api/v1/namespaces/NS/configmaps".to_owned(), &Value::Null),
        ("GET", "/api/v1/persistentvolumes".to_owned(), &Value::Null),
        ("GET", "/api/v1/nodes?watch=1".to_owned(), &Value::Null),
        ("GET", "/api/v1/namespaces/other/pods".to_owned(), &Value::Null),
        ("GET", format!("{LEASES}/another"), &Value::Null),
        ("GET", own.clone(), &Value::Null),
        ("POST", LEASES.to_owned(), &endless),
    ] {
        let (theirs, ours) = (real.refusal(method, &path, body).await?, other.refusal(method, &path, body).await?);
        assert_eq!(ours, theirs, "{method} {path}");
        assert!(theirs.0 >= 400, "{method} {path}: {theirs:?}");
    }
    // An update creates a missing lease. Later updates succeed only with the version that was read.
    for side in [&real, &other] {
        assert_eq!(side.request("PUT", &own, &stale).await?.0, 201);
    }
    for (method, path, body) in [("POST", LEASES, &lease), ("PUT", own.as_str(), &stale)] {
        let (theirs, ours) = (real.refusal(method, path, body).await?, other.refusal(method, path, body).await?);
        assert_eq!((ours, 409), (theirs.clone(), theirs.0), "{method} {path}");
    }
    // The metadata of a secret, without its data.
    for side in [&real, &other] {
        let (status, whole) = side.request("GET", "/api/v1/namespaces/NS/secrets/jwt-secret", &Value::Null).await?;
        // The fake server refuses requests for more than metadata, so that a test notices them.
        assert!(status == 200 || whole["reason"] == "Forbidden", "{whole}");
    }
    // An unknown token.
    let strangers = [
        Api::new(&cluster.kubeconfig("nobody")).await?,
        Api::new(&stand_in.kubeconfig().replace(stack::kubernetes::TOKEN, "nobody")).await?,
    ];
    let mut output = Vec::new();
    for (api, namespace) in strangers.into_iter().zip([&namespace, NAMESPACE]) {
        let side = Side { api, namespace: namespace.to_owned(), user: "nobody".into() };
        output.push(side.refusal("GET", PODS, &Value::Null).await?);
    }
    assert_eq!(output[1], output[0]);

    // A watch sends changes as events with versions, then a bookmark.
    let watch = |side: &Side, version: &str, seconds: u32| {
        let path =
            format!("{PODS}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}");
        let side = Side { api: side.api.clone(), namespace: side.namespace.clone(), user: side.user.clone() };
        tokio::spawn(async move { side.events(&path).await })
    };
    let version = |list: &Value| list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let since = version(&real.request("GET", &format!("{PODS}?limit=100"), &Value::Null).await?.1);
    let events = watch(&real, &since, 75);
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: passing}\nspec: {containers: [{name: main, image: x}]}\n",
    )?;
    eventually("the pod is ready", || async {
        let pod = admin.get(&format!("/api/v1/namespaces/{namespace}/pods/passing")).await?;
        Ok(pod["status"]["phase"] == "Running")
    })
    .await?;
    admin.delete(&format!("/api/v1/namespaces/{namespace}/pods/passing")).await?;
    let theirs = shapes(&events.await??);
    let kinds = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];
    assert_eq!(
        theirs.iter().map(|(kind, _)| kind.as_str()).collect::<BTreeSet<_>>(),
        BTreeSet::from(kinds),
        "{theirs:?}"
    );
    assert!(theirs.iter().all(|(_, whole)| *whole), "{theirs:?}");
    // For a version that is too old, the watch sends one error event and ends.
    stand_in.expire();
    let gone = other.events(&format!("{PODS}?watch=1&resourceVersion=1")).await?;
    assert_eq!(
        (gone.len(), &gone[0]["type"], &gone[0]["object"]["code"]),
        (1, &json!("ERROR"), &json!(410)),
        "{gone:?}"
    );
    cluster.remove(&namespace).await
}

/// Returns the type of each event, and whether it has the fields that the exporter reads: name and version, or the
/// version of a bookmark.
fn shapes(events: &[Value]) -> Vec<(String, bool)> {
    let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let shape = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        let metadata = &event["object"]["metadata"];
        let whole = has(&metadata["resourceVersion"]) && (kind == "BOOKMARK" || has(&metadata["name"]));
        (kind, whole)
    };
    events.iter().map(shape).collect()
}
