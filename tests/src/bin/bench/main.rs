//! `make bench`: prints measurements and asserts nothing. The first argument names one part: rules, rest, watch,
//! compare, clusters, lease or page. If the variable FIGURES names a file, a full run writes the results to it.

#![expect(clippy::print_stdout, reason = "measurements are the output")]

/// Prints a line and keeps it for docs/figures.md.
macro_rules! report {
    ($($text:tt)*) => { $crate::measurements::report(format!($($text)*)) };
}
pub(crate) use report;

mod clusters;
mod compare;
mod lease;
mod measurements;
mod peers;
mod rest;
mod rules;
mod usage;

use stack::application::Application;
use stack::faults::FAULTS;
use stack::http::request;
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::process::{Process, free_port};
use stack::stack::{Stack, program};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let all = wanted.is_empty();
    let parts = ["rules", "rest", "watch", "compare", "clusters", "lease", "page"];
    anyhow::ensure!(all || parts.contains(&wanted.as_str()), "no part {wanted}: {}", parts.join(", "));
    if all || wanted == "rules" {
        measurements::section("Rules");
        rules::rules()?;
    }
    if all || wanted == "rest" {
        measurements::section("At rest, with one target of every signal at the default intervals");
        rest::rest().await?;
    }
    if all || wanted == "watch" {
        measurements::section("Clusters of many pods");
        for (clusters, pods) in [(1, 0), (1, 990), (2, 4_950), (1, 10_000), (1, 100_000)] {
            watch(clusters, pods).await?;
        }
    }
    if all || wanted == "compare" {
        measurements::section("Many targets, and other exporters on the same work");
        compare::run().await?;
    }
    if all || wanted == "clusters" {
        measurements::section("A cluster, and another exporter on it");
        clusters::run().await?;
    }
    if all || wanted == "lease" {
        measurements::section("Failover of the costly checks");
        lease::run().await?;
    }
    if all || wanted == "page" {
        measurements::section("From a fault to the page");
        for fault in FAULTS.iter().filter(|fault| fault.name == "backup" || fault.name == "health") {
            page(*fault).await?;
        }
    }
    if let Some(file) = std::env::var_os("FIGURES").filter(|_| all) {
        measurements::write(Path::new(&file))?;
    }
    Ok(())
}

/// Measures the time from a fault to its notification.
async fn page(fault: stack::faults::Fault) -> anyhow::Result<()> {
    let stack = Stack::start_with(Application::fake().await?).await?;
    let begun = Instant::now();
    let _broken = stack.inject(fault).await?;
    let message = stack.recorder.wait(fault.alert, |m| m.fires(fault.alert)).await?;
    let took = message.at.duration_since(begun).as_secs_f64();
    crate::report!("fault {:<8} to message: {took:.1} s (interval 2s, for 2s, group wait 2s)", fault.name);
    Ok(())
}

/// Measures the exporter on clusters with `pods` pods each: memory, and latency of /metrics in each encoding.
async fn watch(clusters: usize, pods: usize) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let mut servers = Vec::new();
    let mut text = String::from("kubernetes:\n");
    for n in 0..clusters {
        let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
        let kubernetes = Kubernetes::start(kubelet).await?;
        kubernetes.many_pods(pods);
        let kubeconfig = folder.path().join(format!("kubeconfig-{n}"));
        std::fs::write(&kubeconfig, kubernetes.kubeconfig())?;
        let (path, ca) = (kubeconfig.display(), authority.ca_file.display());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{name: k{n}, kubeconfig: {path}, namespaces: [{NAMESPACE}], skip: [utilization], kubelet: {{caFile: {ca}}}}}"
        );
        servers.push(kubernetes);
    }
    // The setting that docs/operations.md recommends for so many pods.
    text += "checks: {restarts: {series: 300000}}\n";
    let (_exporter, url, id) = exporter(folder.path(), &text).await?;
    // The exporter is ready when it has seen all pods. Its memory settles a little later.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (_, body) = request(&url, None, &[]).await?;
    let series = String::from_utf8_lossy(&body).lines().filter(|line| !line.starts_with('#')).count();
    crate::report!(
        "{clusters} clusters of {pods} extra pods: {series} series, {} bytes, resident {:.1} MiB",
        body.len(),
        usage::resident(id)?
    );
    for encoding in ["identity", "gzip", "zstd"] {
        usage::latency(encoding, &url, &[("accept-encoding", encoding)]).await?;
    }
    Ok(())
}

/// Starts an exporter with a configuration and waits until every check has run. Returns the process, the URL of its
/// metrics and its process id.
async fn exporter(folder: &Path, text: &str) -> anyhow::Result<(Process, String, u32)> {
    let config = folder.join("checklist.yaml");
    std::fs::write(&config, text)?;
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut exporter = Process::start(&mut command, "exporter", folder, nix::sys::signal::Signal::SIGTERM)?;
    exporter
        .wait_until(|| async move { stack::http::is_up(&format!("http://127.0.0.1:{port}/-/ready")).await })
        .await?;
    let id = exporter.id();
    Ok((exporter, format!("http://127.0.0.1:{port}/metrics"), id))
}
