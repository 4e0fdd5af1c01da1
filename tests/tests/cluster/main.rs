//! The exporter, the generated rights and the deployment on a real Kubernetes: etcd, API server, controllers and
//! scheduler, with kubelets that run no containers.

mod conformance;
mod cron_jobs;
mod half_blind;
mod logs;
mod namespaces;
mod objects;
mod requests;
mod restarts;
mod rights;
mod secrets;
mod shop;
mod situations;
mod sources;
mod truth;

use anyhow::Context;
use checklist::Verdict;
use exporter::run::job::Job;
use exporter::run::time::unix_now;
use nix::sys::signal::Signal;
use stack::cluster::Cluster;
use stack::http::request;
use stack::process::{Process, free_port};
use stack::stack::program;
use stack::waiting::passes;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Returns the signals that query a cluster.
fn signals() -> impl Iterator<Item = &'static checklist::Signal> {
    checklist::SIGNALS.iter().copied().filter(|signal| signal.kind.key() == "kubernetes" && signal.kind.is_probed())
}

/// An exporter with its own kubeconfig.
struct Exporter {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Exporter {
    /// Starts the exporter with all checks of a cluster every three seconds. `more` are further keys of the cluster's
    /// entry.
    async fn start(
        cluster: &Cluster,
        namespaces: &[&str],
        token: &str,
        more: &str,
        rest: &str,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-exporter").tempdir()?;
        std::fs::write(folder.path().join("kubeconfig"), cluster.kubeconfig(token))?;
        let text = configuration(cluster, folder.path(), namespaces, more, rest);
        std::fs::write(folder.path().join("checklist.yaml"), text)?;
        let port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(folder.path().join("checklist.yaml"));
        command.args(["--listen", &format!("127.0.0.1:{port}")]).env("POD_NAME", "pod");
        let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        process.wait_until(|| async move { stack::http::headers(&url(port, "/-/healthy")).await.is_ok() }).await?;
        Ok(Self { process, port, _folder: folder })
    }

    /// Returns the exposition. `token` is sent if given.
    async fn metrics(&self, token: Option<&str>) -> anyhow::Result<String> {
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let headers = [("authorization", bearer.as_str())];
        let headers = if token.is_some() { &headers[..] } else { &[] };
        let (status, body) = request(&url(self.port, "/metrics"), None, headers).await?;
        anyhow::ensure!(status == 200, "/metrics: {status}");
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Waits until all checks except `others` have passed.
    async fn passes_all_but(&self, others: &[&str]) -> anyhow::Result<()> {
        self.pass(None, others).await
    }

    /// Waits until all checks have passed.
    async fn passes(&self, token: Option<&str>) -> anyhow::Result<()> {
        self.pass(token, &[]).await
    }

    async fn pass(&self, token: Option<&str>, others: &[&str]) -> anyhow::Result<()> {
        passes(|| async {
            let page = self.metrics(token).await?;
            let passed =
                |id: &str| page.contains(&format!("checklist_check_passed{{check=\"{id}\",target=\"stack\"}} 1"));
            let missing: Vec<&str> =
                signals().map(|signal| signal.id).filter(|id| !others.contains(id) && !passed(id)).collect();
            let of_missing = |line: &&str| missing.iter().any(|id| line.contains(&format!("check=\"{id}\"")));
            let printed: Vec<&str> = page.lines().filter(of_missing).collect();
            anyhow::ensure!(
                missing.is_empty(),
                "{missing:?} did not pass:\n{}\n{}",
                printed.join("\n"),
                self.process.log()
            );
            Ok(())
        })
        .await
    }
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// Returns a checklist.yaml for the cluster. `more` are further keys of its entry.
fn entry(cluster: &Cluster, kubeconfig: &Path, namespaces: &[&str], more: &str) -> String {
    format!(
        "kubernetes:\n  - {{name: stack, kubeconfig: {}, namespaces: [{}], kubelet: {{caFile: {}}}{more}}}\n",
        kubeconfig.display(),
        namespaces.join(", "),
        cluster.ca_file().display(),
    )
}

/// Returns a checklist.yaml for the cluster whose checks run every three seconds.
fn configuration(cluster: &Cluster, folder: &Path, namespaces: &[&str], more: &str, rest: &str) -> String {
    let mut text = entry(cluster, &folder.join("kubeconfig"), namespaces, more) + rest + "checks:\n";
    for signal in signals() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}: {{interval: 3s, timeout: 2700ms}}", signal.id);
    }
    text
}

/// Applies the generated rights of a configuration.
fn grant(cluster: &Cluster, namespace: &str, yaml: &str) -> anyhow::Result<serde_json::Value> {
    let config = checklist::Config::parse("checklist.yaml", yaml)?;
    let list = rules_gen::outputs::access::kubernetes(&config, "stack");
    anyhow::ensure!(!list["items"].as_array().context("a list")?.is_empty(), "nothing is granted");
    cluster.apply(namespace, &list.to_string())?;
    Ok(list)
}

/// Returns a check that a test runs itself, with the rights of the administrator. `more` are further keys of the
/// cluster's entry.
fn check(cluster: &Cluster, namespaces: &[&str], more: &str, id: &str) -> anyhow::Result<Arc<Job>> {
    stack::checks::job(&entry(cluster, &cluster.admin_kubeconfig(), namespaces, more), id)
}

/// Runs a check once. Returns its verdict and its text.
async fn judged(job: &Job) -> (Verdict, String) {
    job.run().await;
    let state = job.state();
    (state.verdict(unix_now()), format!("{} | {}", state.why(), state.seen()))
}
