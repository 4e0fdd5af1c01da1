//! kube-state-metrics instead of our probes: the same alerts at the same time, in situations that real controllers
//! created. The releases in target/parts/peers are used; their pages are recorded beside `tests/sources.rs`, which
//! replays them without the programs.

use crate::Exporter;
use crate::situations::{job, missing, scaler, service, situations, workload};
use crate::truth::plain;
use nix::sys::signal::Signal;
use serde_json::json;
use stack::cluster::{Api, Cluster};
use stack::http::{is_up, request};
use stack::process::{Process, free_port};
use stack::sources::{KUBE_STATE_METRICS, Page, differences, is_known, names};
use stack::waiting::eventually;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Returns situations in which the two exporters could differ, besides those of `truth.rs`.
fn more() -> String {
    let held = workload("Deployment", "held", 2, "", "")
        .replace("template: {metadata: {labels", "template: {metadata: {finalizers: [example.com/hold], labels");
    let unread = "minReplicas: 1, maxReplicas: 3, metrics: [{type: External, external: {metric: {name: queue}, target: {type: Value, value: 1}}}]";
    [
        // A service whose pods are terminating, and one whose workload is scaled to zero.
        held,
        service("held", "selector: {app: held}, ports: [{port: 80}]"),
        service("none", "selector: {app: none}, ports: [{port: 80}]"),
        service("sick", "selector: {app: sick}, ports: [{port: 80}]"),
        // A service whose name begins with that of another service and a dash.
        service("sick-web", "selector: {app: agent}, ports: [{port: 80}]"),
        // A service whose endpoints are managed by somebody else.
        "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: manual}\nsubsets: [{notReadyAddresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]\n".to_owned(),
        // An autoscaler that is disabled by zero replicas, and one without its metric.
        workload("Deployment", "asleep", 0, "", ""),
        scaler("asleep", "asleep", "minReplicas: 1, maxReplicas: 2"),
        workload("Deployment", "unread", 1, "", ""),
        scaler("unread", "unread", unread),
        // A job whose second attempt fails too.
        job("again", "failed", "").replace("backoffLimit: 0", "backoffLimit: 1"),
    ]
    .concat()
}

