//! Watches on a real Kubernetes: an API server that restarts without its history, rotated tokens, 429, a cluster without
//! controllers or without a metrics API, and many pods that are created and deleted. Each test has its own cluster.

use checklist::Verdict;
use exporter::run::time::unix_now;
use futures::{StreamExt, TryStreamExt};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster};
use stack::http::{is_up, request};
use stack::parts::Part;
use stack::process::{Process, free_port};
use stack::stack::program;
use stack::waiting::eventually;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// A namespace with pods that an exporter counts.
struct World {
    exporter: Process,
    port: u16,
    namespace: String,
    folder: TempDir,
}

impl World {
    /// Starts the exporter. Its token is read from the file `token`.
    async fn start(cluster: &Cluster, interval: &str) -> anyhow::Result<Self> {
        let namespace = cluster.namespace("life").await?;
        let administrator = cluster.administrator(&namespace).await?;
        let folder = tempfile::Builder::new().prefix("checklist-life").tempdir()?;
        let token = folder.path().join("token");
        std::fs::write(&token, administrator)?;
        std::fs::write(folder.path().join("kubeconfig"), cluster.kubeconfig_with_file(&token))?;
        let text = format!(
            "kubernetes: [{{name: stack, kubeconfig: {0}/kubeconfig, namespaces: [{namespace}], kubelet: {{caFile: {1}}}}}]\n\
             checks: {{pods: {{interval: {interval}, series: 2000}}, utilization: {{interval: {interval}}}}}\n",
            folder.path().display(),
            cluster.ca_file().display()
        );
        std::fs::write(folder.path().join("checklist.yaml"), text)?;
        let port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(folder.path().join("checklist.yaml"));
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        let mut exporter = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        exporter.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await }).await?;
        Ok(Self { exporter, port, namespace, folder })
    }

    async fn metrics(&self) -> anyhow::Result<String> {
        let (status, body) = request(&format!("http://127.0.0.1:{}/metrics", self.port), None, &[]).await?;
        let page = String::from_utf8(body.to_vec())?;
        anyhow::ensure!(status == 200, "{status} {page}");
        Ok(page)
    }

    /// Returns the value of the first series whose line begins like this.
    async fn value(&self, begin: &str) -> anyhow::Result<Option<f64>> {
        let page = self.metrics().await?;
        Ok(page.lines().find_map(|line| line.strip_prefix(begin)?.trim().parse().ok()))
    }

    /// Returns the number of pods of a workload, in all phases.
    async fn pods(&self, workload: &str) -> anyhow::Result<u64> {
        let page = self.metrics().await?;
        let of_it = format!("workload=\"{workload}\"");
        let lines = page.lines().filter(|line| line.starts_with("checklist_pods{") && line.contains(&of_it));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    async fn succeeds(&self, check: &str) -> anyhow::Result<bool> {
        let line = format!("checklist_probe_success{{check=\"{check}\",target=\"stack\"}}");
        Ok(self.value(&line).await? == Some(1.0))
    }
}

fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, \
         template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: main, image: x, \
         resources: {{limits: {{cpu: 10m, memory: 8Mi}}}}}}]}}}}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn an_api_server_that_restarts_without_its_history_loses_nothing() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let api = cluster.admin().await?;
    let world = World::start(&cluster, "3s").await?;
    cluster.apply(&world.namespace, &deployment("app", 3))?;
    eventually("three pods are counted", || async { Ok(world.pods("app").await? == 3) }).await?;
    for replicas in [5, 2] {
        // When it stops, the server waits for open watches longer than the test may take.
        cluster.server.stop();
        // Removes the history that the exporter's watches would continue from.
        let range = format!("{}/v3/kv/range", cluster.etcd.address());
        let (_, response) = request(&range, Some(r#"{"key": "AA=="}"#), &[]).await?;
        let response: Value = serde_json::from_slice(&response)?;
        let compact = json!({"revision": response["header"]["revision"], "physical": true}).to_string();
        let compaction = format!("{}/v3/kv/compaction", cluster.etcd.address());
        let (status, response) = request(&compaction, Some(&compact), &[]).await?;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&response));
        cluster.server.start().await?;
        let path = format!("/api/v1/namespaces/{}/pods?watch=1&resourceVersion=1&timeoutSeconds=5", world.namespace);
        let (status, printed) = api.request("GET", &path, "application/json", Vec::new()).await?;
        let first: Value = serde_json::from_str(printed.lines().next().unwrap_or_default())?;
        assert_eq!(
            (status, &first["type"], &first["object"]["code"]),
            (200, &json!("ERROR"), &json!(410)),
            "{printed}"
        );
        cluster.apply(&world.namespace, &deployment("app", replicas))?;
        eventually("the pods are counted again", || async { Ok(world.pods("app").await? == u64::from(replicas)) })
            .await?;
        for check in ["pods", "utilization"] {
            eventually("the check succeeds", || world.succeeds(check)).await?;
        }
    }
    assert!(!world.exporter.log().contains("panicked"), "{}", world.exporter.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_cluster_restored_from_a_backup_without_controllers_is_reported_in_its_current_state() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let world = World::start(&cluster, "3s").await?;
    cluster.apply(&world.namespace, &deployment("app", 3))?;
    eventually("three pods are counted", || async { Ok(world.pods("app").await? == 3) }).await?;
    let (data, backup) = (cluster.folder().join("etcd"), cluster.folder().join("backup"));
    cluster.server.stop();
    cluster.etcd.stop();
    stack::cluster::printed(&Command::new("cp").arg("-r").args([&data, &backup]).output()?)?;
    cluster.etcd.start().await?;
    cluster.server.start().await?;
    cluster.apply(&world.namespace, &deployment("app", 40))?;
    eventually("forty pods are counted", || async { Ok(world.pods("app").await? == 40) }).await?;
    // The exporter has seen versions that are higher than all versions in the restored backup.
    for part in
        [&mut cluster.kwok, &mut cluster.scheduler, &mut cluster.controllers, &mut cluster.server, &mut cluster.etcd]
    {
        part.stop();
    }
    std::fs::remove_dir_all(&data)?;
    std::fs::rename(&backup, &data)?;
    cluster.etcd.start().await?;
    cluster.server.start().await?;
    eventually("three pods are counted again", || async { Ok(world.pods("app").await? == 3) }).await?;
    eventually("the check succeeds", || world.succeeds("pods")).await?;
    // No controller runs that would look at a change.
    cluster.apply(&world.namespace, &deployment("app", 4))?;
    let unseen = "checklist_check_unseen{check=\"pods\",target=\"stack\",object=\"workload\",reason=\"not_found\"}";
    eventually(unseen, || async { Ok(world.value(unseen).await? == Some(1.0)) }).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn requests_to_an_overloaded_api_server_and_a_missing_metrics_api_are_reported() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let api = cluster.admin().await?;
    let world = World::start(&cluster, "3s").await?;
    cluster.apply(&world.namespace, &deployment("app", 3))?;
    eventually("three pods are counted", || async { Ok(world.pods("app").await? == 3) }).await?;
    // The exporter's account gets a small share of the API server's capacity, which other requests use up.
    let group = "/apis/flowcontrol.apiserver.k8s.io/v1";
    let level = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration", "metadata": {"name": "none"},
        "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "lendablePercent": 0, "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Reject"}}}});
    let account =
        json!({"kind": "ServiceAccount", "serviceAccount": {"name": "default", "namespace": world.namespace}});
    let rule =
        json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]});
    let schema = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": "none"},
        "spec": {"matchingPrecedence": 2, "priorityLevelConfiguration": {"name": "none"},
            "rules": [{"subjects": [account], "resourceRules": [rule]}]}});
    api.create(&format!("{group}/prioritylevelconfigurations"), &level).await?;
    api.create(&format!("{group}/flowschemas"), &schema).await?;
    let crowd = Api::new(&cluster.kubeconfig(&cluster.token(&world.namespace, "default").await?)).await?;
    let path = format!("/api/v1/namespaces/{}/pods", world.namespace);
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (crowd, path) = (crowd.clone(), path.clone());
        others.spawn(async move {
            // Most requests are refused.
            loop {
                let _ = crowd.request("GET", &path, "application/json", Vec::new()).await;
            }
        });
    }
    eventually("the check says that it cannot look", || async { Ok(!world.succeeds("utilization").await?) }).await?;
    let messages = "checklist_probe_failures_total{check=\"utilization\",target=\"stack\",reason=\"protocol\"}";
    eventually(messages, || async { Ok(world.value(messages).await? >= Some(1.0)) }).await?;
    eventually("the log reports 429", || async { Ok(world.exporter.log().contains("429")) }).await?;
    others.shutdown().await;
    cluster.apply(&world.namespace, &deployment("app", 4))?;
    eventually("the check looks again", || world.succeeds("utilization")).await?;
    eventually("four pods are counted", || async { Ok(world.pods("app").await? == 4) }).await?;
    // The same check in a cluster without a metrics API, which says what to do.
    api.delete("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io").await?;
    let yaml = format!(
        "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{}]}}]\n",
        cluster.admin_kubeconfig().display(),
        world.namespace
    );
    let utilization = stack::checks::job(&yaml, "utilization")?;
    eventually("the check says that there is no metrics API", || async {
        utilization.run().await;
        let state = utilization.state();
        let why = state.why();
        let says = why.contains("no metrics API") && why.contains("`skip: [utilization]`");
        Ok(says && state.verdict(unix_now()) == Verdict::CannotTell)
    })
    .await?;
    eventually("the pods are still judged", || world.succeeds("pods")).await
}

