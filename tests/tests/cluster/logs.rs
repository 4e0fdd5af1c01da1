//! Logs of pods with several containers.

use checklist::{Reason, Verdict};
use exporter::run::job::Job;
use exporter::run::time::unix_now;
use stack::cluster::Cluster;
use stack::waiting::eventually;
use std::sync::Arc;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn all_containers_of_a_pod_are_read_unless_one_is_named() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("logs").await?;
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: two, labels: {app: two, also: two}}\n\
         spec: {containers: [{name: web, image: x}, {name: proxy, image: x}]}\n",
    )?;
    let pod = format!("/api/v1/namespaces/{namespace}/pods/two");
    eventually("the pod runs", || async { Ok(api.get(&pod).await?["status"]["phase"] == "Running") }).await?;
    // The response of the API server without a container name. It does not mean that there is no log.
    let (status, output) = api.request("GET", &format!("{pod}/log"), "application/json", Vec::new()).await?;
    assert!(status == 400 && output.contains("a container name must be specified"), "{status} {output}");
    let now = jiff::Timestamp::now();
    cluster.kubelet.wrote(
        &namespace,
        "two/web",
        vec![(now, "AUDIT: user 7 logged in".to_owned()), (now, "x".to_owned())],
    );
    cluster.kubelet.wrote(&namespace, "two/proxy", vec![(now, "GET /".to_owned())]);
    let folder = TempDir::new()?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::copy(cluster.admin_kubeconfig(), &kubeconfig)?;
    let check = |container: &str| -> anyhow::Result<Arc<Job>> {
        let yaml = format!(
            "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{namespace}], auditLogs: [{{selector: app=two, marker: 'AUDIT:'{container}}}]}}]\n",
            kubeconfig.display()
        );
        stack::checks::job(&yaml, "pod_logs")
    };
    let judged = async |container: &str| -> anyhow::Result<(Verdict, String, Option<Reason>)> {
        let job = check(container)?;
        job.run().await;
        let state = job.state();
        let words = format!("{} | {}", state.why(), state.seen());
        Ok((state.verdict(unix_now()), words, state.failure.as_ref().map(|failure| failure.reason)))
    };
    let (verdict, words, _) = judged("").await?;
    assert!(verdict == Verdict::Passed && words.contains("2 logs"), "{words}");
    let (verdict, words, _) = judged(", container: web").await?;
    assert!(verdict == Verdict::Passed && words.contains("1 log"), "{words}");
    let (verdict, words, _) = judged(", container: proxy").await?;
    assert!(!matches!(verdict, Verdict::Passed | Verdict::CannotTell), "a log without a line: {words}");
    let (verdict, words, _) = judged(", container: nobody").await?;
    assert!(verdict == Verdict::CannotTell && words.contains("two/nobody"), "{words}");
    // Logs of other pods that could be read do not hide this one.
    let (verdict, words, _) =
        judged(", container: web}, {selector: also=two, marker: 'AUDIT:', container: nobody").await?;
    assert!(verdict == Verdict::CannotTell && words.contains("two/nobody"), "{words}");
    cluster.remove(&namespace).await
}
