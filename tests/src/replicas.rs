//! Two exporters with one lease. Each logs in to the database as a role of its own, so that the database's log shows
//! which of them ran a costly check.

use crate::cluster::{Api, Cluster, Door};
use crate::http::{is_up, request};
use crate::postgres::{PASSWORD, Postgres};
use crate::process::{Process, free_port};
use crate::stack::program;
use crate::waiting::{eventually, found};
use anyhow::Context;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Name of the lease of both exporters.
pub const LEASE: &str = "checklist-exporter";

/// One of the two exporters.
pub struct Replica {
    pub process: Process,
    /// Port of its HTTP server.
    pub port: u16,
    /// The proxy through which it reaches the API server.
    pub door: Door,
    /// Path of its checklist.yaml.
    pub config: PathBuf,
    role: String,
}

/// Both exporters, and the servers that they check.
pub struct Replicas {
    /// The exporters.
    pub both: Vec<Replica>,
    /// The namespace of their lease.
    pub namespace: String,
    api: Api,
    /// The target of the costly checks.
    pub postgres: Postgres,
    folder: TempDir,
}

impl Replicas {
    /// Starts both exporters. Their costly checks, made once a second, are the only ones that query the database.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-replicas").tempdir()?;
        let cluster = Cluster::shared().await?;
        let (namespace, api) = (cluster.namespace("replicas").await?, cluster.admin().await?);
        let postgres = Postgres::start().await?;
        for sql in [
            "ALTER SYSTEM SET log_statement = 'all'",
            "ALTER SYSTEM SET log_line_prefix = '%n %u '",
            "SELECT pg_reload_conf()",
        ] {
            postgres.execute(sql).await?;
        }
        std::fs::write(folder.path().join("pg-password"), PASSWORD)?;
        let mut replicas = Self { both: Vec::new(), namespace, api, postgres, folder };
        // Grants exactly the rights that rules-gen generates.
        let config = checklist::Config::parse("checklist.yaml", &replicas.configuration("a"))?;
        cluster.apply(&replicas.namespace, &rules_gen::outputs::access::kubernetes(&config, "stack").to_string())?;
        let token = cluster.token(&replicas.namespace, "checklist-exporter").await?;
        for name in ["a", "b"] {
            let replica = replicas.replica(name, cluster, &token).await?;
            replicas.both.push(replica);
        }
        Ok(replicas)
    }

    async fn replica(&self, name: &str, cluster: &Cluster, token: &str) -> anyhow::Result<Replica> {
        let role = role(name);
        self.postgres.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE checklist")).await?;
        let door = cluster.door().await?;
        let folder = self.folder.path();
        std::fs::write(folder.join(format!("kubeconfig-{name}")), cluster.kubeconfig_at(&door, token))?;
        let config = folder.join(format!("checklist-{name}.yaml"));
        std::fs::write(&config, self.configuration(name))?;
        let port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
        let mut process =
            Process::start(command.env("POD_NAME", format!("pod-{name}")), name, folder, Signal::SIGTERM)?;
        process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await }).await?;
        Ok(Replica { process, port, door, config, role })
    }

    /// Returns the checklist.yaml of one exporter.
    fn configuration(&self, name: &str) -> String {
        let (folder, namespace, role) = (self.folder.path(), &self.namespace, role(name));
        let skipped = |key: &str| {
            let here = checklist::SIGNALS.iter().filter(|signal| signal.kind.key() == key);
            here.map(|signal| signal.id).collect::<Vec<_>>().join(", ")
        };
        let queries: String = ["heavy", "heavier"]
            .map(|name| format!("  - {{name: {name}, help: Heavy, query: SELECT 1 AS value FROM pg_sleep(0.4), above: {{warning: 5}}, interval: 1s, costly: true}}\n"))
            .concat();
        format!(
            "kubernetes: [{{name: stack, kubeconfig: {}/kubeconfig-{name}, namespaces: [{namespace}], skip: [{}]}}]\n\
             postgres: [{{name: db, host: 127.0.0.1, port: {}, database: orchestrator, user: {role}, \
             passwordFile: {}/pg-password, tls: disable, skip: [{}]}}]\n\
             alertmanagers: [{{name: main, url: 'http://127.0.0.1:9', skip: [alerts, alert_path]}}]\n\
             tasks: {{since: 2026-01-01, directory: {}/tasks-{name}}}\n\
             checks: {{tasks: {{interval: 1s}}}}\nqueries:\n{queries}highAvailability: {{kubernetes: stack}}\nalerting: {{pagerduty: {{routingKeyFile: /nowhere}}}}\n",
            folder.display(),
            skipped("kubernetes"),
            self.postgres.port,
            folder.display(),
            skipped("postgres"),
            folder.display(),
        )
    }

    fn lease(&self, name: &str) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}", self.namespace)
    }

    /// Returns the holder of a lease; `None` if nobody holds it or it does not exist.
    pub async fn lease_holder(&self, lease: &str) -> anyhow::Result<Option<String>> {
        let (status, body) = self.api.request("GET", &self.lease(lease), "application/json", Vec::new()).await?;
        anyhow::ensure!(status == 200 || status == 404, "{lease}: {status} {body}");
        let object: Value = serde_json::from_str(&body)?;
        let holder = object["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty());
        Ok(holder.map(str::to_owned))
    }

    /// Returns the Unix time at which a lease expires if it is not renewed.
    pub async fn lease_end(&self, lease: &str) -> anyhow::Result<f64> {
        let spec = self.api.get(&self.lease(lease)).await?["spec"].clone();
        let renewed: jiff::Timestamp = spec["renewTime"].as_str().with_context(|| format!("{spec}"))?.parse()?;
        let lasts = spec["leaseDurationSeconds"].as_f64().with_context(|| format!("{spec}"))?;
        Ok(renewed.as_duration().as_secs_f64() + lasts)
    }

    /// Waits until the holder of a lease fulfils a condition.
    pub async fn wait_for_holder(&self, lease: &str, fits: impl Fn(Option<&str>) -> bool) -> anyhow::Result<()> {
        eventually("the lease has the holder that it should have", || async {
            Ok(fits(self.lease_holder(lease).await?.as_deref()))
        })
        .await
    }

    /// Creates a lease without a holder, in the state after a release.
    pub async fn free_lease(&self, name: &str) -> anyhow::Result<()> {
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
            "spec": {"leaseDurationSeconds": 1}});
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace);
        self.api.create(&path, &lease).await.map(|_| ())
    }

    /// Deletes a lease.
    pub async fn delete_lease(&self, name: &str) -> anyhow::Result<()> {
        self.api.delete(&self.lease(name)).await
    }

    /// Waits until one of the exporters holds the lease. Returns its index.
    pub async fn holder(&self) -> anyhow::Result<usize> {
        let which = |holder: Option<&str>| {
            let holder = holder.unwrap_or_default();
            ["pod-a_", "pod-b_"].iter().position(|pod| holder.starts_with(pod))
        };
        self.wait_for_holder(LEASE, |holder| which(holder).is_some()).await?;
        which(self.lease_holder(LEASE).await?.as_deref()).context("nobody")
    }

    /// Returns the Unix times at which the database ran a costly statement of an exporter.
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

    /// Waits until an exporter has run a costly check after a time. Returns the first time.
    pub async fn acts_after(&self, which: usize, after: f64) -> anyhow::Result<f64> {
        let first = || async { Ok(self.acts(which).into_iter().find(|at| *at > after)) };
        found("it makes the costly checks", first).await
    }

    /// Waits until both exporters have made some more rounds of the checks that both make. Everything that they do in a
    /// round is done then.
    pub async fn some_rounds(&self) -> anyhow::Result<()> {
        for replica in &self.both {
            let before = replica.rounds().await?;
            eventually("it goes through its rounds", || async { Ok(replica.rounds().await? >= before + 4.0) }).await?;
        }
        Ok(())
    }
}

impl Replica {
    /// Sends a signal to the exporter.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.process.id())?), signal)?)
    }

    /// Returns its metrics.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}/metrics", self.port), None, &[]).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Whether it reports that it holds the lease.
    pub async fn holds(&self) -> anyhow::Result<bool> {
        Ok(self.metrics().await?.contains("\nchecklist_lease_held 1\n"))
    }

    /// Returns the number of runs of its check `tasks`, which it makes once a second without the lease.
    pub async fn rounds(&self) -> anyhow::Result<f64> {
        let page = self.metrics().await?;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("checklist_probe_runs_total{check=\"tasks\"")?.rsplit(' ').next());
        Ok(line.context("it does not look at the tasks")?.parse()?)
    }
}

/// Returns the present Unix time in seconds.
pub fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// Returns the name of an exporter's role in the database.
fn role(name: &str) -> String {
    format!("checklist_{name}")
}