/// Changes objects after the first comparison.
async fn change(api: &Api, namespace: &str) -> anyhow::Result<()> {
    let pod = |name: &str| format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let now = jiff::Timestamp::now();
    let second = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let ended =
        json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": second, "finishedAt": second}});
    let status = json!({"name": "main", "image": "x", "imageID": "none", "ready": true, "started": true, "restartCount": 5,
        "lastState": ended, "state": {"running": {"startedAt": second}}});
    // Because of the label the simulated kubelet does not set the pod ready again.
    api.patch(&pod("set-0"), &json!({"metadata": {"labels": {"situation": "by-hand"}}})).await?;
    api.patch(&format!("{}/status", pod("set-0")), &json!({"status": {"containerStatuses": [status]}})).await?;
    let scale = |name: &str| format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale");
    for name in ["held", "well"] {
        api.patch(&scale(name), &json!({"spec": {"replicas": 0}})).await?;
    }
    api.delete(&format!("/apis/apps/v1/namespaces/{namespace}/deployments/crashes")).await?;
    api.delete(&format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/waits")).await
}

/// Starts kube-state-metrics with default options for one namespace.
pub(crate) async fn start(
    program: &Path,
    kubeconfig: &Path,
    namespace: &str,
    folder: &Path,
) -> anyhow::Result<(Process, String)> {
    let (port, own) = (free_port()?, free_port()?);
    let mut command = Command::new(program);
    command.arg(format!("--kubeconfig={}", kubeconfig.display())).arg(format!("--namespaces={namespace}"));
    command.args(["--host=127.0.0.1", "--telemetry-host=127.0.0.1"]);
    command.args([format!("--port={port}"), format!("--telemetry-port={own}")]);
    let mut process = Process::start(&mut command, "kube-state-metrics", folder, Signal::SIGTERM)?;
    let url = format!("http://127.0.0.1:{port}/metrics");
    process.wait_until(|| is_up(&url)).await?;
    Ok((process, url))
}

pub(crate) async fn page(url: &str) -> anyhow::Result<String> {
    let (status, body) = request(url, None, &[]).await?;
    anyhow::ensure!(status == 200, "{url}: {status}");
    Ok(String::from_utf8(body.to_vec())?)
}

/// Returns the series of a page that are about the namespace.
fn facts(page: &str) -> BTreeSet<String> {
    let own = [
        "checklist_workload_",
        "checklist_job_",
        "checklist_pod",
        "checklist_service_",
        "checklist_hpa_",
        "checklist_volume_claim_",
    ];
    let is_fact = |line: &&str| line.starts_with("kube_") || own.iter().any(|start| line.starts_with(start));
    page.lines().filter(is_fact).map(str::to_owned).collect()
}

/// A metric of each kind of object. kube-state-metrics lists the kinds one after the other when it starts.
const KINDS: [&str; 7] = [
    "\nkube_daemonset_status_number_ready{",
    "\nkube_deployment_status_replicas{",
    "\nkube_horizontalpodautoscaler_spec_max_replicas{",
    "\nkube_job_created{",
    "\nkube_persistentvolumeclaim_status_phase{",
    "\nkube_service_info{",
    "\nkube_statefulset_status_replicas{",
];

/// Waits until the pages have not changed for a second, have every kind of object, and have as many pods as there are.
/// Returns the pages.
async fn settled(api: &Api, namespace: &str, urls: &[String]) -> anyhow::Result<Vec<String>> {
    let (mut before, mut same) = (Vec::new(), 0);
    for _ in 0..600 {
        let mut pages = Vec::new();
        for url in urls {
            pages.push(page(url).await?);
        }
        let now: Vec<BTreeSet<String>> = pages.iter().map(|page| facts(page)).collect();
        let pods = api.names(&format!("/api/v1/namespaces/{namespace}/pods")).await?.len();
        let know = |facts: &BTreeSet<String>| facts.iter().filter(|line| line.starts_with("kube_pod_info{")).count();
        let has_all_kinds = |page: &String| KINDS.iter().all(|kind| page.contains(kind));
        let all_know = now.iter().skip(1).all(|facts| know(facts) == pods) && pages.iter().skip(1).all(has_all_kinds);
        same = if now == before && all_know { same + 1 } else { 0 };
        if same == 5 {
            return Ok(pages);
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the pages go on changing")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_cluster, has_kube_state_metrics)),
    ignore = "no kube-apiserver (make parts), or no kube-state-metrics in a folder of target/parts/peers"
)]
async fn kube_state_metrics_causes_the_same_alerts_as_the_probes_in_every_situation() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let (api, namespace) = (cluster.admin().await?, cluster.namespace("sources").await?);
    let situations = situations();
    let yaml: String = situations.iter().map(|situation| situation.yaml.as_str()).collect();
    cluster.apply(&namespace, &(yaml + &more()).replace("NS", &namespace))?;
    let token = cluster.administrator(&namespace).await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, "", "").await?;
    let folder = tempfile::tempdir()?;
    let (mut processes, mut urls) = (Vec::new(), vec![crate::url(exporter.port, "/metrics")]);
    let releases = KUBE_STATE_METRICS.releases();
    for (name, program) in &releases {
        let own = folder.path().join(name);
        std::fs::create_dir_all(&own)?;
        let (process, url) = start(program, &cluster.admin_kubeconfig(), &namespace, &own).await?;
        processes.push(process);
        urls.push(url);
    }
    let failed = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=job-name%3Dagain");
    eventually("every situation is reported", || async {
        let texts = plain(&exporter.metrics(None).await?);
        let attempts = api.names(&failed).await?.len();
        Ok(attempts == 2 && situations.iter().all(|situation| missing(situation, &namespace, &texts).is_empty()))
    })
    .await?;
    let mut pages: Vec<Vec<Page>> = vec![Vec::new(); urls.len()];
    let mut collect = |texts: Vec<String>| {
        for (kept, text) in pages.iter_mut().zip(texts) {
            kept.push(Page::new(&text.replace(&namespace, "shop")));
        }
    };
    collect(settled(&api, &namespace, &urls).await?);
    change(&api, &namespace).await?;
    let ends = format!(
        "checklist_service_endpoints{{check=\"pods\",target=\"stack\",namespace=\"{namespace}\",service=\"held\"}} 0"
    );
    eventually("the change is reported", || async {
        let texts = exporter.metrics(None).await?;
        Ok(texts.contains(&ends) && texts.contains("reason=\"OOMKilled\"") && !texts.contains("workload=\"crashes\""))
    })
    .await?;
    collect(settled(&api, &namespace, &urls).await?);
    let ours = KUBE_STATE_METRICS.alerts(false, &pages[0]).await?;
    KUBE_STATE_METRICS.record(KUBE_STATE_METRICS.probes, &pages[0])?;
    assert!(names(&ours).len() >= 10, "{:?}", names(&ours));
    let mut wrong = Vec::new();
    for ((release, _), pages) in releases.iter().zip(&pages[1..]) {
        let name = format!("{}-{release}", KUBE_STATE_METRICS.name);
        KUBE_STATE_METRICS.record(&name, pages)?;
        let theirs = KUBE_STATE_METRICS.alerts(true, pages).await?;
        let differences = differences(&ours, &theirs).into_iter().map(|line| format!("{name}: {line}"));
        wrong.extend(differences.filter(|line| !is_known(line)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cluster.remove(&namespace).await
}
