//! Restarts that a kubelet reports of containers, sidecars, and containers whose end it does not know.

use crate::situations::bare;
use crate::{check, judged};
use checklist::Verdict;
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster};
use stack::waiting::eventually;

/// The status of a container that runs after this many restarts.
fn container(name: &str, restarts: u32, last: &Value) -> Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({"name": name, "image": "x", "imageID": "none", "ready": true, "started": true, "restartCount": restarts,
        "state": {"running": {"startedAt": now}}, "lastState": last})
}

/// Creates a pod in a new namespace and gives it a status instead of the simulated kubelet. Returns the namespace.
async fn pod(cluster: &Cluster, api: &Api, more: &str, status: &Value) -> anyhow::Result<String> {
    let namespace = cluster.namespace("restarts").await?;
    cluster.apply(&namespace, &bare("web", "situation: by-hand", more))?;
    let pod = format!("/api/v1/namespaces/{namespace}/pods/web");
    eventually("the pod has a node", || async { Ok(api.get(&pod).await?["spec"]["nodeName"].is_string()) }).await?;
    api.patch(&format!("{pod}/status"), &json!({"status": status})).await?;
    Ok(namespace)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn restarts_of_a_sidecar_count_as_those_of_a_container() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": now, "finishedAt": now}});
    let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
    let mut setup = container("setup", 7, &json!({}));
    setup["state"] = ended;
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
        "initContainerStatuses": [container("proxy", 40, &killed), setup],
        "containerStatuses": [container("main", 0, &json!({}))]});
    let more = ", initContainers: [{name: proxy, image: x, restartPolicy: Always}, {name: setup, image: x}]";
    let namespace = pod(cluster, &api, more, &status).await?;
    let (verdict, words) = judged(&*check(cluster, &[&namespace], "", "restarts")?).await;
    assert!(matches!(verdict, Verdict::Warning | Verdict::Critical), "{words}");
    assert!(words.contains("2 containers"), "not the one that ended: {words}");
    cluster.remove(&namespace).await?;
    // A kubelet that has lost the old container reports neither when nor why it ended.
    for last in [
        json!({}),
        json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null, "finishedAt": null}}),
    ] {
        let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container("main", 3, &last)]});
        let namespace = pod(cluster, &api, "", &status).await?;
        let (verdict, words) = judged(&*check(cluster, &[&namespace], "", "restarts")?).await;
        assert_eq!(verdict, Verdict::Warning, "{last}: {words}");
        cluster.remove(&namespace).await?;
    }
    Ok(())
}
