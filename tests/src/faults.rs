//! The faults that tests and demo can inject into the stack, and how to repair each.

use crate::application::Change;
use crate::peers::{HealthBody, healthy};
use crate::process::run;
use crate::stack::{BACKUP, BUCKET, HOST, Stack, program, put_backup, put_records, put_reports};
use crate::waiting::eventually;
use std::process::Command;
use std::time::{Duration, SystemTime};
use tokio_postgres::Client;

/// A fault, and the alert that it must cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Name on the command line.
    pub name: &'static str,
    /// Name of the alert.
    pub alert: &'static str,
    /// Severity of the alert.
    pub severity: &'static str,
    /// Number of the round in which the fault is injected. Faults of one round do not disturb each other.
    pub round: u8,
}

impl Fault {
    /// The receiver of the notification.
    pub fn receiver(&self) -> &'static str {
        if self.severity == "critical" { "pagerduty" } else { "slack" }
    }
}

const fn pages(name: &'static str, alert: &'static str) -> Fault {
    Fault { name, alert, severity: "critical", round: 1 }
}

const fn warns(name: &'static str, alert: &'static str) -> Fault {
    Fault { name, alert, severity: "warning", round: 1 }
}

/// One fault per signal, in the order of the checklist. Faults whose alerts wait for a week (unused accounts and keys)
/// are missing here; other tests show them.
pub const FAULTS: &[Fault] = &[
    pages("pods", "ChecklistWorkloadDown"),
    // This alert inhibits those of symptoms in the requests, so it has a round of its own.
    Fault { round: 3, ..pages("health", "ChecklistHealthFailed") },
    Fault { round: 2, ..warns("restarts", "ChecklistContainerRestartsOften") },
    warns("silence", "ChecklistSilenceLong"),
    // This alert inhibits the page about slow requests, so it comes in a later round.
    Fault { round: 2, ..pages("errors", "ChecklistRequestsFail") },
    pages("disk", "ChecklistVolumeFilling"),
    pages("backup", "ChecklistBackupMissing"),
    Fault { round: 3, ..pages("connections", "ChecklistConnectionsHigh") },
    pages("latency", "ChecklistLatencyHighNow"),
    warns("seq-scan", "ChecklistSequentialScans"),
    warns("slow-query", "ChecklistQueryRunsLong"),
    warns("utilization", "ChecklistWorkloadMemoryHigh"),
    warns("workflows", "ChecklistWorkflowsFail"),
    pages("auth", "ChecklistAuthFailures"),
    warns("permissions", "ChecklistPermissionViolations"),
    Fault { round: 2, ..pages("audit-log", "ChecklistAuditLogSilent") },
    warns("pod-logs", "ChecklistAuditLinesSilent"),
    // The health endpoint has the same certificate. It cannot be reached then, which inhibits the pages about requests.
    Fault { round: 4, ..pages("certificate", "ChecklistCertificateNotVerified") },
    warns("advisory", "ChecklistAdvisorySevere"),
    // It makes new pods, which are ready, so it comes after the round without ready pods.
    Fault { round: 2, ..warns("autoscaler", "ChecklistAutoscalerAtMax") },
    warns("claim", "ChecklistVolumeClaimNotBound"),
    warns("vacuum", "ChecklistTableNotVacuumed"),
    warns("index", "ChecklistIndexInvalid"),
    Fault { round: 2, ..warns("bloat", "ChecklistTableBloated") },
    Fault { round: 2, ..warns("retention", "ChecklistAuditEventsNotArchived") },
    warns("roles", "ChecklistTooManyAdmins"),
    warns("image", "ChecklistImageVulnerable"),
    warns("dependencies", "ChecklistDependencyScanStale"),
    warns("rules", "ChecklistRulesMissing"),
    warns("secret", "ChecklistSecretNotRotated"),
    warns("task", "ChecklistTaskDue"),
    pages("query", "ChecklistQueryStuckJobs"),
];

/// What an injected fault holds, or needs for its repair.
#[derive(Default)]
pub struct Broken {
    clients: Vec<Client>,
    silence: Option<String>,
    rules: Option<String>,
}

