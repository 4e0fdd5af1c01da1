//! Requests that the API server refuses, lists of several pages, and connections that end.

use crate::situations::workload;
use crate::{entry, signals};
use checklist::Reason;
use checklist::signals::pods::{PODS, READY};
use exporter::run::time::unix_now;
use serde_json::json;
use stack::cluster::Cluster;
use stack::waiting::eventually;
use tempfile::NamedTempFile;

const MORE: &str = ", secrets: [{name: one}], auditLogs: [{selector: app=web}]";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn every_check_fails_with_an_unknown_token_and_without_rights() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("refused").await?;
    let kubeconfig = NamedTempFile::new()?;
    let yaml = entry(cluster, kubeconfig.path(), &[&namespace], MORE);
    // No role is bound to the default account.
    for (token, expected) in
        [("nobody".to_owned(), Reason::Auth), (cluster.token(&namespace, "default").await?, Reason::Permission)]
    {
        std::fs::write(kubeconfig.path(), cluster.kubeconfig(&token))?;
        for signal in signals() {
            let job = stack::checks::job(&yaml, signal.id)?;
            job.run().await;
            let state = job.state();
            let reason = state.failure.as_ref().map(|failure| failure.reason);
            assert_eq!(reason, Some(expected), "{}: {}", signal.id, state.why());
        }
    }
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn the_pages_of_a_list_make_one_whole_and_changes_during_an_ended_connection_are_seen() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("pages").await?;
    let deployments = (0..5).map(|n| workload("Deployment", &format!("load{n}"), 50, "", ""));
    cluster.apply(&namespace, &deployments.collect::<String>())?;
    eventually("all pods are ready", || async {
        let list = api.get(&format!("/apis/apps/v1/namespaces/{namespace}/deployments")).await?;
        let is_ready = |one: &serde_json::Value| one["status"]["readyReplicas"] == 50;
        Ok(list["items"].as_array().is_some_and(|all| all.len() == 5 && all.iter().all(is_ready)))
    })
    .await?;
    let token = cluster.administrator(&namespace).await?;
    let door = cluster.door().await?;
    let kubeconfig = NamedTempFile::new()?;
    std::fs::write(kubeconfig.path(), cluster.kubeconfig_at(&door, &token))?;
    let yaml = entry(cluster, kubeconfig.path(), &[&namespace], "");
    let pods = stack::checks::job(&yaml, "pods")?;
    pods.run().await;
    let state = pods.state();
    assert!(state.failure.is_none(), "{}", state.why());
    let running = state.exposed(unix_now()).filter(|series| series.metric.name == PODS.name);
    let counts: Vec<f64> =
        running.filter(|series| series.labels.contains(&"Running".to_owned())).map(|one| one.value).collect();
    assert_eq!(counts, [50.0; 5], "{}", state.seen());
    for replicas in [49_u32, 48] {
        door.cut().await?;
        let scale = format!("/apis/apps/v1/namespaces/{namespace}/deployments/load0/scale");
        api.patch(&scale, &json!({"spec": {"replicas": replicas}})).await?;
        eventually("what changed meanwhile is seen", || async {
            pods.run().await;
            let state = pods.state();
            anyhow::ensure!(state.failure.is_none(), "an ended watch is not a failure: {}", state.why());
            let ready = state.exposed(unix_now()).filter(|series| series.metric.name == READY.name);
            let counts: Vec<f64> =
                ready.filter(|one| one.label("workload") == Some("load0")).map(|one| one.value).collect();
            Ok(counts == [f64::from(replicas)])
        })
        .await?;
    }
    cluster.remove(&namespace).await
}
