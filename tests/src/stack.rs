//! The stack: all servers together with the exporter that checks them and the receivers of alerts.

use crate::application::Application;
use crate::http::{is_up, request};
use crate::monitoring::{Alertmanager, Prometheus};
use crate::peers::{Authority, Health};
use crate::postgres::{PASSWORD, Postgres};
use crate::process::{Process, free_port, run};
use crate::recorder::Recorder;
use crate::s3::{ACCESS_KEY, S3, SECRET_KEY};
use crate::traffic::Traffic;
use crate::waiting::eventually;
use anyhow::Context;
use nix::sys::signal::Signal;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

pub const HOST: &str = "localhost";
pub(crate) const BUCKET: &str = "llm-orchestrator-backups";
pub(crate) const BACKUP: &str = "daily/backup-latest.dump.gz";

/// The running stack. Its parts end in the order of the fields.
pub struct Stack {
    /// Scrapes the exporter and evaluates the rules.
    pub prometheus: Prometheus,
    /// Sends notifications to the recorder.
    pub alertmanager: Alertmanager,
    /// The exporter under test.
    pub exporter: Process,
    /// Port of the exporter.
    pub exporter_port: u16,
    /// Receives the notifications.
    pub recorder: Recorder,
    /// The database target.
    pub postgres: Postgres,
    /// The bucket with the backups.
    pub s3: S3,
    /// The application's health endpoint.
    pub health: Health,
    /// The application, in its cluster.
    pub application: Application,
    /// The application's own metrics.
    pub traffic: Traffic,
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
}

impl Stack {
    /// Starts all servers and waits until every check has passed.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Application::start().await?).await
    }

    /// As [`Stack::start`], for an application that runs already.
    pub async fn start_with(application: Application) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-stack").tempdir()?;
        let authority = Authority::new(folder.path())?;
        let postgres = Postgres::start().await?;
        let s3 = S3::start().await?;
        put_backup(&s3)?;
        let health = Health::start(authority.issue(HOST, 60)?).await?;
        let recorder = Recorder::start().await?;
        let traffic = Traffic::start().await?;
        put_reports(folder.path())?;
        put_records(folder.path(), true)?;
        let (prometheus_port, alertmanager_port) = (free_port()?, free_port()?);
        let config = folder.path().join("checklist.yaml");
        let ports = (prometheus_port, alertmanager_port);
        let text = configuration(folder.path(), &authority, &postgres, &s3, &health, &recorder, ports);
        let text = application.configuration(&folder.path().join("kubeconfig")) + &text;
        std::fs::write(&config, text)?;
        for (name, secret) in [
            ("pg-password", PASSWORD),
            ("s3-id", ACCESS_KEY),
            ("s3-key", SECRET_KEY),
            ("pagerduty-key", "0123456789abcdef0123456789abcdef"),
        ] {
            std::fs::write(folder.path().join(name), secret)?;
        }
        std::fs::write(folder.path().join("slack-url"), recorder.slack_url())?;
        let generated = folder.path().join("generated");
        run(Command::new(program("rules-gen")?)
            .args(["generate", "--only", "rules,dashboards,alertmanager,runbooks,tests,access", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&generated))?;
        // The cluster and the bucket grant exactly the rights that rules-gen generates.
        let roles = std::fs::read_to_string(generated.join("access/kubernetes-stack.yaml"))?;
        let kubeconfig = application.admit(&serde_yaml::from_str(&roles)?).await?;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig)?;
        let policy = std::fs::read(generated.join("access/s3-policy.json"))?;
        s3.grant(serde_json::from_slice(&policy)?);
        let exporter_port = free_port()?;
        let mut command = Command::new(program("checklist-exporter")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{exporter_port}")]);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").env_remove("AWS_CA_BUNDLE");
        let mut exporter = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
        exporter
            .wait_until(|| async move { is_up(&format!("http://127.0.0.1:{exporter_port}/-/ready")).await })
            .await?;
        let alertmanager =
            Alertmanager::start(alertmanager_port, &generated.join("alertmanager/alertmanager.yaml"), folder.path())
                .await?;
        write_past(exporter_port, folder.path()).await?;
        let rules = generated.join("rules/checklist.yaml");
        let prometheus = Prometheus::start(
            prometheus_port,
            &[exporter_port],
            &[("orchestrator", traffic.port)],
            alertmanager.port,
            &rules,
            folder.path(),
        )
        .await?;
        let stack = Self {
            prometheus,
            alertmanager,
            exporter,
            exporter_port,
            recorder,
            postgres,
            s3,
            health,
            application,
            traffic,
            authority,
            folder,
        };
        stack.wait_for_verdicts().await?;
        Ok(stack)
    }

    async fn wait_for_verdicts(&self) -> anyhow::Result<()> {
        let passed = eventually("every check has passed", || async {
            let missing = self.prometheus.query("checklist_probe_success unless checklist_check_passed == 1").await?;
            Ok(missing.is_empty() && !self.prometheus.query("checklist_check_passed").await?.is_empty())
        });
        if let Err(error) = passed.await {
            let server = self.application.server().await?;
            anyhow::bail!("{error} on {server}: {}\n{}", self.not_passed().await?, self.exporter.log());
        }
        Ok(())
    }

    /// Returns the checks that have not passed, with the exporter's explanation.
    async fn not_passed(&self) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}/api/v1/checks", self.exporter_port), None, &[]).await?;
        let checks: serde_json::Value = serde_json::from_slice(&body)?;
        let checks = checks["checks"].as_array().into_iter().flatten().filter(|check| check["verdict"] != "passed");
        Ok(checks.map(|check| format!("\n{} {}: {}", check["check"], check["verdict"], check["why"])).collect())
    }

    /// Returns the exporter's metrics in the classic text format.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let (_, body) = request(&format!("http://127.0.0.1:{}/metrics", self.exporter_port), None, &[]).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// The authority that issued the certificates of the stack.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The folder with checklist.yaml and all generated files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Writes a history for Prometheus. A week ago the pods wrote an audit line every minute, so that their silence now is