impl Stack {
    /// Injects a fault.
    pub async fn inject(&self, fault: Fault) -> anyhow::Result<Broken> {
        let mut broken = Broken::default();
        let sql = |sql: &'static str| self.postgres.execute(sql);
        match fault.name {
            "pods" => self.application.change(Change::ReadyPods(0)).await?,
            "health" => self
                .health
                .respond_with(HealthBody::Json(serde_json::json!({"status": "degraded", "version": "1.4.2", "database": "lost"}))),
            "restarts" => {
                for restarts in [2, 4, 6] {
                    self.application.change(Change::Restarts(restarts)).await?;
                    let seen = format!("max(checklist_container_restarts_total) >= {restarts}");
                    self.has_seen(&seen).await?;
                }
            }
            "silence" => {
                let month = Duration::from_hours(30 * 24);
                broken.silence = Some(self.alertmanager.silence("SomethingElse", month).await?);
            }
            "errors" => self.traffic.add(0.0, 5e8, 0.0),
            "disk" => self.application.change(Change::DiskUse(0.93)).await?,
            "backup" => self.s3.remove(BUCKET, BACKUP)?,
            "connections" => {
                // 36 of the 37 connections for ordinary roles. The connections reserved for superusers let other faults
                // still work.
                for _ in 0..36 {
                    broken.clients.push(self.postgres.client().await?);
                }
            }
            "latency" => self.traffic.add(0.0, 0.0, 50_000.0),
            "seq-scan" => {
                let client = self.postgres.client().await?;
                client
                    .batch_execute("CREATE TABLE no_index AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 20000) n; ANALYZE no_index")
                    .await?;
                // The alert needs more than fifty scans after the first run that saw the table.
                self.has_seen("checklist_postgres_table_seq_scans_total{table=\"no_index\"}").await?;
                for _ in 0..120 {
                    client.batch_execute("SELECT count(*) FROM no_index").await?;
                }
            }
            "slow-query" => {
                let client = self.postgres.client().await?;
                tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(1200)").await });
            }
            "utilization" => self.application.change(Change::MemoryUse(0.97)).await?,
            "workflows" => sql("INSERT INTO workflows (status, created_at, updated_at) SELECT 'failed', now(), now() FROM generate_series(1, 50)").await?,
            "auth" => sql("INSERT INTO audit_events (timestamp, event_type, user_id) SELECT now(), 'authentication_failed', 7 FROM generate_series(1, 80)").await?,
            "permissions" => sql("INSERT INTO audit_events (timestamp, event_type, user_id) SELECT now(), 'permission_denied', 9001 FROM generate_series(1, 20)").await?,
            "audit-log" => sql("UPDATE audit_events SET timestamp = timestamp - interval '5 hours'").await?,
            "pod-logs" => self.application.change(Change::AuditLines(false)).await?,
            "certificate" => self.health.certificate.set(self.authority.issue(HOST, -2)?),
            "advisory" => self.report("audit.json", r#"{"vulnerabilities": {"found": true, "count": 1, "list": [{"advisory": {"id": "RUSTSEC-2026-0001", "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}}"#)?,
            "autoscaler" => self.application.change(Change::AutoscalerAtMax(true)).await?,
            "claim" => self.application.change(Change::ClaimPending(true)).await?,
            "vacuum" => sql("CREATE TABLE dirty WITH (autovacuum_enabled = off) AS SELECT n, repeat('x', 200) AS filler FROM generate_series(1, 20000) n; ANALYZE dirty; DELETE FROM dirty WHERE n % 3 = 0").await?,
            "index" => {
                sql("CREATE TABLE doubles AS SELECT n % 10 AS n FROM generate_series(1, 100) n").await?;
                // The statement fails because of the duplicates, and leaves an invalid index behind.
                let failed = sql("CREATE UNIQUE INDEX CONCURRENTLY doubles_once ON doubles (n)").await;
                anyhow::ensure!(failed.is_err(), "the duplicates were indexed");
            }
            "bloat" => sql("CREATE TABLE bloated WITH (autovacuum_enabled = off) AS SELECT n, repeat('x', 200) AS filler FROM generate_series(1, 20000) n; ANALYZE bloated; DELETE FROM bloated WHERE n % 5 > 0").await?,
            "retention" => sql("INSERT INTO audit_events (timestamp, event_type, user_id) VALUES (now() - interval '200 days', 'request', 9002)").await?,
            "roles" => sql("INSERT INTO user_roles SELECT n, 1 FROM generate_series(100, 110) n").await?,
            "image" => self.report("images/orchestrator.json", r#"{"ArtifactName": "orchestrator:1.4.2", "Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-2026-0001", "Severity": "CRITICAL", "FixedVersion": "1.2.4"}]}]}"#)?,
            "dependencies" => {
                let file = std::fs::File::options().write(true).open(self.folder().join("reports/outdated.json"))?;
                file.set_modified(SystemTime::now() - Duration::from_hours(40 * 24))?;
            }
            "rules" => {
                let path = self.rules();
                let text = std::fs::read_to_string(&path)?;
                std::fs::write(&path, text.replace("name: checklist-dashboards", "name: someone-elses"))?;
                broken.rules = Some(text);
                self.prometheus.reload()?;
            }
            "secret" => self.application.change(Change::SecretAge(400)).await?,
            "task" => put_records(self.folder(), false)?,
            "query" => sql("INSERT INTO jobs (queue, waits_since) SELECT 'mail', now() - interval '2 hours' FROM generate_series(1, 9)").await?,
            other => anyhow::bail!("there is no fault {other}"),
        }
        Ok(broken)
    }

    /// Repairs a fault.
    pub async fn mend(&self, fault: Fault, broken: Broken) -> anyhow::Result<()> {
        let sql = |sql: &'static str| self.postgres.execute(sql);
        match fault.name {
            "pods" => self.application.change(Change::ReadyPods(3)).await?,
            "health" => self.health.respond_with(HealthBody::Json(healthy())),
            "restarts" => self.application.change(Change::NewPod).await?,
            "silence" => self.alertmanager.expire(&broken.silence.unwrap_or_default())?,
            // The rates still contain the bad requests; a huge number of good ones makes their share small.
            "latency" => self.traffic.add(5e7, 0.0, 0.0),
            "errors" => self.traffic.add(5e11, 0.0, 0.0),
            "disk" => self.application.change(Change::DiskUse(0.4)).await?,
            "backup" => put_backup(&self.s3)?,
            "connections" => drop(broken.clients),
            "seq-scan" => sql("DROP TABLE no_index").await?,
            "slow-query" => sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1200)'").await?,
            "utilization" => self.application.change(Change::MemoryUse(0.5)).await?,
            "workflows" => sql("DELETE FROM workflows WHERE status = 'failed' AND updated_at > now() - interval '10 minutes'").await?,
            "auth" => sql("DELETE FROM audit_events WHERE event_type = 'authentication_failed' AND timestamp > now() - interval '1 hour'").await?,
            "permissions" => sql("DELETE FROM audit_events WHERE user_id = 9001").await?,
            "audit-log" => sql("UPDATE audit_events SET timestamp = timestamp + interval '5 hours'").await?,
            "pod-logs" => self.application.change(Change::AuditLines(true)).await?,
            "certificate" => self.health.certificate.set(self.authority.issue(HOST, 60)?),
            "advisory" | "image" | "dependencies" => put_reports(self.folder())?,
            "autoscaler" => self.application.change(Change::AutoscalerAtMax(false)).await?,
            "claim" => self.application.change(Change::ClaimPending(false)).await?,
            "vacuum" => sql("DROP TABLE dirty").await?,
            "index" => sql("DROP TABLE doubles").await?,
            "bloat" => sql("DROP TABLE bloated").await?,
            "retention" => sql("DELETE FROM audit_events WHERE user_id = 9002").await?,
            "roles" => sql("DELETE FROM user_roles WHERE role_id = 1 AND user_id >= 100").await?,
            "rules" => {
                std::fs::write(self.rules(), broken.rules.unwrap_or_default())?;
                self.prometheus.reload()?;
            }
            "secret" => self.application.change(Change::SecretAge(30)).await?,
            "task" => self.command(&["task", "done", "walk", "--by", "stack", "--note", "all quiet"])?,
            "query" => sql("DELETE FROM jobs WHERE waits_since < now() - interval '1 hour'").await?,
            other => anyhow::bail!("there is no fault {other}"),
        }
        Ok(())
    }

    /// Runs a command of the exporter with the stack's checklist.yaml.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(program("checklist-exporter")?);
        run(command.args(arguments).env("CHECKLIST_CONFIG", self.folder().join("checklist.yaml")))
    }

    /// Waits until Prometheus answers a query with something.
    async fn has_seen(&self, query: &str) -> anyhow::Result<()> {
        eventually(query, || async { Ok(!self.prometheus.query(query).await?.is_empty()) }).await
    }

    fn rules(&self) -> std::path::PathBuf {
        self.folder().join("generated/rules/checklist.yaml")
    }

    fn report(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder().join("reports").join(name), text)?)
    }
}
