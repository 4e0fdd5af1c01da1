//! Injects each fault into the real stack. The right receiver is notified of each fault and of its end.

mod dashboards;
mod metrics;
mod verify;

use stack::application::Change;
use stack::cluster::Api;
use stack::faults::{FAULTS, Fault};
use stack::recorder::Message;
use stack::stack::Stack;
use stack::waiting::eventually;
use std::process::Command;

/// Waits for a notification about the fault, or about its end, after the first `before` messages.
async fn notified(stack: &Stack, fault: Fault, resolved: bool, before: usize) -> anyhow::Result<()> {
    let about = |m: &Message| {
        m.receiver == fault.receiver() && if resolved { m.resolves(fault.alert) } else { m.fires(fault.alert) }
    };
    let what = format!("{} gets a message about {} (resolved: {resolved})", fault.receiver(), fault.alert);
    eventually(&what, || async { Ok(stack.recorder.messages().iter().skip(before).any(about)) }).await
}

/// Injects all faults of a round, waits for all notifications, and repairs the faults.
async fn round(stack: &Stack, faults: Vec<Fault>) -> anyhow::Result<()> {
    let before = stack.recorder.messages().len();
    let injected = futures::future::try_join_all(faults.iter().map(|fault| stack.inject(*fault))).await?;
    let seen = faults.iter().map(|fault| async move {
        stack.prometheus.wait(fault.alert, fault.severity, true).await?;
        notified(stack, *fault, false, before).await?;
        same_verdict(stack, *fault).await
    });
    let mut wrong = failures(&faults, futures::future::join_all(seen).await);
    // All alerts fire now. An alert that another one inhibits must be in another round.
    for fault in &faults {
        let held = stack.alertmanager.held_back(fault.alert, fault.severity).await?;
        wrong.extend(held.iter().map(|alert| format!("{}: held back by another fault: {alert}", fault.name)));
    }
    let before = stack.recorder.messages().len();
    for (fault, broken) in faults.iter().zip(injected) {
        stack.mend(*fault, broken).await?;
    }
    let seen = faults.iter().map(|fault| async move {
        stack.prometheus.wait(fault.alert, fault.severity, false).await?;
        notified(stack, *fault, true, before).await
    });
    wrong.extend(failures(&faults, futures::future::join_all(seen).await));
    anyhow::ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

fn failures(faults: &[Fault], seen: Vec<anyhow::Result<()>>) -> Vec<String> {
    let failed = |(fault, seen): (&Fault, anyhow::Result<()>)| Some(format!("{}: {}", fault.name, seen.err()?));
    faults.iter().zip(seen).filter_map(failed).collect()
}

/// Unused accounts and keys: the alerts wait for a week, but the verdict does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_reports_a_finding_before_its_alert_fires() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    stack.postgres.execute("INSERT INTO users (email, created_at, last_login_at) VALUES ('stale@example.com', now() - interval '300 days', now() - interval '200 days')").await?;
    stack
        .postgres
        .execute(
            "INSERT INTO api_keys (user_id, name, created_at) VALUES (1, 'forgotten', now() - interval '200 days')",
        )
        .await?;
    for check in ["users", "api_keys"] {
        is_not_passed(&stack, check).await?;
    }
    for alert in ["ChecklistAccountsStale", "ChecklistApiKeysStale"] {
        // Longer than the alert's `for` in this stack.
        stack.prometheus.judged_in(10, alert).await?;
        let fires = stack.prometheus.query(&format!("ALERTS{{alertname={alert:?}}}")).await?;
        assert!(fires.is_empty(), "{alert} does not wait");
    }
    Ok(())
}

/// Waits until the exporter has judged a check as not passed.
async fn is_not_passed(stack: &Stack, check: &str) -> anyhow::Result<()> {
    let query = format!("checklist_check_passed{{check={check:?}}}");
    eventually(&format!("{check} is not passed"), || async { Ok(stack.prometheus.query(&query).await? == [0.0]) }).await
}

