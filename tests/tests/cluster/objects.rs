//! The deployment on a real API server with the restricted pod security profile: its objects are accepted, its pods are
//! admitted and scheduled, and it can be upgraded and removed.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster, printed};
use stack::waiting::eventually;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::sync::{Mutex, MutexGuard};

/// The namespace of the example configuration.
const NAMESPACE: &str = "llm-orchestrator";

/// Locks the namespace of the example, which only one test can use at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Creates the namespace with the restricted profile, a volume for the records, and the operator's custom resource
/// definitions.
async fn prepare(cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    cluster.define_operator_kinds().await?;
    let levels =
        ["enforce", "warn", "audit"].map(|mode| (format!("pod-security.kubernetes.io/{mode}"), json!("restricted")));
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": serde_json::Map::from_iter(levels)}});
    eventually("the namespace of before is gone", || async {
        Ok(api.create("/api/v1/namespaces", &namespace).await.is_ok())
    })
    .await?;
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"generateName": "records-"},
        "spec": {"capacity": {"storage": "100Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "hostPath": {"path": "/nowhere"}}});
    api.create("/api/v1/persistentvolumes", &volume).await?;
    Ok(())
}

async fn clear(cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    cluster.remove(NAMESPACE).await?;
    eventually("the namespace is gone", || async {
        Ok(api.get(&format!("/api/v1/namespaces/{NAMESPACE}")).await.is_err())
    })
    .await
}

/// Waits until the exporter's pods are ready, and a pod of each scheduled job is.
async fn runs(cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/checklist-exporter");
    eventually("both replicas are ready", || async {
        let deployment = api.get(&path).await?;
        Ok(deployment["status"]["readyReplicas"] == 2)
    })
    .await?;
    let jobs = api.names(&format!("/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs")).await?;
    ensure!(!jobs.is_empty(), "there are no scheduled jobs");
    for job in &jobs {
        let mut command = cluster.kubectl()?;
        command.args(["create", "job", "--namespace", NAMESPACE, &format!("--from=cronjob/{job}"), job]);
        printed(&command.output()?)?;
    }
    eventually("a pod of each job is ready", || async {
        let list = api.get(&format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs")).await?;
        let list = list["items"].as_array().context("jobs")?.clone();
        Ok(list.len() == jobs.len() && list.iter().all(|job| job["status"]["ready"] == 1))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_cluster, has_operator)),
    ignore = "no kube-apiserver or no definitions of prometheus-operator (make parts)"
)]
async fn all_kustomize_objects_are_accepted_without_a_warning_and_run() -> anyhow::Result<()> {
    let _alone = alone().await;
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    prepare(cluster, &api).await?;
    for overlay in ["sharded", "example"] {
        let mut command = cluster.kubectl()?;
        let objects =
            printed(&command.arg("kustomize").arg(deploy().join("kustomize/overlays").join(overlay)).output()?)?;
        let file = cluster.folder().join(format!("{overlay}.yaml"));
        std::fs::write(&file, objects)?;
        let mut command = cluster.kubectl()?;
        command.args(["apply", "--server-side", "--dry-run=server", "--validate=strict"]);
        let output = command.args(["--namespace", NAMESPACE, "--filename"]).arg(&file).output()?;
        let accepted = printed(&output)?;
        ensure!(accepted.lines().count() > 15, "{accepted}");
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(messages.trim().is_empty(), "{overlay}: {messages}");
    }
    cluster.apply(NAMESPACE, &std::fs::read_to_string(cluster.folder().join("example.yaml"))?)?;
    runs(cluster, &api).await?;
    // The restricted profile is enforced: an ordinary pod is refused.
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ordinary"},
        "spec": {"containers": [{"name": "main", "image": "x"}]}});
    let refused = api.create(&format!("/api/v1/namespaces/{NAMESPACE}/pods"), &pod).await;
    ensure!(
        refused.err().is_some_and(|error| error.to_string().contains("PodSecurity")),
        "an ordinary pod is admitted"
    );
    let mut command = cluster.kubectl()?;
    command.args(["delete", "--namespace", NAMESPACE, "--filename"]).arg(cluster.folder().join("example.yaml"));
    printed(&command.output()?)?;
    clear(cluster, &api).await
}

/// Copies the chart into a folder, with the generated files inside, and returns its path.
fn chart(folder: &Path) -> anyhow::Result<PathBuf> {
    let chart = folder.join("ops-checklist");
    for (from, to) in [
        ("helm/ops-checklist", chart.clone()),
        ("generated", chart.join("generated")),
        ("../dashboards", chart.join("generated/dashboards")),
    ] {
        printed(&Command::new("cp").arg("-r").arg(deploy().join(from)).arg(to).output()?)?;
    }
    Ok(chart)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_cluster, has_operator, has_helm)),
    ignore = "no kube-apiserver, helm or definitions of prometheus-operator (make parts)"
)]
async fn the_chart_is_installed_upgraded_and_removed_completely() -> anyhow::Result<()> {
    let _alone = alone().await;
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    prepare(cluster, &api).await?;
    let folder = tempfile::tempdir()?;
    let chart = chart(folder.path())?;
    let helm = |arguments: &[&str]| -> anyhow::Result<String> {
        let mut command = Command::new(stack::parts::program("helm")?);
        command.args(arguments).args(["--namespace", NAMESPACE]).env("KUBECONFIG", cluster.admin_kubeconfig());
        command.env("HOME", folder.path());
        printed(&command.output()?).with_context(|| format!("helm {arguments:?}"))
    };
    let chart = chart.display().to_string();
    helm(&["install", "checklist", &chart, "--wait", "--timeout", "2m"])?;
    runs(cluster, &api).await?;
    helm(&["upgrade", "checklist", &chart, "--set", "replicas=1", "--wait", "--timeout", "2m"])?;
    let manifest = helm(&["get", "manifest", "checklist"])?;
    helm(&["uninstall", "checklist", "--wait", "--timeout", "2m"])?;
    let documents: Vec<Option<Value>> = serde_yaml::from_multiple(&manifest)?;
    let mut gone = 0;
    for object in documents.into_iter().flatten() {
        let (Some(kind), Some(name)) = (object["kind"].as_str(), object["metadata"]["name"].as_str()) else { continue };
        let mut command = cluster.kubectl()?;
        let left =
            command.args(["get", kind, name, "--namespace", NAMESPACE, "--ignore-not-found", "-o", "name"]).output()?;
        let left = printed(&left)?;
        ensure!(left.is_empty() || kind == "PersistentVolumeClaim", "{left} is left");
        gone += 1;
    }
    ensure!(gone > 15, "only {gone} objects were installed");
    clear(cluster, &api).await
}

#[test]
#[cfg_attr(not(has_helm), ignore = "no helm (make parts)")]
fn helm_lint_reports_nothing_about_the_chart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let chart = chart(folder.path())?;
    let helm = |arguments: &[&str]| {
        Command::new(stack::parts::program("helm")?).args(arguments).arg(&chart).output().context("helm")
    };
    printed(&helm(&["lint", "--strict"])?)?;
    // Without the generated folder, the chart fails with instructions.
    std::fs::remove_dir_all(chart.join("generated"))?;
    let output = helm(&["template", "checklist"])?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && error.contains("rules-gen generate --config"), "{error}");
    Ok(())
}
