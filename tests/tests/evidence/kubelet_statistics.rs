//! Figures of kubelets and of the metrics API that are missing, old or of another node.
//!
//! On made-up lists: the kubelets of the real control plane run no containers and measure nothing, so their figures
//! would be made up too, and a node that cannot be asked would fail the checks of all tests that share its nodes.

use crate::verdicts;
use checklist::Verdict;
use serde_json::{Value, json};
use stack::checks::jobs;
use stack::kubernetes::lists::{api, kubelet, kubernetes, ready_pod};
use tempfile::TempDir;

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
        volume("ahead", 5, 95, &ago(-600)),
    ]);
    // The other node has mounted the shared volume too, and reports nothing about it, or less.
    let second = json!([{"pvcRef": {"namespace": "shop", "name": "shared"}}, volume("shared", 1, 99, &ago(1))]);
    let kubelets = [kubelet(folder.path(), first).await?, kubelet(folder.path(), second).await?];
    let nodes = kubelets.iter().zip(["n1", "n2"]).map(|(kubelet, name)| {
        json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}}}})
    });
    let nodes: Vec<Value> = nodes.collect();
    let lists = vec![("/api/v1/nodes", json!(nodes)), ("/api/v1/namespaces/shop/pods", json!([ready_pod("p")]))];
    let server = api(lists, &[]).await?;
    let yaml = kubernetes(folder.path(), &server, "shop")?.replace("]}\n", "], kubelet: {insecureSkipVerify: true}}\n");
    let jobs = jobs(&yaml)?;
    let (verdict, words) = &verdicts(&jobs).await["disk"];
    assert_eq!(*verdict, Verdict::Critical, "{words}");
    for part in [
        "shop/hangs: the figures of its kubelet are of",
        "shop/ahead: the figures of its kubelet are of",
        "shop/zero: its kubelet gives no figures",
        "95%",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("shop/shared: ") && !words.contains("shop/fine: "), "{words}");
    Ok(())
}

/// A node of this name whose kubelet is at this address.
fn node(name: &str, addresses: &Value, port: u16) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "1"},
        "status": {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_cannot_be_asked_are_named_and_hide_no_full_volume() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let full = json!([{"pvcRef": {"namespace": "shop", "name": "data"}, "usedBytes": 95, "availableBytes": 5}]);
    let local = || json!([{"type": "InternalIP", "address": "127.0.0.1"}]);
    let kubelet = kubelet(folder.path(), full).await?;
    let seen = node("n1", &local(), kubelet.port);
    let dead = node("n2", &local(), stack::process::free_port()?);
    let without_address = node("n3", &json!([{"type": "Hostname", "address": "n3"}]), 10250);
    let user = |name: &str, claim: &str, node: &str| {
        let mut pod = ready_pod(name);
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]);
        pod
    };
    let claim = |name: &str| json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {"phase": "Bound"}});
    let lists = vec![
        ("/api/v1/nodes", json!([seen.clone(), dead, without_address])),
        ("/api/v1/nodes?labelSelector", json!([seen])),
        (
            "/api/v1/namespaces/shop/pods",
            json!([user("p1", "data", "n1"), user("p2", "mute", "n1"), user("p3", "far", "n2")]),
        ),
        (
            "/api/v1/namespaces/shop/persistentvolumeclaims",
            json!([claim("data"), claim("mute"), claim("far"), claim("idle")]),
        ),
    ];
    let server = api(lists, &[]).await?;
    let yaml = kubernetes(folder.path(), &server, "shop")?;
    let with = |more: &str| yaml.replace("]}\n", &format!("], kubelet: {{insecureSkipVerify: true{more}}}}}\n"));
    let (verdict, words) = &verdicts(&jobs(&with(""))?).await["disk"];
    assert_eq!(*verdict, Verdict::Critical, "{words}");
    for part in [
        "node n2: ",
        "node n3: the node has no InternalIP",
        "shop/mute: a running pod uses it",
        "shop/far: ",
        "1 claim in shop are bound",
        "95%",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // The others are left out on purpose, and what they mount with them.
    let (verdict, words) = &verdicts(&jobs(&with(", nodeSelector: disk=local"))?).await["disk"];
    assert_eq!(*verdict, Verdict::Critical, "{words}");
    for part in [
        "shop/mute: a running pod uses it",
        "1 claim in shop are mounted on nodes that kubelet.nodeSelector leaves out",
        "95%",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("node n2") && !words.contains("node n3") && !words.contains("shop/far"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metrics_api_that_names_objects_without_their_usage_is_no_evidence() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let node = |name: &str, allocatable: Value| json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {"allocatable": allocatable}});
    let all = json!({"cpu": "4", "memory": "16Gi"});
    let used = |name: &str, usage: Value| json!({"metadata": {"name": name}, "usage": usage});
    let mut old = used("n4", all.clone());
    old["timestamp"] = json!("2026-01-01T00:00:00Z");
    let lists = vec![
        (
            "/api/v1/nodes",
            json!([node("n1", all.clone()), node("n2", all.clone()), node("n3", Value::Null), node("n4", all.clone())]),
        ),
        ("/api/v1/namespaces/shop/pods", json!([ready_pod("p"), ready_pod("q")])),
        (
            "/apis/metrics.k8s.io/v1beta1/nodes",
            json!([used("n1", json!({})), used("n2", all.clone()), used("n3", all), old]),
        ),
        (
            "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods",
            json!([{"metadata": {"name": "p"}, "containers": [{"name": "c", "usage": null}]},
                {"metadata": {"name": "q"}, "containers": null}]),
        ),
    ];
    let server = api(lists, &[]).await?;
    let (verdict, words) = &verdicts(&jobs(&kubernetes(folder.path(), &server, "shop")?)?).await["utilization"];
    assert!(*verdict != Verdict::Passed, "{words}");
    for part in [
        "has no data for node n1",
        "node n3 does not say what it has",
        "for node n4 are of 2026-01-01",
        "has no data for pod shop/p",
        "has no data for pod shop/q",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    Ok(())
}
