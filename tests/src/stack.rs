//! Everything together: the world, the exporter that looks at it, and those who are told.

use crate::http::{is_up, request};
use crate::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use crate::monitoring::{Alertmanager, Prometheus};
use crate::peers::{Authority, Health, Says, acceptor, healthy};
use crate::postgres::{PASSWORD, Postgres};
use crate::process::{Process, free_port};
use crate::recorder::Recorder;
use crate::s3::{ACCESS_KEY, S3, SECRET_KEY};
use anyhow::Context;
use nix::sys::signal::Signal;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio_postgres::Client;

/// The host name in the endpoint's certificate.
pub const HOST: &str = "localhost";
const BUCKET: &str = "llm-orchestrator-backups";
const BACKUP: &str = "daily/backup-latest.dump.gz";

/// The parts in the order in which they end.
pub struct Stack {
    /// Scrapes and judges.
    pub prometheus: Prometheus,
    /// Routes.
    pub alertmanager: Alertmanager,
    /// The product.
    pub exporter: Process,
    /// Its port.
    pub exporter_port: u16,
    /// Receives.
    pub recorder: Recorder,
    /// The database.
    pub postgres: Postgres,
    /// The backups.
    pub s3: S3,
    /// The application.
    pub health: Health,
    /// The cluster.
    pub kubernetes: Kubernetes,
    authority: Authority,
    folder: TempDir,
}

/// Something that can break, and be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// The alert that tells of it.
    pub alert: &'static str,
    /// The alert's severity.
    pub severity: &'static str,
    /// Where the message goes.
    pub receiver: &'static str,
}

const fn fault(name: &'static str, alert: &'static str, severity: &'static str, receiver: &'static str) -> Fault {
    Fault { name, alert, severity, receiver }
}

/// One fault per signal.
pub const FAULTS: [Fault; 9] = [
    fault("pods", "ChecklistWorkloadDown", "critical", "pagerduty"),
    fault("health", "ChecklistHealthFailed", "critical", "pagerduty"),
    fault("restarts", "ChecklistContainerRestartsOften", "critical", "pagerduty"),
    fault("disk", "ChecklistVolumeFilling", "critical", "pagerduty"),
    fault("backup", "ChecklistBackupMissing", "critical", "pagerduty"),
    fault("connections", "ChecklistConnectionsHigh", "critical", "pagerduty"),
    fault("seq-scan", "ChecklistSequentialScans", "warning", "slack"),
    fault("auth", "ChecklistAuthFailures", "critical", "pagerduty"),
    fault("certificate", "ChecklistCertificateNotVerified", "critical", "pagerduty"),
];

/// What a broken thing needs to stay broken.
#[derive(Default)]
pub struct Broken(Vec<Client>);

