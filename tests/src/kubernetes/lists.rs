//! An API server whose lists never change, for tests of single runs. It can refuse the second page of a list.

use crate::http::{Server, response, serve};
use crate::peers::{Authority, acceptor};
use hyper::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Starts an API server. `objects` has the lists by path; the list of a request with a label selector is that of
/// `PATH?labelSelector`, and lists without an entry are empty. A path in `cut` refuses all pages but the first with 403.
pub async fn api(objects: Vec<(&'static str, Value)>, cut: &'static [&'static str]) -> anyhow::Result<Server> {
    let objects: Arc<BTreeMap<&str, Value>> = Arc::new(objects.into_iter().collect());
    serve(None, move |request: Request<_>| {
        let (path, objects) = (request.uri().path().to_owned(), Arc::clone(&objects));
        let has = |word: &str| request.uri().query().is_some_and(|query| query.contains(word));
        let (watches, selects, continues) = (has("watch=1"), has("labelSelector="), has("continue="));
        let is_cut = cut.contains(&path.as_str());
        async move {
            if is_cut && continues {
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "forbidden: no such right", "reason": "Forbidden", "code": 403});
                return response(403, "application/json", status.to_string());
            }
            if watches {
                return response(200, "application/json", "");
            }
            let key = if selects { format!("{path}?labelSelector") } else { path.clone() };
            let items = objects.get(key.as_str()).cloned().unwrap_or_else(|| json!([]));
            let mut metadata = json!({"resourceVersion": "1"});
            if is_cut {
                metadata["continue"] = json!("second");
            }
            let list = json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items});
            response(200, "application/json", list.to_string())
        }
    })
    .await
}

/// Writes a kubeconfig for the server. Returns the section of checklist.yaml for it.
pub fn kubernetes(folder: &Path, server: &Server, namespaces: &str) -> anyhow::Result<String> {
    let file = folder.join("kubeconfig");
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{}\"}}}}]\n\
         users: [{{name: c, user: {{token: t}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n",
        server.port
    );
    std::fs::write(&file, kubeconfig)?;
    Ok(format!("kubernetes:\n  - {{name: c, kubeconfig: {}, namespaces: [{namespaces}]}}\n", file.display()))
}

/// A running pod of one container that is ready.
pub fn ready_pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "1"}, "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "c", "restartCount": 0}]}})
}

/// Starts a kubelet that reports these volumes.
pub async fn kubelet(folder: &Path, volumes: Value) -> anyhow::Result<Server> {
    let tls = acceptor(Authority::new(folder)?.issue("localhost", 60)?)?.0;
    let summary = json!({"pods": [{"volume": volumes}, {"volume": null}]}).to_string();
    serve(Some(tls), move |_| {
        let summary = summary.clone();
        async move { response(200, "application/json", summary) }
    })
    .await
}
