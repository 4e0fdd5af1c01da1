//! `make bench`: prints figures, asserts nothing.

#![expect(clippy::print_stdout, reason = "figures are the output")]

use stack::faults::FAULTS;
use stack::http::request;
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::process::{Process, free_port};
use stack::stack::{Stack, program};
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    for pods in [0, 450, 4_950, 10_000, 100_000] {
        watch(pods).await?;
    }
    for fault in FAULTS.iter().copied().filter(|fault| fault.name == "backup" || fault.name == "health") {
        let stack = Stack::start().await?;
        let begun = Instant::now();
        let _broken = stack.inject(fault).await?;
        let message = stack.recorder.wait(Duration::from_secs(90), |m| m.names(fault.alert)).await;
        let took = message.map(|message| message.at.duration_since(begun).as_secs_f64());
        println!("fault {:<8} to message: {took:?} s (interval 1s, for 2s, group wait 1s)", fault.name);
    }
    Ok(())
}

/// The exporter alone on a cluster with so many pods: memory, and /metrics in each encoding.
async fn watch(pods: usize) -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    kubernetes.many_pods(pods);
    std::fs::write(folder.path().join("kubeconfig"), kubernetes.kubeconfig())?;
    let config = folder.path().join("checklist.yaml");
    let (kubeconfig, ca) = (folder.path().join("kubeconfig"), authority.ca_file.display());
    std::fs::write(
        &config,
        format!(
            "kubernetes:\n  - {{name: k, kubeconfig: {}, namespaces: [{NAMESPACE}], kubelet: {{caFile: {ca}}}}}\nchecks:\n  pods: {{interval: 5s}}\n  restarts: {{interval: 5s}}\n",
            kubeconfig.display()
        ),
    )?;
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut exporter = Process::start(&mut command, "exporter", folder.path(), nix::sys::signal::Signal::SIGTERM)?;
    let url = format!("http://127.0.0.1:{port}/metrics");
    exporter
        .wait_until(|| {
            let url = url.clone();
            async move {
                let page = request(&url, None, &[]).await.map(|(_, body)| String::from_utf8_lossy(&body).into_owned());
                page.is_ok_and(|page| page.contains("checklist_probe_success{check=\"restarts\",target=\"k\"} 1"))
            }
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (_, body) = request(&url, None, &[]).await?;
    let series = String::from_utf8_lossy(&body).lines().filter(|line| !line.starts_with('#')).count();
    println!("{pods} extra pods: {series} series, {} bytes, resident {:.1} MiB", body.len(), resident(exporter.id())?);
    for encoding in ["identity", "gzip", "zstd"] {
        let mut times = Vec::new();
        let begun = Instant::now();
        for _ in 0..500 {
            let one = Instant::now();
            request(&url, None, &[("accept-encoding", encoding)]).await?;
            times.push(one.elapsed().as_secs_f64() * 1e3);
        }
        let rate = 500.0 / begun.elapsed().as_secs_f64();
        times.sort_by(f64::total_cmp);
        println!(
            "  {encoding:<8} p50 {:.2} ms  p99 {:.2} ms  {rate:.0} requests/s (one client, new connections)",
            times[250], times[495]
        );
    }
    Ok(())
}

fn resident(id: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or_default() / 1024.0)
}
