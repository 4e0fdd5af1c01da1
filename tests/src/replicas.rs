//! Two exporters with one lease, and what their database saw of them: each logs in as a role of its own.

use crate::http::{is_up, request};
use crate::kubernetes::leases::Door;
use crate::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use crate::peers::{Authority, acceptor};
use crate::postgres::{PASSWORD, Postgres};
use crate::process::{Process, free_port};
use crate::stack::program;
use anyhow::Context;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The lease of both.
pub const LEASE: &str = "checklist-exporter";

/// One of the two.
pub struct Replica {
    /// The program.
    pub process: Process,
    /// Where it answers.
    pub port: u16,
    /// Its way to the API.
    pub door: Door,
    /// Its checklist.yaml.
    pub config: PathBuf,
    role: String,
}

/// Both, and what they look at.
pub struct Replicas {
    /// The two.
    pub both: Vec<Replica>,
    /// The API.
    pub kubernetes: Kubernetes,
    /// The target of the costly checks.
    pub postgres: Postgres,
    folder: TempDir,
}

impl Replicas {
    /// Starts both. Their costly checks are the only ones that go to the database, once a second.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-replicas").tempdir()?;
        let authority = Authority::new(folder.path())?;
        let kubelet = Kubelet::start(acceptor(authority.issue("localhost", 60)?)?.0).await?;
        let kubernetes = Kubernetes::start(kubelet).await?;
        let postgres = Postgres::start().await?;
        for sql in [
            "ALTER SYSTEM SET log_statement = 'all'",
            "ALTER SYSTEM SET log_line_prefix = '%n %u '",
            "SELECT pg_reload_conf()",
        ] {
            postgres.execute(sql).await?;
        }
        std::fs::write(folder.path().join("pg-password"), PASSWORD)?;
        let mut replicas = Self { both: Vec::new(), kubernetes, postgres, folder };
        for name in ["a", "b"] {
            let replica = replicas.replica(name).await?;
            replicas.both.push(replica);
        }
        Ok(replicas)
    }

    async fn replica(&self, name: &str) -> anyhow::Result<Replica> {
        let role = format!("checklist_{name}");
        self.postgres.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE checklist")).await?;
        let door = self.kubernetes.door().await?;
        let folder = self.folder.path();
        let kubeconfig = folder.join(format!("kubeconfig-{name}"));
        std::fs::write(&kubeconfig, self.kubernetes.kubeconfig_at(door.server.port))?;
        let skipped = |key: &str| {
            let here = checklist::SIGNALS.iter().filter(|signal| signal.kind.key() == key);
            here.map(|signal| signal.id).collect::<Vec<_>>().join(", ")
        };
        let queries: String = ["heavy", "heavier"]
            .map(|name| format!("  - {{name: {name}, help: Heavy, query: SELECT 1 AS value FROM pg_sleep(0.4), above: {{warning: 5}}, interval: 1s, costly: true}}\n"))
            .concat();
        let text = format!(
            "kubernetes: [{{name: stack, kubeconfig: {}, namespaces: [{NAMESPACE}], skip: [{}]}}]\n\
             postgres: [{{name: db, host: 127.0.0.1, port: {}, database: orchestrator, user: {role}, \
             passwordFile: {}/pg-password, tls: disable, skip: [{}]}}]\n\
             alertmanagers: [{{name: main, url: 'http://127.0.0.1:9', skip: [alerts, alert_path]}}]\n\
             tasks: {{since: 2026-01-01, directory: {}/tasks-{name}}}\n\
             queries:\n{queries}highAvailability: {{kubernetes: stack}}\nalerting: {{pagerduty: {{routingKeyFile: /nowhere}}}}\n",
            kubeconfig.display(),
            skipped("kubernetes"),
            self.postgres.port,
            folder.display(),
            skipped("postgres"),
            folder.display(),
        );
        let config = folder.join(format!("checklist-{name}.yaml"));
        std::fs::write(&config, text)?;
        let port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
        let mut process =
            Process::start(command.env("POD_NAME", format!("pod-{name}")), name, folder, Signal::SIGTERM)?;
        process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await }).await?;
        Ok(Replica { process, port, door, config, role })
    }

    /// Which of the two the API server knows as holder; waits for one.
    pub async fn holder(&self) -> anyhow::Result<usize> {
        let mut found = None;
        until("somebody holds the lease", || {
            let holder = self.kubernetes.holder(LEASE).unwrap_or_default();
            found = ["pod-a_", "pod-b_"].iter().position(|pod| holder.starts_with(pod));
            found.is_some()
        })
        .await?;
        found.context("nobody")
    }

    /// Unix times at which the database ran a costly statement of one of the two.
    pub fn acts(&self, which: usize) -> Vec<f64> {
        let role = &self.both[which].role;
        let log = self.postgres.log();
        let of_line = |line: &str| {
            let (at, rest) = line.split_once(' ')?;
            let statement = rest.strip_prefix(role.as_str())?.trim_start().strip_prefix("LOG:  execute")?;
            statement.contains("SELECT").then(|| at.parse().ok())?
        };
        log.lines().filter_map(of_line).collect()
    }

    /// Waits until one of the two has acted after a time.
    pub async fn acts_after(&self, which: usize, after: f64) -> anyhow::Result<f64> {
        let mut first = None;
        until("it makes the costly checks", || {
            first = self.acts(which).into_iter().find(|at| *at > after);
            first.is_some()
        })
        .await?;
        first.context("it did not")
    }
}

impl Replica {
    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.process.id())?), signal)?)
    }

    /// Its exposition.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}/metrics", self.port), None, &[]).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}

/// Waits for a minute at most, far more than a failover takes.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds() {
        anyhow::ensure!(begun.elapsed() < Duration::from_mins(1), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Unix time in seconds.
pub fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