impl Stack {
    /// Starts everything and waits until every check has a verdict.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-stack").tempdir()?;
        let authority = Authority::new(folder.path())?;
        let postgres = Postgres::start().await?;
        let s3 = S3::start().await?;
        put_backup(&s3)?;
        let health = Health::start(authority.issue(HOST, 60)?).await?;
        let kubelet = Kubelet::start(acceptor(authority.issue(HOST, 60)?)?.0).await?;
        let kubernetes = Kubernetes::start(kubelet).await?;
        let recorder = Recorder::start().await?;
        let config = folder.path().join("checklist.yaml");
        let text = configuration(folder.path(), &authority, &postgres, &s3, &health, &recorder);
        std::fs::write(&config, text)?;
        for (name, secret) in [("kubeconfig", kubernetes.kubeconfig()), ("pg-password", PASSWORD.to_owned())] {
            std::fs::write(folder.path().join(name), secret)?;
        }
        for (name, secret) in
            [("s3-id", ACCESS_KEY), ("s3-key", SECRET_KEY), ("pagerduty-key", "0123456789abcdef0123456789abcdef")]
        {
            std::fs::write(folder.path().join(name), secret)?;
        }
        std::fs::write(folder.path().join("slack-url"), recorder.slack_url())?;
        let generated = folder.path().join("generated");
        run(Command::new(program("rules-gen")?)
            .args(["generate", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&generated))?;
        let exporter_port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{exporter_port}")]);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").env_remove("AWS_CA_BUNDLE");
        let mut exporter = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        exporter
            .wait_until(|| async move { is_up(&format!("http://127.0.0.1:{exporter_port}/-/ready")).await })
            .await?;
        let alertmanager =
            Alertmanager::start(&generated.join("alertmanager/alertmanager.yaml"), folder.path()).await?;
        let rules = generated.join("rules/checklist.yaml");
        let prometheus = Prometheus::start(exporter_port, alertmanager.port, &rules, folder.path()).await?;
        let stack = Self {
            prometheus,
            alertmanager,
            exporter,
            exporter_port,
            recorder,
            postgres,
            s3,
            health,
            kubernetes,
            authority,
            folder,
        };
        stack.wait_for_verdicts().await?;
        Ok(stack)
    }

    async fn wait_for_verdicts(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let missing = self.prometheus.query("checklist_probe_success unless checklist_check_passed").await?.len();
            if missing == 0 && !self.prometheus.query("checklist_check_passed").await?.is_empty() {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < Duration::from_mins(1),
                "{missing} checks have no verdict:\n{}",
                self.exporter.log()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The exposition in the classic text format.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}/metrics", self.exporter_port), None, &[]).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// The folder with checklist.yaml and everything generated.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Breaks a thing for real.
    pub async fn inject(&self, fault: Fault) -> anyhow::Result<Broken> {
        let mut broken = Broken::default();
        match fault.name {
            "pods" => self.kubernetes.ready_replicas(0),
            "health" => self
                .health
                .say(Says::Json(serde_json::json!({"status": "degraded", "version": "1.4.2", "database": "lost"}))),
            "restarts" => {
                for restarts in 1..=6 {
                    self.kubernetes.restart(restarts, "Error");
                    tokio::time::sleep(Duration::from_millis(1500)).await;
                }
            }
            "disk" => self.kubernetes.kubelet.fill(0.93),
            "backup" => self.s3.remove(BUCKET, BACKUP)?,
            "connections" => {
                // 36 of the 37 that ordinary roles may have; the superuser's reserve keeps the faults apart.
                for _ in 0..36 {
                    broken.0.push(self.postgres.client().await?);
                }
            }
            "seq-scan" => {
                let client = self.postgres.client().await?;
                client
                    .batch_execute("CREATE TABLE no_index AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 20000) n; ANALYZE no_index")
                    .await?;
                for _ in 0..40 {
                    client.batch_execute("SELECT count(*) FROM no_index").await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            "auth" => {
                self.postgres
                    .execute("INSERT INTO audit_events (timestamp, event_type, user_id) SELECT now(), 'authentication_failed', 7 FROM generate_series(1, 80)")
                    .await?;
            }
            "certificate" => self.health.certificate.set(self.authority.issue(HOST, -2)?),
            other => anyhow::bail!("there is no fault {other}"),
        }
        Ok(broken)
    }

    /// Mends it.
    pub async fn mend(&self, fault: Fault, broken: Broken) -> anyhow::Result<()> {
        drop(broken);
        match fault.name {
            "pods" => self.kubernetes.ready_replicas(3),
            "health" => self.health.say(Says::Json(healthy())),
            "restarts" => self.kubernetes.replace_pod(),
            "disk" => self.kubernetes.kubelet.fill(0.4),
            "backup" => put_backup(&self.s3)?,
            "connections" => {}
            "seq-scan" => self.postgres.execute("DROP TABLE no_index").await?,
            "auth" => {
                let sql = "DELETE FROM audit_events WHERE event_type = 'authentication_failed' AND timestamp > now() - interval '1 hour'";
                self.postgres.execute(sql).await?;
            }
            "certificate" => self.health.certificate.set(self.authority.issue(HOST, 60)?),
            other => anyhow::bail!("there is no fault {other}"),
        }
        Ok(())
    }
}

fn put_backup(s3: &S3) -> anyhow::Result<()> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"PGDMP\x01\x0e\x00")?;
    gzip.write_all(&[7; 4096])?;
    s3.put(BUCKET, BACKUP, &gzip.finish()?)?;
    s3.modified(BUCKET, BACKUP, SystemTime::now() - Duration::from_hours(6))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A program of the workspace, built beside this one.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .with_context(|| format!("{name} is not built; run: cargo build --workspace --bins"))
}

/// checklist.yaml of the stack: short intervals, short waits, otherwise the defaults.
pub fn configuration(
    folder: &Path,
    authority: &Authority,
    postgres: &Postgres,
    s3: &S3,
    health: &Health,
    recorder: &Recorder,
) -> String {
    let folder = folder.display();
    let ca = authority.ca_file.display();
    let (pg, s3, https) = (postgres.port, s3.port, health.server.port);
    let mut text = format!(
        "kubernetes:
  - {{name: stack, kubeconfig: {folder}/kubeconfig, namespaces: [{NAMESPACE}], kubelet: {{caFile: {ca}}}}}
health:
  - name: orchestrator
    url: https://{HOST}:{https}/health
    expect: {{status: healthy, database: connected}}
    versionField: version
    caFile: {ca}
backups:
  - name: daily
    bucket: {BUCKET}
    prefix: daily/
    endpoint: http://127.0.0.1:{s3}
    pathStyle: true
    accessKeyIdFile: {folder}/s3-id
    secretAccessKeyFile: {folder}/s3-key
    format: pg_dump.gz
postgres:
  - name: orchestrator
    host: 127.0.0.1
    port: {pg}
    database: orchestrator
    user: checklist
    passwordFile: {folder}/pg-password
    tls: disable
certificates:
  - {{name: orchestrator, address: '{HOST}:{https}', caFile: {ca}}}
thresholds:
  seq_scans.min_table_size: 5MiB
  connections.idle: 95%
alerting:
  runbookBaseUrl: https://runbooks.example.com/ops-checklist
  pagerduty: {{routingKeyFile: {folder}/pagerduty-key, url: '{}'}}
  slack: {{webhookUrlFile: {folder}/slack-url}}
  grouping: {{wait: 1s, interval: 1s, repeat: 1h}}
  alerts:
",
        recorder.pagerduty_url()
    );
    for alert in checklist::SIGNALS.iter().flat_map(|signal| signal.alerts) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {}: {{for: 2s, keepFiringFor: 0s}}", alert.name);
    }
    text += "    ChecklistCheckOverdue: {for: 2s}\nchecks:\n";
    for signal in checklist::SIGNALS {
        let _ = writeln!(text, "  {}: {{interval: 1s}}", signal.id);
    }
    text
}