/// Checks that the exporter reports what Prometheus alerts on, unless the alert needs history.
async fn same_verdict(stack: &Stack, fault: Fault) -> anyhow::Result<()> {
    for signal in checklist::SIGNALS {
        let judged = |alert: &checklist::Alert| alert.name == fault.alert && !alert.when.needs_history();
        if signal.kind.is_probed() && signal.alerts.iter().any(judged) {
            is_not_passed(stack, signal.id).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_notifies_the_right_receiver_and_resolves() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    assert_eq!(stack.prometheus.broken_rules().await?, Vec::<String>::new());
    assert_eq!(stack.prometheus.remarks().await?, Vec::<String>::new());
    // Every check has passed with the generated roles, and other requests are refused.
    let exporter = Api::new(&std::fs::read_to_string(stack.folder().join("kubeconfig"))?).await?;
    for resource in ["secrets", "secrets/other", "configmaps", "events"] {
        let path = format!("/api/v1/namespaces/{}/{resource}", stack.application.namespace());
        let (status, _) = exporter.request("GET", &path, "application/json", Vec::new()).await?;
        assert_eq!(status, 403, "{path}");
    }
    stack.prometheus.wait("ChecklistWatchdog", "none", true).await?;
    for number in 1..=FAULTS.iter().map(|fault| fault.round).max().unwrap_or(0) {
        round(&stack, FAULTS.iter().copied().filter(|fault| fault.round == number).collect()).await?;
    }
    // The critical alert about the disk has inhibited its own warning.
    let has_received = |receiver| {
        stack.recorder.messages().iter().any(|m| m.receiver == receiver && m.fires("ChecklistVolumeFilling"))
    };
    assert!(has_received("pagerduty") && !has_received("slack"));
    assert!(stack.exporter.stop(), "SIGTERM ends the exporter with success");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_suppresses_routine_warnings_and_never_a_critical_alert() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let fault =
        |name: &str| FAULTS.iter().copied().find(|fault| fault.name == name).unwrap_or_else(|| panic!("{name}"));
    let (routine, page) = (fault("roles"), fault("backup"));
    stack.command(&["override", "start", "--reason", "the region is down", "--for", "2h", "--by", "ann"])?;
    assert!(stack.command(&["override", "start", "--reason", "again", "--for", "2h", "--by", "bob"]).is_err());
    assert!(stack.command(&["override", "extend", "--reason", "for ever", "--for", "90d", "--by", "bob"]).is_err());
    eventually("Alertmanager knows of the emergency", || async {
        let all = stack.alertmanager.alerts().await?;
        Ok(all.iter().any(|alert| alert["labels"]["alertname"] == "ChecklistEmergencyOverride"))
    })
    .await?;
    let before = stack.recorder.messages().len();
    stack.inject(routine).await?;
    eventually("the routine warning is held back", || async {
        Ok(!stack.alertmanager.held_back(routine.alert, routine.severity).await?.is_empty())
    })
    .await?;
    // A later alert is delivered. The inhibited warning was not sent before it.
    stack.inject(page).await?;
    notified(&stack, page, false, before).await?;
    let is_routine = |message: &Message| message.fires(routine.alert);
    assert!(!stack.recorder.messages().iter().any(is_routine), "a routine warning was sent");
    stack.command(&["override", "end", "--by", "ann"])?;
    stack.prometheus.wait("ChecklistEmergencyOverride", "none", false).await?;
    notified(&stack, routine, false, before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_targets_are_reported() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let before = stack.recorder.messages().len();
    // The API server refuses every request, and the health page is endless.
    stack.application.change(Change::RightsRevoked).await?;
    stack.health.respond_with(stack::peers::HealthBody::Large);
    stack.prometheus.wait("ChecklistCheckOverdue", "critical", true).await?;
    stack.prometheus.wait("ChecklistHealthUnreachable", "critical", true).await?;
    let overdue = "ALERTS{alertname=\"ChecklistCheckOverdue\", check=\"health\"}";
    eventually(overdue, || async { Ok(!stack.prometheus.query(overdue).await?.is_empty()) }).await?;
    // A rule reads a metric that does not exist; the check reports it.
    let config = stack.folder().join("checklist.yaml");
    let text = std::fs::read_to_string(&config)?;
    let ghost = "  - {name: ghost, help: Not there, query: SELECT 1 AS value, above: {warning: 1}}\n";
    let other = stack.folder().join("ghost.yaml");
    std::fs::write(&other, text.replace("queries:\n", &format!("queries:\n{ghost}")))?;
    let mut command = Command::new(stack::stack::program("checklist-exporter")?);
    let output = command.args(["check", "--only", "dashboards", "--config"]).arg(&other).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && printed.contains("metric=checklist_query_ghost"), "{printed}");
    // The exporter is stopped.
    stack.exporter.stop();
    stack.prometheus.wait("ChecklistExporterMissing", "critical", true).await?;
    eventually("somebody is notified that the exporter is gone", || async {
        Ok(stack.recorder.messages().iter().skip(before).any(|message| message.fires("ChecklistExporterMissing")))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_alert_never_inhibits_a_warning_about_another_object() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let before = stack.recorder.messages().len();
    stack.application.change(Change::ReadyPods(0)).await?;
    stack.prometheus.wait("ChecklistWorkloadDown", "critical", true).await?;
    notified(
        &stack,
        Fault { name: "down", alert: "ChecklistWorkloadDown", severity: "critical", round: 1 },
        false,
        before,
    )
    .await?;
    let before = stack.recorder.messages().len();
    stack.application.change(Change::WantedDatabasePods(2)).await?;
    let missing = Fault { name: "missing", alert: "ChecklistWorkloadReplicasMissing", severity: "warning", round: 1 };
    notified(&stack, missing, false, before).await?;
    let messages = stack.recorder.messages();
    let about = |m: &&Message| m.receiver == "slack" && m.fires(missing.alert);
    let warnings: Vec<_> = messages.iter().skip(before).filter(about).collect();
    assert!(warnings.iter().all(|message| message.has("postgres has only")), "{warnings:#?}");
    assert!(!warnings.iter().any(|message| message.has("orchestrator has only")), "{warnings:#?}");
    Ok(())
}

/// The traffic of ten days, low in the last 33 hours, is written into Prometheus' storage; the present traffic is real.
#[tokio::test(flavor = "multi_thread")]
async fn a_drop_of_requests_since_last_week_alerts() -> anyhow::Result<()> {
    use std::fmt::Write;
    let folder = tempfile::tempdir()?;
    let traffic = stack::traffic::Traffic::start().await?;
    let yaml = "traffic:\n  - {name: orchestrator, selector: 'job=\"orchestrator\"'}\nalerting:\n  alerts: {ChecklistTrafficFell: {for: 2s}}\n";
    let config = checklist::Config::parse("checklist.yaml", yaml)?;
    rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml")?, folder.path())?;
    let mut text = "# TYPE checklist:http_requests:rate1d gauge\n".to_owned();
    let now = jiff::Timestamp::now().as_second();
    // One value in four minutes, the oldest first.
    for values in (1..10 * 24 * 15).rev() {
        let (at, requests) = (now - 240 * values, if values > 33 * 15 { 1000 } else { 1 });
        writeln!(
            text,
            "checklist:http_requests:rate1d{{check=\"requests\",target=\"orchestrator\",job=\"checklist-rules\",instance=\"rules\"}} {requests} {at}"
        )?;
    }
    text += "# EOF\n";
    stack::monitoring::backfill(folder.path(), &text)?;
    let (port, rules) = (stack::process::free_port()?, folder.path().join("rules/checklist.yaml"));
    let jobs = [("orchestrator", traffic.port)];
    let prometheus = stack::monitoring::Prometheus::start(port, &[], &jobs, 9, &rules, folder.path()).await?;
    prometheus.wait("ChecklistTrafficFell", "warning", true).await
}
