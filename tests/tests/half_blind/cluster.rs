//! Clusters with a list of which a page is refused, and with a node that cannot be reached.
//!
//! On made-up lists: a real API server refuses a list as a whole, and all tests share the nodes of the real control
//! plane, where the figures of kubelets and of the metrics API would be made up too. What a role refuses is tested on it
//! in `cluster/half_blind.rs`.

use crate::Tried;
use serde_json::{Value, json};
use stack::kubernetes::lists::{api, kubelet, kubernetes, ready_pod};
use stack::process::free_port;
use tempfile::TempDir;

const PODS: &str = "/api/v1/namespaces/shop/pods";

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    a_refused_page(tried).await?;
    an_unreachable_node(tried).await
}

/// A node whose kubelet is at this port.
fn node(name: &str, port: u16) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": "1"}, "status": {
        "allocatable": {"cpu": "4", "memory": "16Gi"},
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})
}

/// A list whose second page is refused.
async fn a_refused_page(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = api(vec![(PODS, json!([ready_pod("fine")]))], &[PODS]).await?;
    let yaml = kubernetes(folder.path(), &server, "shop")?;
    tried.cannot_tell(&yaml, "pods", &[PODS, "namespace shop: "]).await
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
    Ok(())
}
