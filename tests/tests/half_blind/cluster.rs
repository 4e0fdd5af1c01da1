//! Clusters with forbidden namespaces, lists, pages, secrets and logs, and with nodes that cannot be reached.
//!
//! On made-up lists: a real API server refuses no page after the first one, and its controllers correct the objects that
//! must be bad here. What a role refuses is tested on a real one in `cluster/rights.rs`.

use crate::Tried;
use serde_json::{Value, json};
use stack::kubernetes::lists::{api, kubelet, kubernetes, ready_pod};
use stack::process::free_port;
use tempfile::TempDir;

const PODS: &str = "/api/v1/namespaces/shop/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    a_forbidden_namespace(tried).await?;
    a_refused_list(tried).await?;
    an_unreachable_node(tried).await?;
    a_refused_secret_and_log(tried).await
}

/// A node whose kubelet is at this port.
fn node(name: &str, port: u16) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {
        "allocatable": {"cpu": "4", "memory": "16Gi"},
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
}

fn claim(name: &str, phase: &str) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {"phase": phase}})
}

fn autoscaler(able: &str) -> Value {
    json!({"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"maxReplicas": 3},
        "status": {"currentReplicas": 1, "desiredReplicas": 1, "conditions": [
            {"type": "AbleToScale", "status": able}, {"type": "ScalingActive", "status": able}]}})
}

/// A pod that waits for its image and whose container ended a moment ago.
fn bad_pod() -> Value {
    let ended = json!({"terminated": {"reason": "OOMKilled", "finishedAt": jiff::Timestamp::now().to_string()}});
    let waiting = json!({"waiting": {"reason": "ImagePullBackOff"}});
    json!({"metadata": {"name": "stuck", "resourceVersion": "1"}, "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Pending", "containerStatuses": [
            {"name": "c", "restartCount": 9, "state": waiting, "lastState": ended}]}})
}

async fn a_forbidden_namespace(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let kubelet = kubelet(folder.path(), json!([])).await?;
    let usage = |name: &str| json!({"metadata": {"name": name}, "usage": {"cpu": "1", "memory": "1Gi"}});
    for is_good in [true, false] {
        let pod = if is_good { ready_pod("fine") } else { bad_pod() };
        let objects = vec![
            ("/api/v1/nodes", json!([node("n1", kubelet.port)])),
            ("/apis/metrics.k8s.io/v1beta1/nodes", json!([usage("n1")])),
            ("/api/v1/namespaces/seen/pods", json!([pod])),
            (
                "/api/v1/namespaces/seen/persistentvolumeclaims",
                json!([claim("data", if is_good { "Bound" } else { "Pending" })]),
            ),
            (
                "/apis/autoscaling/v2/namespaces/seen/horizontalpodautoscalers",
                json!([autoscaler(if is_good { "True" } else { "False" })]),
            ),
        ];
        let refused = &[
            "/api/v1/namespaces/hidden/",
            "/apis/apps/v1/namespaces/hidden/",
            "/apis/batch/v1/namespaces/hidden/",
            "/apis/autoscaling/v2/namespaces/hidden/",
            "/apis/metrics.k8s.io/v1beta1/namespaces/hidden/",
        ];
        let server = api(objects, refused).await?;
        let yaml = kubernetes(folder.path(), &server, "seen, hidden")?;
        let yaml = yaml.replace("]}\n", "], kubelet: {insecureSkipVerify: true}}\n");
        let gap = "namespace hidden: ";
        for (check, finding) in [
            ("pods", "stuck"),
            ("restarts", "OOMKilled"),
            ("hpa", "seen"),
            ("pvc", "data"),
            ("disk", ""),
            ("utilization", ""),
        ] {
            if is_good {
                tried.cannot_tell(&yaml, check, &[gap]).await?;
            } else if !finding.is_empty() {
                tried.finds(&yaml, check, &[gap, finding]).await?;
            }
        }
    }
    Ok(())
}