/// unusual. Until two hours ago the application had few requests for two days, so that those of now show its use.
async fn write_past(exporter: u16, folder: &Path) -> anyhow::Result<()> {
    const LINES: &str = "checklist_audit_log_lines_total";
    let (_, page) = request(&format!("http://127.0.0.1:{exporter}/metrics"), None, &[]).await?;
    let page = String::from_utf8(page.to_vec())?;
    let labels = page.lines().find_map(|line| line.strip_prefix(LINES)?.strip_prefix('{')?.split_once('}'));
    let (labels, _) = labels.context("no line of a log was counted")?;
    let now = jiff::Timestamp::now().as_second();
    let week_ago = now - 7 * 86_400;
    let mut text = "# TYPE checklist_audit_log_lines counter\n".to_owned();
    for minute in -90..90 {
        let at = week_ago + 60 * minute;
        writeln!(
            text,
            "{LINES}{{{labels},instance=\"127.0.0.1:{exporter}\",job=\"checklist\"}} {} {at}",
            minute + 100
        )?;
    }
    let requests = checklist::signals::error_rate::REQUESTS.name;
    writeln!(text, "# TYPE {requests} gauge")?;
    for minutes in (120..48 * 60).rev() {
        // The labels of the recording rule, so that both are one series.
        let labels = "check=\"error_rate\",instance=\"rules\",job=\"checklist-rules\",target=\"orchestrator\"";
        writeln!(text, "{requests}{{{labels}}} 0.01 {}", now - 60 * minutes)?;
    }
    crate::monitoring::backfill(folder, &(text + "# EOF\n"))
}

/// Writes a backup of six hours ago into the bucket.
pub(crate) fn put_backup(s3: &S3) -> anyhow::Result<()> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"PGDMP\x01\x0e\x00")?;
    gzip.write_all(&[7; 4096])?;
    s3.put(BUCKET, BACKUP, &gzip.finish()?)?;
    s3.modified(BUCKET, BACKUP, SystemTime::now() - Duration::from_hours(6))
}

/// Returns the path of a program of the workspace, which is built into the same folder as this one.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .with_context(|| format!("{name} is not built; run: cargo build --workspace --bins"))
}