fn put(folder: &Path, token: &str) -> anyhow::Result<()> {
    // Replaces the file atomically, as the kubelet does.
    std::fs::write(folder.join("token.new"), token)?;
    Ok(std::fs::rename(folder.join("token.new"), folder.join("token"))?)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_rotated_token_is_used_when_the_old_one_is_revoked() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let api = cluster.admin().await?;
    let world = World::start(&cluster, "3s").await?;
    cluster.apply(&world.namespace, &deployment("app", 3))?;
    // The first token has been used before it is replaced.
    eventually("three pods are counted", || async { Ok(world.pods("app").await? == 3) }).await?;
    put(world.folder.path(), &cluster.token_of_secret(&world.namespace, "first").await?)?;
    let first = "/api/v1/namespaces/NS/secrets/first".replace("NS", &world.namespace);
    let used = |secret: &'static str| {
        let (cluster, namespace) = (&cluster, &world.namespace);
        async move {
            let events = cluster.audit(namespace, "default")?;
            let of_it = |event: &&Value| {
                event["user"]["extra"]["authentication.kubernetes.io/credential-id"].is_array()
                    && event["responseStatus"]["code"] == 200
            };
            let ids: std::collections::BTreeSet<String> = events
                .iter()
                .filter(of_it)
                .map(|event| event["user"]["extra"]["authentication.kubernetes.io/credential-id"].to_string())
                .collect();
            // The exporter's first token, and then one for each secret.
            anyhow::Ok(ids.len() >= if secret == "first" { 2 } else { 3 })
        }
    };
    eventually("the first token is used", || used("first")).await?;
    put(world.folder.path(), &cluster.token_of_secret(&world.namespace, "second").await?)?;
    api.delete(&first).await?;
    eventually("the second token is used", || used("second")).await?;
    cluster.apply(&world.namespace, &deployment("app", 5))?;
    eventually("five pods are counted", || async { Ok(world.pods("app").await? == 5) }).await?;
    for check in ["pods", "utilization"] {
        eventually("the check succeeds", || world.succeeds(check)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn five_thousand_created_and_deleted_pods_are_counted_exactly() -> anyhow::Result<()> {
    const PODS: usize = 5_000;
    let cluster = Cluster::start().await?;
    let api = cluster.admin().await?;
    // One run counts all pods, which may take most of the interval.
    let world = World::start(&cluster, "10s").await?;
    cluster.apply(&world.namespace, &deployment("app", 2))?;
    let core = format!("/api/v1/namespaces/{}", world.namespace);
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "load"}});
    let owner = api.create(&format!("{core}/configmaps"), &owner).await?;
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "load", "uid": owner["metadata"]["uid"]}]);
    // No scheduler has this name, so the pods stay pending.
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "load-", "labels": {"load": "many"}, "ownerReferences": owner},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "x"}]}});
    let path = format!("{core}/pods");
    let made = futures::stream::iter(0..PODS).map(|_| api.create(&path, &pod)).buffer_unordered(64);
    made.try_for_each(|_| async { Ok(()) }).await?;
    let begun = Instant::now();
    let counted = eventually("every pod is counted", || async { Ok(world.pods("load").await? == PODS as u64) }).await;
    if let Err(error) = counted {
        anyhow::bail!("{error}: {} of them; {}", world.pods("load").await?, world.exporter.log());
    }
    let seen = begun.elapsed();
    // More pods are not ready than the check may expose; the other series are complete.
    eventually("what is ready is reported beside them", || async {
        let ready = format!("checklist_workload_replicas_ready{{check=\"pods\",target=\"stack\",namespace=\"{}\",kind=\"Deployment\",workload=\"app\"}}", world.namespace);
        Ok(world.value(&ready).await? == Some(2.0) && world.pods("app").await? == 2)
    })
    .await?;
    // Deletes the collection, because the garbage collector deletes one pod at a time and needs minutes on two cores.
    // The server ends a request after a minute, even if pods are left.
    let many = format!("{path}?labelSelector=load%3Dmany");
    while !api.names(&format!("{many}&limit=1")).await?.is_empty() {
        let (status, stdout) = api.request("DELETE", &many, "application/json", Vec::new()).await?;
        anyhow::ensure!(matches!(status, 200 | 504), "{status} {stdout}");
    }
    let begun = Instant::now();
    eventually("none is counted", || async { Ok(world.pods("load").await? == 0) }).await?;
    println!(
        "{PODS} pods: counted {seen:?} after the last was made, none {:?} after the last was deleted",
        begun.elapsed()
    );
    assert_eq!(world.pods("app").await?, 2);
    Ok(())
}
