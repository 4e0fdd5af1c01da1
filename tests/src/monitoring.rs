//! Prometheus and Alertmanager with data folders of their own. The programs come from the system, from the folder in
//! the variable `PROMETHEUS_BIN`, or from target/parts (the newest release).

use crate::http::{is_up, json, request};
use crate::process::{Process, run};
use crate::waiting::eventually;
use anyhow::Context;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The folder of the programs; `None` for those on PATH.
#[derive(Debug, Clone)]
pub struct Release(Option<PathBuf>);

impl Release {
    /// Returns the release in the folder `PROMETHEUS_BIN`, else that of the system. Debian's is the oldest supported
    /// release.
    pub fn chosen() -> Self {
        Self(std::env::var_os("PROMETHEUS_BIN").map(PathBuf::from))
    }

    /// Returns the newest supported release, pinned in tests/parts.
    pub fn newest() -> Self {
        Self(Some(crate::parts::folder().join("bin")))
    }

    /// Returns a command for a program: `prometheus`, `promtool`, `alertmanager` or `amtool`.
    pub fn tool(&self, name: &str) -> Command {
        match &self.0 {
            Some(folder) => Command::new(folder.join(name)),
            // The name in Debian's package.
            None if name == "alertmanager" => Command::new("prometheus-alertmanager"),
            None => Command::new(name),
        }
    }
}

/// Writes samples in OpenMetrics text (with `# EOF`) as blocks for a Prometheus that is later started in the folder.
pub fn backfill(folder: &Path, text: &str) -> anyhow::Result<()> {
    let history = folder.join("history.txt");
    std::fs::write(&history, text)?;
    let mut promtool = Release::chosen().tool("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h"]);
    run(promtool.arg(&history).arg(folder.join("prometheus-data")))
}

/// A running Alertmanager.
pub struct Alertmanager {
    pub port: u16,
    release: Release,
    _process: Process,
}

impl Alertmanager {
    /// Silences an alert for a duration. Returns the id of the silence.
    pub async fn silence(&self, alert: &str, lasts: Duration) -> anyhow::Result<String> {
        let now = jiff::Timestamp::now();
        let end = now + jiff::SignedDuration::try_from(lasts)?;
        let body = serde_json::json!({
            "matchers": [{"name": "alertname", "value": alert, "isRegex": false, "isEqual": true}],
            "startsAt": now.to_string(), "endsAt": end.to_string(), "createdBy": "stack", "comment": "a test",
        });
        let url = format!("http://127.0.0.1:{}/api/v2/silences", self.port);
        let (_, response) = request(&url, Some(&body.to_string()), &[("content-type", "application/json")]).await?;
        let response: Value = serde_json::from_slice(&response)?;
        Ok(response["silenceID"].as_str().with_context(|| format!("no silence: {response}"))?.to_owned())
    }

    /// Returns every alert that Alertmanager has, with its state and receivers.
    pub async fn alerts(&self) -> anyhow::Result<Vec<Value>> {
        let response = json(&format!("http://127.0.0.1:{}/api/v2/alerts", self.port)).await?;
        response.as_array().cloned().with_context(|| format!("no alerts: {response}"))
    }

