//! Namespaces that are empty, being deleted or missing, beside one that is well.

use crate::{check, judged};
use checklist::Verdict;
use serde_json::json;
use stack::cluster::Cluster;
use stack::waiting::eventually;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_namespace_without_objects_is_named_with_the_reason_and_the_others_are_kept() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let full = cluster.namespace("full").await?;
    cluster.apply(
        &full,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: x}]}\n",
    )?;
    let pod = format!("/api/v1/namespaces/{full}/pods/web");
    eventually("the pod runs", || async { Ok(api.get(&pod).await?["status"]["phase"] == "Running") }).await?;
    let empty = cluster.namespace("empty").await?;
    // An object that must not go yet keeps its namespace in the state Terminating.
    let leaving = cluster.namespace("leaving").await?;
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["example.com/held"]}});
    api.create(&format!("/api/v1/namespaces/{leaving}/configmaps"), &object).await?;
    cluster.remove(&leaving).await?;
    let pods = async |namespaces: &[&str], more: &str| -> anyhow::Result<(Verdict, String)> {
        Ok(judged(&*check(cluster, namespaces, more, "pods")?).await)
    };
    for (namespace, why) in [
        (empty.as_str(), "contains no workloads and no pods"),
        (leaving.as_str(), "the namespace is being deleted"),
        ("never-made", "the namespace does not exist"),
    ] {
        let (verdict, words) = pods(&[&full, namespace], "").await?;
        assert_ne!(verdict, Verdict::Passed, "{words}");
        assert!(words.contains(namespace) && words.contains(why) && words.contains("1 pod"), "{words}");
    }
    let (verdict, words) = pods(&[&full, &empty], ", mayBeEmpty: true").await?;
    assert_eq!(verdict, Verdict::Passed, "{words}");
    let (verdict, words) = pods(&[&full, "never-made"], ", mayBeEmpty: true").await?;
    assert!(verdict != Verdict::Passed && words.contains("does not exist"), "{words}");
    for id in ["pods", "restarts", "hpa", "pvc", "disk"] {
        let (verdict, words) = judged(&*check(cluster, &[&empty], "", id)?).await;
        assert!(verdict == Verdict::CannotTell && words.contains(&format!("namespace {empty}")), "{id}: {words}");
    }
    let freed = json!({"metadata": {"finalizers": null}});
    api.patch(&format!("/api/v1/namespaces/{leaving}/configmaps/held"), &freed).await?;
    cluster.remove(&empty).await?;
    cluster.remove(&full).await
}
