//! `verify-alerts` on a real Alertmanager: working routes pass, and each broken route is reported with its cause.

use serde_json::json;
use stack::http::{request, response, serve};
use stack::monitoring::Alertmanager;
use stack::process::free_port;
use stack::recorder::Recorder;
use stack::stack::program;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The receivers, and the folder for an Alertmanager with a generated configuration that a test can break.
struct World {
    recorder: Recorder,
    port: u16,
    folder: TempDir,
}

impl World {
    async fn start(receivers: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-path").tempdir()?;
        let recorder = Recorder::start().await?;
        let port = free_port()?;
        std::fs::create_dir(folder.path().join("tasks"))?;
        std::fs::write(folder.path().join("key"), "0123456789abcdef0123456789abcdef")?;
        std::fs::write(folder.path().join("slack-url"), recorder.slack_url())?;
        let (root, pagerduty) = (folder.path().display(), recorder.pagerduty_url());
        let yaml = format!(
            "alertmanagers: [{{name: main, url: 'http://127.0.0.1:{port}'}}]
tasks: {{since: 2026-01-01, directory: {root}/tasks}}
alerting:
  grouping: {{wait: 1s, interval: 1s, repeat: 1h}}
{}",
            receivers
                .replace("PAGERDUTY", &format!("{{routingKeyFile: {root}/key, url: '{pagerduty}'}}"))
                .replace("SLACK", &format!("{{webhookUrlFile: {root}/slack-url}}"))
        );
        std::fs::write(folder.path().join("checklist.yaml"), yaml)?;
        Ok(Self { recorder, port, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts Alertmanager with the generated configuration after the change of a test.
    async fn route(&self, change: impl Fn(&mut serde_json::Value)) -> anyhow::Result<Alertmanager> {
        let text = std::fs::read_to_string(self.path("checklist.yaml"))?;
        let config = checklist::Config::parse("checklist.yaml", &text)?;
        let mut routes = rules_gen::outputs::alertmanager::configuration(&config);
        change(&mut routes);
        std::fs::write(self.path("alertmanager.yaml"), routes.to_string())?;
        Alertmanager::start(self.port, &self.path("alertmanager.yaml"), self.folder.path()).await
    }

    fn verify(&self, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
        let mut command = Command::new(program("checklist-exporter")?);
        // A failure that is already certain is reported without waiting.
        command.args(["verify-alerts", "--config"]).arg(self.path("checklist.yaml"));
        if !arguments.contains(&"--within") {
            command.args(["--within", "120"]);
        }
        let output = command.args(arguments).output()?;
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    }

    fn records(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.path("tasks/records.jsonl"))?)
    }
}

const BOTH: &str = "  pagerduty: PAGERDUTY\n  slack: SLACK\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_alert_path_is_detected_with_its_cause() -> anyhow::Result<()> {
    let world = World::start(BOTH).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(code == Some(1) && printed.matches("NOT delivered").count() == 2, "nobody is there: {printed}");
    assert!(world.records()?.contains("\"passed\":false"));

    let alertmanager = world.route(|_| {}).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(code == Some(0) && printed.matches(": delivered after").count() == 2, "{printed}");
    let silence = alertmanager.silence("Other", Duration::from_mins(1)).await?;
    alertmanager.expire(&silence)?;
    // A silence for all alerts also suppresses the test alert.
    let now = jiff::Timestamp::now();
    let end = now + jiff::SignedDuration::from_mins(5);
    let matcher = json!({"name": "severity", "value": "warning", "isRegex": false, "isEqual": true});
    let all = json!({"matchers": [matcher], "startsAt": now.to_string(), "endsAt": end.to_string(), "createdBy": "a", "comment": "b"});
    let silences = format!("http://127.0.0.1:{}/api/v2/silences", world.port);
    request(&silences, Some(&all.to_string()), &[("content-type", "application/json")]).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(code == Some(1) && printed.contains("main critical: delivered"), "{printed}");
    assert!(printed.contains("main warning: NOT delivered: Alertmanager suppresses the alert: a silence"), "{printed}");
    drop(alertmanager);
    std::fs::remove_dir_all(world.path("alertmanager-data"))?;

    // Critical alerts are routed to Slack.
    let alertmanager = world
        .route(|routes| {
            for route in routes["route"]["routes"].as_array_mut().into_iter().flatten() {
                if route["receiver"] == "pagerduty" {
                    route["receiver"] = json!("slack");
                }
            }
        })
        .await?;
    let (code, printed) = world.verify(&[])?;
    assert!(
        code == Some(1)
            && printed
                .contains("main critical: NOT delivered: the alert is routed to slack, none of which has the integration pagerduty"),
        "{printed}"
    );
    drop(alertmanager);

    // There is no route to a receiver.
    let alertmanager = world.route(|routes| routes["route"] = json!({"receiver": "nobody"})).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(code == Some(1) && printed.matches("the alert is routed to nobody").count() == 2, "{printed}");
    drop(alertmanager);

    // Another alert inhibits the test alert.
    let alertmanager = world
        .route(|routes| {
            routes["inhibit_rules"] =
                json!([{"source_matchers": ["alertname=\"Flood\""], "target_matchers": ["severity=\"warning\""]}]);
        })
        .await?;
    let flood = json!([{"labels": {"alertname": "Flood", "severity": "critical"}, "endsAt": end.to_string()}]);
    let alerts = format!("http://127.0.0.1:{}/api/v2/alerts", world.port);
    request(&alerts, Some(&flood.to_string()), &[("content-type", "application/json")]).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(
        code == Some(1)
            && printed
                .contains("main warning: NOT delivered: Alertmanager suppresses the alert: another alert inhibits it"),
        "{printed}"
    );
    drop(alertmanager);

    // Slack refuses the notification.
    let refusing = serve(None, |_| async { response(403, "text/plain", "invalid_token") }).await?;
    std::fs::write(world.path("slack-url"), format!("http://127.0.0.1:{}/slack", refusing.port))?;
    let _alertmanager = world.route(|_| {}).await?;
    let (code, printed) = world.verify(&[])?;
    assert!(code == Some(1) && printed.contains("main critical: delivered"), "{printed}");
    assert!(printed.contains("main warning: NOT delivered: slack refused the notification"), "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_of_verify_alerts_recognizes_its_alert_by_name() -> anyhow::Result<()> {
    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let world = World::start(&format!("{BOTH}  webhook: {{url: 'http://{listen}/'}}\n  heartbeat: {{url: 'http://127.0.0.1:{port}/beat', interval: 10s}}\n")).await?;
    let alertmanager = world.route(|_| {}).await?;
    let (code, printed) = world.verify(&["--webhook-listen", &listen])?;
    assert!(code == Some(0) && printed.matches(": delivered after").count() == 2, "{printed}");
    let page = world.recorder.messages().iter().any(|m| m.receiver == "pagerduty" && m.has("ChecklistRoutingTest"));
    assert!(page, "the other receivers get it too");
    drop(alertmanager);
    // Alertmanager's webhook is another server, which accepts everything. Alertmanager's counters alone would not show
    // that.
    let other = world.recorder.slack_url();
    let _alertmanager = world
        .route(|routes| {
            for receiver in routes["receivers"].as_array_mut().into_iter().flatten() {
                if receiver["name"] == "webhook" {
                    receiver["webhook_configs"][0]["url"] = json!(other);
                }
            }
        })
        .await?;
    let (code, printed) = world.verify(&["--webhook-listen", &listen, "--within", "10"])?;
    assert!(
        code == Some(1) && printed.matches("no notification was sent to the webhook of this command").count() == 2,
        "{printed}"
    );
    Ok(())
}