/// A right that is missing for one kind of object, and a list whose second page is refused.
async fn a_refused_list(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let down = json!({"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, "readyReplicas": 0}});
    for (pods, deployments, refused, finding) in [
        (ready_pod("fine"), json!([]), &[DEPLOYMENTS][..], ""),
        (bad_pod(), json!([]), &[DEPLOYMENTS], "stuck"),
        (bad_pod(), json!([]), &["/api/v1/namespaces/shop/services"], "stuck"),
        (bad_pod(), json!([]), &["/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"], "stuck"),
        (bad_pod(), json!([]), &["/apis/batch/v1/namespaces/shop/cronjobs"], "stuck"),
        (ready_pod("fine"), json!([down]), &[PODS], "web"),
        (ready_pod("fine"), json!([down]), &[DEPLOYMENTS, PODS], ""),
        (ready_pod("fine"), json!([]), &["/api/v1/namespaces/shop/pods?continue"], ""),
    ] {
        let server = api(vec![(PODS, json!([pods])), (DEPLOYMENTS, deployments)], refused).await?;
        let yaml = kubernetes(folder.path(), &server, "shop")?;
        let paths = refused.iter().map(|path| path.trim_end_matches("?continue"));
        let mut words: Vec<&str> = paths.chain(["namespace shop: "]).collect();
        if finding.is_empty() {
            tried.cannot_tell(&yaml, "pods", &words).await?;
        } else {
            words.push(finding);
            tried.finds(&yaml, "pods", &words).await?;
        }
    }
    Ok(())
}

async fn an_unreachable_node(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let usage = |name: &str, memory: &str| {
        json!({"metadata": {"name": name}, "usage": {"cpu": "1", "memory": memory},
            "containers": [{"name": "c", "usage": {"cpu": "1", "memory": memory}}]})
    };
    for is_good in [true, false] {
        let (used, memory) = if is_good { (5, "1Gi") } else { (95, "15500Mi") };
        let volume =
            json!([{"pvcRef": {"namespace": "shop", "name": "data"}, "usedBytes": used, "availableBytes": 100 - used}]);
        let kubelet = kubelet(folder.path(), volume).await?;
        let mut unmeasured = ready_pod("unmeasured");
        unmeasured["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        let objects = |metrics: Value| -> anyhow::Result<_> {
            Ok(vec![
                ("/api/v1/nodes", json!([node("n1", kubelet.port), node("dead", free_port()?)])),
                ("/api/v1/namespaces/shop/pods", json!([ready_pod("fine"), unmeasured.clone()])),
                ("/apis/metrics.k8s.io/v1beta1/nodes", metrics),
                ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", json!([usage("fine", "1Gi")])),
            ])
        };
        let server = api(objects(json!([usage("n1", memory)]))?, &[]).await?;
        let yaml = kubernetes(folder.path(), &server, "shop")?;
        let yaml = yaml.replace("]}\n", "], kubelet: {insecureSkipVerify: true}}\n");
        let (disk, utilization) = (["node dead: "], ["for node dead", "for pod shop/unmeasured"]);
        if is_good {
            tried.cannot_tell(&yaml, "disk", &disk).await?;
            tried.cannot_tell(&yaml, "utilization", &utilization).await?;
        } else {
            tried.finds(&yaml, "disk", &[&disk[..], &["data"]].concat()).await?;
            tried.finds(&yaml, "utilization", &[&utilization[..], &["n1"]].concat()).await?;
        }
    }
    // Rights on the metrics of pods, but not on those of nodes.
    let mut limited = ready_pod("busy");
    limited["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "2", "memory": "1Gi"}});
    let objects = vec![
        ("/api/v1/namespaces/shop/pods", json!([limited])),
        ("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", json!([usage("busy", "1020Mi")])),
    ];
    for path in ["/apis/metrics.k8s.io/v1beta1/nodes", "/api/v1/nodes"] {
        let refused: &'static [&'static str] =
            if path.starts_with("/api/") { &["/api/v1/nodes"] } else { &["/apis/metrics.k8s.io/v1beta1/nodes"] };
        let server = api(objects.clone(), refused).await?;
        let yaml = kubernetes(folder.path(), &server, "shop")?;
        tried.finds(&yaml, "utilization", &[path, "busy"]).await?;
    }
    Ok(())
}

async fn a_refused_secret_and_log(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let now = jiff::Timestamp::now();
    let refused = &["/api/v1/namespaces/shop/secrets/hidden", "/api/v1/namespaces/shop/pods/mute/log"];
    for is_good in [true, false] {
        let made = if is_good { now.to_string() } else { "2020-01-01T00:00:00Z".to_owned() };
        let line = if is_good { format!("{now} AUDIT: login\n") } else { String::new() };
        let pods = if is_good { json!([ready_pod("web"), ready_pod("mute")]) } else { json!([ready_pod("web")]) };
        let objects = vec![
            ("/api/v1/namespaces/shop/secrets/key", json!({"metadata": {"name": "key", "creationTimestamp": made}})),
            ("/api/v1/namespaces/shop/pods?labelSelector", pods),
            ("/api/v1/namespaces/shop/pods/web/log", json!(line)),
        ];
        let server = api(objects, refused).await?;
        let with = |more: &str| {
            anyhow::Ok(kubernetes(folder.path(), &server, "shop, other")?.replace("]}\n", &format!("], {more}}}\n")))
        };
        let secrets = with("secrets: [{name: hidden, namespace: shop}, {name: key, namespace: shop}]")?;
        // The second group is in a namespace whose pods may not be listed.
        let logs = with("auditLogs: [{selector: app=web, namespace: shop}]")?;
        if is_good {
            tried.cannot_tell(&secrets, "secrets", &["secret shop/hidden: "]).await?;
            tried.cannot_tell(&logs, "pod_logs", &["log of shop/mute/c: "]).await?;
        } else {
            tried.finds(&secrets, "secrets", &["secret shop/hidden: ", "key"]).await?;
        }
    }
    // One group of pods is silent, and the pods of the other may not be listed.
    let objects = vec![
        ("/api/v1/namespaces/shop/pods?labelSelector", json!([ready_pod("web")])),
        ("/api/v1/namespaces/shop/pods/web/log", json!("")),
    ];
    let server = api(objects, &["/api/v1/namespaces/other/pods"]).await?;
    let logs = "auditLogs: [{selector: app=web, namespace: shop}, {selector: app=api, namespace: other}]";
    let yaml = kubernetes(folder.path(), &server, "shop, other")?.replace("]}\n", &format!("], {logs}}}\n"));
    tried.finds(&yaml, "pod_logs", &["pods app=api of other: ", "app=web"]).await
}