/// Returns the checklist.yaml of the stack without its cluster: short intervals and waits, otherwise the defaults.
fn configuration(
    folder: &Path,
    authority: &Authority,
    postgres: &Postgres,
    s3: &S3,
    health: &Health,
    recorder: &Recorder,
    (prometheus, alertmanager): (u16, u16),
) -> String {
    let folder = folder.display();
    let ca = authority.ca_file.display();
    let (pg, s3, https) = (postgres.port, s3.port, health.server.port);
    // A task that is open for half of its period pages. Two days is late, but not that late. The grace period is not
    // one of whole days: those end on the morning of a working day, so the task would not be late on every Sunday.
    let (since, weekday) = (days_ago(8).date(), days_ago(2).strftime("%A"));
    let mut text = format!(
        "health:
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
    restore: {{checks: [{{name: users, query: SELECT count(*) FROM users, atLeast: 100}}]}}
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
alertmanagers:
  - {{name: main, url: 'http://127.0.0.1:{alertmanager}'}}
prometheus:
  - {{name: main, url: 'http://127.0.0.1:{prometheus}'}}
traffic:
  - {{name: orchestrator, selector: 'job=\"orchestrator\"'}}
reports:
  - {{name: audit, format: cargo-audit, file: {folder}/reports/audit.json}}
  - {{name: outdated, format: cargo-outdated, file: {folder}/reports/outdated.json}}
  - {{name: images, format: trivy, directory: {folder}/reports/images}}
tasks:
  since: {since}
  directory: {folder}/tasks
  add: [{{name: walk, title: A walk around the racks, when: {weekday}, grace: 1h, steps: [Walk]}}]
highAvailability: {{kubernetes: stack}}
queries:
  - name: stuck_jobs
    help: Jobs that have waited for more than an hour
    query: SELECT queue, count(*) FILTER (WHERE waits_since < now() - interval '1 hour') AS value FROM public.jobs GROUP BY queue
    labels: [queue]
    above: {{critical: 5}}
    interval: 3s
thresholds:
  bloat.min_table_size: 1MiB
  connections.idle: 95%
  database_size.limit: 1TiB
  maintenance.min_table_size: 1MiB
  pod_logs.silence: {{warning: 5m, critical: 1h}}
  seq_scans.min_table_size: 5MiB
  slow_queries.running: 4s
alerting:
  runbookBaseUrl: https://runbooks.example.com/ops-checklist
  pagerduty: {{routingKeyFile: {folder}/pagerduty-key, url: '{}'}}
  slack: {{webhookUrlFile: {folder}/slack-url}}
  grouping: {{wait: 2s, interval: 1s, repeat: 1h}}
  alerts:
",
        recorder.pagerduty_url()
    );
    let own = "ChecklistQueryStuckJobs";
    for alert in checklist::SIGNALS.iter().flat_map(|signal| signal.alerts).map(|alert| alert.name).chain([own]) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {alert}: {{for: 2s, keepFiringFor: 0s}}");
    }
    text += "    ChecklistCheckOverdue: {for: 2s}\n    ChecklistExporterMissing: {for: 2s}\nchecks:\n";
    for signal in checklist::SIGNALS.iter().filter(|signal| signal.kind.is_probed()) {
        // The checks of a database take turns on one connection, and each statement is a transaction of its own, so
        // they need a longer interval.
        let pace = if signal.kind.key() == "postgres" { "3s, timeout: 2700ms" } else { "2s, timeout: 1800ms" };
        let _ = writeln!(text, "  {}: {{interval: {pace}}}", signal.id);
    }
    text
}

/// Writes reports of scans without findings.
pub(crate) fn put_reports(folder: &Path) -> anyhow::Result<()> {
    let reports = folder.join("reports");
    std::fs::create_dir_all(reports.join("images"))?;
    let now = jiff::Timestamp::now();
    for (name, text) in [
        (
            "audit.json",
            format!(
                r#"{{"database": {{"advisory-count": 900, "last-updated": "{now}"}}, "lockfile": {{"dependency-count": 300}},
                    "vulnerabilities": {{"found": false, "count": 0, "list": []}}}}"#
            ),
        ),
        ("outdated.json", r#"{"crate_name": "orchestrator", "dependencies": []}"#.to_owned()),
        (
            "images/orchestrator.json",
            format!(r#"{{"ArtifactName": "orchestrator:1.4.2", "CreatedAt": "{now}", "Results": []}}"#),
        ),
    ] {
        std::fs::write(reports.join(name), text)?;
    }
    Ok(())
}

fn days_ago(days: i64) -> jiff::ZonedDateTime {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)).to_zoned_datetime(jiff::tz::TimeZone::UTC)
}

/// Writes records of every task for the last days. `walked` includes the task `walk`.
pub(crate) fn put_records(folder: &Path, walked: bool) -> anyhow::Result<()> {
    let tasks = folder.join("tasks");
    std::fs::create_dir_all(&tasks)?;
    let mut text = String::new();
    let ids = checklist::tasks::TASKS.iter().map(|task| task.id).chain(walked.then_some("walk"));
    for id in ids {
        for days in 0..9 {
            let at = days_ago(days).timestamp();
            text +=
                &format!("{}\n", serde_json::json!({"at": at.to_string(), "by": "stack", "act": "done", "task": id}));
        }
    }
    let restored = serde_json::json!({"at": days_ago(2).timestamp().to_string(), "by": "stack", "act": "restored",
        "backup": "daily", "passed": true, "seconds": {"restore": 1.5}, "answers": {"users": 200}});
    text += &format!("{restored}\n");
    for level in ["critical", "warning"] {
        let routed = serde_json::json!({"at": days_ago(2).timestamp().to_string(), "by": "stack", "act": "routed",
            "alertmanager": "main", "level": level, "passed": true, "seconds": 1.5});
        text += &format!("{routed}\n");
    }
    Ok(std::fs::write(tasks.join("records.jsonl"), text)?)
}
