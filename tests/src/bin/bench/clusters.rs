//! Benchmark: compares the exporter with kube-state-metrics on the same Kubernetes API server.

use crate::measurements::version;
use crate::peers::{find, median};
use crate::usage::{cpu, latency, resident};
use futures::{StreamExt, TryStreamExt};
use nix::sys::signal::Signal;
use serde_json::json;
use stack::cluster::Cluster;
use stack::http::request;
use stack::process::{Process, free_port};
use std::process::Command;
use std::time::{Duration, Instant};

const PODS: usize = 1_000;
const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_secs(10);

pub(crate) async fn run() -> anyhow::Result<()> {
    let Some(program) = find("kube-state-metrics", "kube-state-metrics") else { return Ok(()) };
    if stack::parts::program("kube-apiserver").is_err() {
        crate::report!("  there is no Kubernetes here (make parts)");
        return Ok(());
    }
    let cluster = Cluster::start().await?;
    let namespace = cluster.namespace("bench").await?;
    let api = cluster.admin().await?;
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "load-"},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "x"}, {"name": "proxy", "image": "x"}]}});
    let made = futures::stream::iter(0..PODS).map(|_| api.create(&path, &pod)).buffer_unordered(32);
    made.try_for_each(|_| async { Ok(()) }).await?;
    let folder = tempfile::TempDir::new()?;
    let kubeconfig = cluster.admin_kubeconfig();
    let text = format!(
        "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{namespace}], skip: [disk, utilization]}}]\n",
        kubeconfig.display()
    );
    let (_ours, our_url, our_id) = crate::exporter(folder.path(), &text).await?;
    let (port, own) = (free_port()?, free_port()?);
    let mut command = Command::new(&program);
    command.arg(format!("--kubeconfig={}", kubeconfig.display())).arg(format!("--namespaces={namespace}"));
    command.args(["--host=127.0.0.1", "--telemetry-host=127.0.0.1"]);
    command.args([format!("--port={port}"), format!("--telemetry-port={own}")]);
    command.arg(
        "--resources=pods,deployments,statefulsets,daemonsets,services,endpointslices,horizontalpodautoscalers,persistentvolumeclaims",
    );
    let mut theirs = Process::start(&mut command, "kube-state-metrics", folder.path(), Signal::SIGTERM)?;
    let their_url = format!("http://127.0.0.1:{port}/metrics");
    theirs.wait_until(|| stack::http::is_up(&their_url)).await?;
    crate::report!("{PODS} pods of two containers; {}", version(&program));
    let mut measurements: [Vec<(f64, f64, f64)>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (at, (name, url, id)) in
            [("checklist-exporter", &our_url, our_id), ("kube-state-metrics", &their_url, theirs.id())]
                .into_iter()
                .enumerate()
        {
            let (before, begun) = (cpu(id)?, Instant::now());
            while begun.elapsed() < WINDOW {
                request(url, None, &[]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let used = (cpu(id)? - before) / begun.elapsed().as_secs_f64() * 3600.0;
            measurements[at].push((latency(name, url, &[]).await?, used, resident(id)?));
        }
    }
    let of =
        |at: usize, pick: fn(&(f64, f64, f64)) -> f64| median(&measurements[at].iter().map(pick).collect::<Vec<_>>());
    crate::report!(
        "  theirs / ours: scrape {:.1}, CPU {:.1}, memory {:.1}",
        of(1, |f| f.0) / of(0, |f| f.0),
        of(1, |f| f.1) / of(0, |f| f.1).max(1e-9),
        of(1, |f| f.2) / of(0, |f| f.2)
    );
    Ok(())
}
