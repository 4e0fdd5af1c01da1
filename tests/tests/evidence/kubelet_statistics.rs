//! Figures of kubelets and of the metrics API that are missing, old or of another node.

use crate::{api, kubernetes, ready_pod, verdicts};
use checklist::Verdict;
use serde_json::{Value, json};
use stack::checks::jobs;
use stack::http::{Server, response, serve};
use stack::peers::{Authority, acceptor};
use tempfile::TempDir;

/// Starts a kubelet that reports these volumes.
async fn kubelet(folder: &TempDir, volumes: Value) -> anyhow::Result<Server> {
    let tls = acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?.0;
    let summary = json!({"pods": [{"volume": volumes}, {"volume": null}]}).to_string();
    serve(Some(tls), move |_| {
        let summary = summary.clone();
        async move { response(200, "application/json", summary) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_are_old_zero_or_of_another_node_hide_no_full_volume() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let ago = |minutes: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes)).to_string();
    let volume = |name: &str, used: u64, free: u64, time: &str| json!({"pvcRef": {"namespace": "shop", "name": name}, "usedBytes": used, "availableBytes": free, "time": time});
    let first = json!([
        volume("shared", 95, 5, &ago(1)),
        volume("hangs", 5, 95, &ago(600)),
        volume("zero", 0, 0, &ago(0)),
        volume("fine", 5, 95, &ago(2)),
    ]);
    // The other node has mounted the shared volume too, and reports nothing about it, or less.
    let second = json!([{"pvcRef": {"namespace": "shop", "name": "shared"}}, volume("shared", 1, 99, &ago(1))]);
    let kubelets = [kubelet(&folder, first).await?, kubelet(&folder, second).await?];
    let nodes = kubelets.iter().zip(["n1", "n2"]).map(|(kubelet, name)| {
        json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}}}})
    });
    let nodes: Vec<Value> = nodes.collect();
    let lists = vec![("/api/v1/nodes", json!(nodes)), ("/api/v1/namespaces/shop/pods", json!([ready_pod("p")]))];
    let server = api(lists, &[]).await?;
    let yaml = kubernetes(&folder, &server, "shop")?.replace("]}\n", "], kubelet: {insecureSkipVerify: true}}\n");
    let jobs = jobs(&yaml)?;
    let (verdict, words) = &verdicts(&jobs).await["disk"];
    assert_eq!(*verdict, Verdict::Critical, "{words}");
    for part in ["shop/hangs: the figures of its kubelet are of", "shop/zero: its kubelet gives no figures", "95%"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("shop/shared: ") && !words.contains("shop/fine: "), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metrics_api_that_names_objects_without_their_usage_is_no_evidence() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let node = |name: &str, allocatable: Value| json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {"allocatable": allocatable}});
    let all = json!({"cpu": "4", "memory": "16Gi"});
    let used = |name: &str, usage: Value| json!({"metadata": {"name": name}, "usage": usage});
    let lists = vec![
        ("/api/v1/nodes", json!([node("n1", all.clone()), node("n2", all.clone()), node("n3", Value::Null)])),
        ("/api/v1/namespaces/shop/pods", json!([ready_pod("p")])),
        (
            "/apis/metrics.k8s.io/v1beta1/nodes",
            json!([used("n1", json!({})), used("n2", all.clone()), used("n3", all)]),
        ),
        (
            "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods",
            json!([{"metadata": {"name": "p"}, "containers": [{"name": "c", "usage": null}]}]),
        ),
    ];
    let server = api(lists, &[]).await?;
    let (verdict, words) = &verdicts(&jobs(&kubernetes(&folder, &server, "shop")?)?).await["utilization"];
    assert!(*verdict != Verdict::Passed, "{words}");
    for part in ["has no data for node n1", "node n3 does not say what it has", "has no data for pod shop/p"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    Ok(())
}
