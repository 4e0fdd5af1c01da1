//! A Kubernetes API that refuses requests, loses history, or closes connections.
//!
//! On the fake API server: a real one cannot be told to answer 429 or 500, to forget a version or to end a watch within
//! an event, and it stores no object that its validation refuses.

use super::{job, outcome, reason};
use checklist::Reason;
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::waiting::{eventually, found};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_lost_history_and_closed_connections_of_the_kubernetes_api_are_handled() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kubernetes.kubeconfig())?;
    let yaml = format!(
        "kubernetes:\n  - {{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], kubelet: {{caFile: {}}}}}\n",
        kubeconfig.display(),
        authority.ca_file.display()
    );
    for (code, expected) in
        [(401, Reason::Auth), (403, Reason::Permission), (429, Reason::Protocol), (500, Reason::Protocol)]
    {
        kubernetes.refuse(Some(code));
        let pods = job(&yaml, "pods");
        // The client retries after 429 and 5xx before it reports a failure.
        let failed = found("an end that is no deadline", || async {
            let failed = outcome(&pods).await.0;
            Ok((failed != Some(Reason::Timeout)).then_some(failed))
        });
        assert_eq!(failed.await?, Some(expected), "{code}");
        if code < 429 {
            assert_eq!(reason(&yaml, "disk").await, Some(expected), "{code}");
        }
    }
    kubernetes.refuse(None);
    kubernetes.many_pods(250);
    let pods = job(&yaml, "pods");
    pods.run().await;
    let (failed, text) = outcome(&pods).await;
    assert_eq!(failed, None);
    for n in 0..5 {
        let loaded = format!(
            "checklist_pods{{check=\"pods\",target=\"k\",namespace=\"llm-orchestrator\",workload=\"load{n}\",phase=\"Running\"}} 50\n"
        );
        assert!(text.contains(&loaded), "pages of a list make one whole: {text}");
    }
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
    assert_eq!(reason(&yaml, "disk").await, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_logs_metadata_only_secrets_and_unusual_objects_are_handled() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    std::fs::write(folder.path().join("kubeconfig"), kubernetes.kubeconfig())?;
    let yaml = format!(
        "kubernetes:\n  - {{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], auditLogs: [{{selector: app=orchestrator}}], secrets: [{{name: jwt-secret}}, {{name: gone}}]}}\n",
        folder.path().join("kubeconfig").display()
    );
    // A log line of 50 MB, followed by audit lines that a later run finds.
    let now = jiff::Timestamp::now();
    let mut log = format!("{now} ").into_bytes();
    log.resize(50 * 1024 * 1024, b'x');
    log.extend_from_slice(format!("\n{now} AUDIT: late\n").as_bytes());
    kubernetes.log(Some(log));
    let logs = job(&yaml, "pod_logs");
    let (failure, page) = outcome(&logs).await;
    assert_eq!(failure, None);
    assert!(page.contains("selector=\"app=orchestrator\"} 0\n"), "{page}");
    assert!(!page.contains("checklist_audit_log_seen{"), "the rest may hold some: {page}");
    kubernetes.log(Some(format!("{} AUDIT: one\nno time\n\u{0}\n", jiff::Timestamp::now()).into_bytes()));
    let (_, page) = outcome(&logs).await;
    assert!(page.contains("checklist_audit_log_lines_total{check=\"pod_logs\",target=\"k\",namespace=\"llm-orchestrator\",selector=\"app=orchestrator\"} 3\n"), "{page}");
    let (_, page) = outcome(&logs).await;
    assert!(page.contains("selector=\"app=orchestrator\"} 3\n"), "what was read is not counted again: {page}");
    // A missing secret is a finding, not a failure. The request asks for metadata only, because the API would refuse
    // more.
    let (failure, page) = outcome(&job(&yaml, "secrets")).await;
    assert_eq!(failure, None);
    assert!(page.contains("secret=\"gone\"} 0\n") && !page.contains("bmV2ZXI"), "{page}");
    // Objects without any fields.
    let claims = format!("/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims");
    kubernetes.apply(
        &claims,
        serde_json::json!({"metadata": {"name": "odd"}, "spec": {"resources": {"requests": {"storage": "much"}}}}),
    );
    let (failure, page) = outcome(&job(&yaml, "pvc")).await;
    assert_eq!(failure, None);
    assert!(page.contains("persistentvolumeclaim=\"odd\"} 0\n"), "{page}");
    kubernetes.refuse(Some(403));
    for check in ["hpa", "pvc", "utilization", "pod_logs", "secrets"] {
        assert_eq!(reason(&yaml, check).await, Some(Reason::Permission), "{check}");
    }
    Ok(())
}