    /// Returns the alerts with a name and severity that are inhibited by another alert.
    pub async fn held_back(&self, alert: &str, severity: &str) -> anyhow::Result<Vec<Value>> {
        let is_it = |one: &Value| one["labels"]["alertname"] == alert && one["labels"]["severity"] == severity;
        let held = |one: &Value| one["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty());
        Ok(self.alerts().await?.into_iter().filter(|one| is_it(one) && held(one)).collect())
    }

    /// Expires a silence.
    pub fn expire(&self, silence: &str) -> anyhow::Result<()> {
        let output = self
            .release
            .tool("amtool")
            .args(["silence", "expire", silence, &format!("--alertmanager.url=http://127.0.0.1:{}", self.port)])
            .output()?;
        anyhow::ensure!(output.status.success(), "amtool: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Starts Alertmanager with a configuration file.
    pub async fn start(port: u16, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::of(Release::chosen(), port, config, folder).await
    }

    /// Starts Alertmanager of a release with a configuration file.
    pub async fn of(release: Release, port: u16, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = release.tool("alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager-data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=");
        let mut process = Process::start(&mut command, "alertmanager", folder, Signal::SIGTERM)?;
        process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
        Ok(Self { port, release, _process: process })
    }
}

/// A running Prometheus.
pub struct Prometheus {
    pub port: u16,
    process: Process,
}

impl Prometheus {
    /// Starts Prometheus with our exporters, other jobs, one rule file and one Alertmanager. A scrape may take two
    /// seconds, because after a missed scrape the series are stale and their alerts end.
    pub async fn start(
        port: u16,
        exporters: &[u16],
        jobs: &[(&str, u16)],
        alertmanager: u16,
        rules: &Path,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n\
             scrape_configs:\n  - job_name: checklist\n    honor_labels: true\n    \
             static_configs: [{{targets: [{}]}}]\n{}",
            rules.display(),
            exporters.iter().map(|port| format!("'127.0.0.1:{port}'")).collect::<Vec<_>>().join(", "),
            jobs.iter()
                .map(|(name, port)| format!(
                    "  - job_name: {name}\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
                ))
                .collect::<String>(),
        );
        std::fs::write(&config, text)?;
        Self::of(&Release::chosen(), port, &config, folder).await
    }

    /// Starts Prometheus of a release with a configuration file.
    pub async fn of(release: &Release, port: u16, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = release.tool("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus-data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            // The default retention is 15 days, but reports look back up to two quarters.
            .arg("--storage.tsdb.retention.time=400d")
            // A notification that is sent before Prometheus has discovered its Alertmanager is lost. By default it is
            // sent again only after a minute.
            .arg("--rules.alert.resend-delay=10s")
            .arg("--log.level=warn");
        let mut process = Process::start(&mut command, "prometheus", folder, Signal::SIGTERM)?;
        process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
        Ok(Self { port, process })
    }

    /// Starts a Prometheus that scrapes nothing and accepts old samples by remote write, series by series. A block is
    /// longer than all that is written, so each series is in order by itself and nothing is compacted meanwhile. With
    /// the out-of-order storage of 2.42, a query once missed hours of series that had just been written.
    pub async fn with_past(port: u16, folder: &Path) -> anyhow::Result<Self> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "{}\n")?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus-data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            .arg("--storage.tsdb.retention.time=10y")
            .arg("--storage.tsdb.min-block-duration=1y")
            .arg("--storage.tsdb.max-block-duration=1y")
            .arg("--query.max-samples=500000000")
            .arg("--query.timeout=10m")
            .arg("--log.level=warn");
        let mut process = Process::start(&mut command, "prometheus", folder, Signal::SIGTERM)?;
        process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
        Ok(Self { port, process })
    }

    /// Reloads the configuration and the rules.
    pub fn reload(&self) -> anyhow::Result<()> {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.process.id())?);
        Ok(nix::sys::signal::kill(id, Signal::SIGHUP)?)
    }

    /// Returns the firing alerts.
    pub async fn firing(&self) -> anyhow::Result<Vec<Value>> {
        let response = json(&format!("http://127.0.0.1:{}/api/v1/alerts", self.port)).await?;
        let alerts = response["data"]["alerts"].as_array().cloned().unwrap_or_default();
        Ok(alerts.into_iter().filter(|alert| alert["state"] == "firing").collect())
    }

    /// Waits until an alert fires or, if `fires` is false, does not fire.
    pub async fn wait(&self, alert: &str, severity: &str, fires: bool) -> anyhow::Result<()> {
        let is_it = |one: &Value| one["labels"]["alertname"] == alert && one["labels"]["severity"] == severity;
        let what = format!("{alert} ({severity}) {}", if fires { "fires" } else { "no longer fires" });
        eventually(&what, || async { Ok(self.firing().await?.iter().any(is_it) == fires) }).await
    }

    /// Waits until the rules of an alert have been evaluated some seconds from now.
    pub async fn judged_in(&self, seconds: i64, alert: &str) -> anyhow::Result<()> {
        let after = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        eventually(&format!("{alert} is judged again"), || async {
            let response = json(&format!("http://127.0.0.1:{}/api/v1/rules", self.port)).await?;
            let groups = response["data"]["groups"].as_array().cloned().unwrap_or_default();
            let rules = groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten());
            let mut judged = rules.filter(|rule| rule["name"] == alert).map(|rule| {
                let at = rule["lastEvaluation"].as_str().with_context(|| format!("no time: {rule}"))?;
                anyhow::Ok(at.parse::<jiff::Timestamp>()?)
            });
            let first = judged.next().with_context(|| format!("no rule {alert}"))??;
            Ok(judged.try_fold(first, |first, at| anyhow::Ok(first.min(at?)))? > after)
        })
        .await
    }

    /// Returns the values of an instant query.
    pub async fn query(&self, expr: &str) -> anyhow::Result<Vec<f64>> {
        let encoded: String = url::form_urlencoded::byte_serialize(expr.as_bytes()).collect();
        let (_, body) =
            request(&format!("http://127.0.0.1:{}/api/v1/query?query={encoded}", self.port), None, &[]).await?;
        let response: Value = serde_json::from_slice(&body)?;
        let result = response["data"]["result"].as_array().with_context(|| format!("{expr}: {response}"))?;
        Ok(result.iter().filter_map(|one| one["value"][1].as_str()?.parse().ok()).collect())
    }

    /// Returns the rules that fail to evaluate, with their errors.
    pub async fn broken_rules(&self) -> anyhow::Result<Vec<String>> {
        let response = json(&format!("http://127.0.0.1:{}/api/v1/rules", self.port)).await?;
        let groups = response["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        Ok(rules
            .filter(|rule| rule["health"] == "err")
            .map(|rule| format!("{}: {}", rule["name"], rule["lastError"]))
            .collect())
    }

    /// Returns the warnings and infos of PromQL about the rules, such as a counter function on a gauge. Versions before
    /// 3 have few of them.
    pub async fn remarks(&self) -> anyhow::Result<Vec<String>> {
        let response = json(&format!("http://127.0.0.1:{}/api/v1/rules", self.port)).await?;
        let groups = response["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        let mut remarks = Vec::new();
        for rule in rules {
            let expr = rule["query"].as_str().with_context(|| format!("no query: {rule}"))?;
            let encoded: String = url::form_urlencoded::byte_serialize(expr.as_bytes()).collect();
            let response = json(&format!("http://127.0.0.1:{}/api/v1/query?query={encoded}", self.port)).await?;
            anyhow::ensure!(response["status"] == "success", "{}: {response}", rule["name"]);
            let printed =
                ["warnings", "infos"].into_iter().flat_map(|kind| response[kind].as_array().into_iter().flatten());
            remarks.extend(printed.map(|text| format!("{}: {text}", rule["name"])));
        }
        Ok(remarks)
    }
}

/// Returns the response of a Prometheus that has loaded the generated rules, each of them with this health.
pub fn loaded_rules(yaml: &str, health: &str, evaluated: &str) -> anyhow::Result<Value> {
    let files = rules_gen::outputs::generate(&checklist::Config::parse("checklist.yaml", yaml)?, "checklist.yaml")?;
    let file = files.iter().find(|file| file.path.ends_with("rules/checklist.yaml")).context("there are rules")?;
    let mut loaded: Value = serde_yaml::from_str(&file.content)?;
    for group in loaded["groups"].as_array_mut().context("groups")? {
        (group["interval"], group["lastEvaluation"]) = (json!(60), json!(evaluated));
        for rule in group["rules"].as_array_mut().context("rules")? {
            let name = rule.get("alert").or_else(|| rule.get("record")).cloned();
            (rule["name"], rule["health"]) = (name.context("a name")?, json!(health));
        }
    }
    Ok(json!({"status": "success", "data": loaded}))
}
