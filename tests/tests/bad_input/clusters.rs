//! A Kubernetes API that fails, loses history while it serves, ends a watch within an event, or has unusual objects.
//!
//! On the fake API server: a real one cannot be told to answer 500, to forget a version without a restart or to end a
//! watch within an event; it shows a whole secret to an account that may get its metadata, and it stores no object that
//! its validation refuses. What a real one can show is tested in `cluster/requests.rs`, `cluster/logs.rs`, and, where it
//! restarts or has too many requests, in `cluster_life.rs`.

use super::{job, outcome};
use checklist::Reason;
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::waiting::{eventually, found};
use tempfile::TempDir;

/// Starts an API server, and writes a kubeconfig for it. Returns the start of the cluster's entry in checklist.yaml too.
async fn start(folder: &TempDir) -> anyhow::Result<(Kubernetes, String)> {
    let tls = acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?.0;
    let kubernetes = Kubernetes::start(Kubelet::start(tls).await?).await?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kubernetes.kubeconfig())?;
    let entry = format!("kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}]", kubeconfig.display());
    Ok((kubernetes, entry))
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_lost_history_and_cut_watches_of_the_kubernetes_api_are_handled() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let (kubernetes, entry) = start(&folder).await?;
    let yaml = format!("{entry}}}]\n");
    kubernetes.refuse(Some(500));
    let pods = job(&yaml, "pods");
    // The client tries again after 5xx before it reports a failure.
    let failed = found("an end that is no deadline", || async {
        let failed = outcome(&pods).await.0;
        Ok((failed != Some(Reason::Timeout)).then_some(failed))
    });
    assert_eq!(failed.await?, Some(Reason::Protocol));
    kubernetes.refuse(None);
    let pods = job(&yaml, "pods");
    let (failed, _) = outcome(&pods).await;
    assert_eq!(failed, None);
    for disturb in [Kubernetes::drop_watches, Kubernetes::expire] {
        let lists = kubernetes.lists();
        disturb(&kubernetes);
        let ready = if kubernetes.lists() == lists { 1 } else { 2 };
        kubernetes.ready_replicas(ready);
        let wanted = format!("workload=\"orchestrator\"}} {ready}");
        eventually("what changed meanwhile is seen", || async {
            let (failed, text) = outcome(&pods).await;
            assert_eq!(failed, None, "a dropped or expired watch is not a failure");
            let has_replicas =
                |line: &str| line.starts_with("checklist_workload_replicas_ready") && line.ends_with(&wanted);
            Ok(text.lines().any(has_replicas))
        })
        .await?;
        kubernetes.ready_replicas(3);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_asked_for_metadata_only_and_unusual_objects_are_handled() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let (kubernetes, entry) = start(&folder).await?;
    let yaml = format!("{entry}, secrets: [{{name: jwt-secret}}]}}]\n");
    // The server refuses requests for more than the metadata.
    let (failure, page) = outcome(&job(&yaml, "secrets")).await;
    assert_eq!(failure, None);
    assert!(page.contains("secret=\"jwt-secret\"} 1\n") && !page.contains("bmV2ZXI"), "{page}");
    // An object without a status and with a size that is no number.
    let claims = format!("/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims");
    kubernetes.apply(
        &claims,
        serde_json::json!({"metadata": {"name": "odd"}, "spec": {"resources": {"requests": {"storage": "much"}}}}),
    );
    let (failure, page) = outcome(&job(&yaml, "pvc")).await;
    assert_eq!(failure, None);
    assert!(page.contains("persistentvolumeclaim=\"odd\"} 0\n"), "{page}");
    Ok(())
}
