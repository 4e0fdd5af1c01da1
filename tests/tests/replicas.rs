//! Two exporters for one stack, with a real Prometheus and Alertmanager: each fault gives one alert and one
//! notification, and no alert is lost while one exporter is replaced.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::application::Change;
use stack::faults::{FAULTS, Fault};
use stack::http::{is_up, request};
use stack::process::{Process, free_port};
use stack::recorder::Message;
use stack::stack::{Stack, program};
use stack::waiting::eventually;
use std::process::Command;

fn fault(name: &str) -> Fault {
    FAULTS.iter().copied().find(|fault| fault.name == name).unwrap_or_else(|| panic!("{name}"))
}

/// Starts a second exporter with the same checklist.yaml, and rules whose `for` is longer than a failover.
async fn second(stack: &Stack) -> anyhow::Result<(Process, u16)> {
    let config = stack.folder().join("checklist.yaml");
    let text = std::fs::read_to_string(&config)?;
    // One missed scrape does not end an alert, as in the shipped rules.
    let text = ["ChecklistTableBloated", "ChecklistBackupMissing"].iter().fold(text, |text, alert| {
        text.replace(&format!("{alert}: {{for: 2s, keepFiringFor: 0s}}"), &format!("{alert}: {{for: 2s}}"))
    });
    let waits = "    ChecklistCheckMissing: {for: 60s}\n    ChecklistLeaseNotHeld: {for: 60s}\nchecks:\n";
    std::fs::write(&config, text.replace("checks:\n  pods", &format!("{waits}  pods")))?;
    let generated = Command::new(program("rules-gen")?)
        .args(["generate", "--only", "rules,access", "--config"])
        .arg(&config)
        .arg("--out")
        .arg(stack.folder().join("generated"))
        .output()?;
    anyhow::ensure!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.arg("run").arg("--config").arg(&config).args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut exporter = Process::start(&mut command, "second", stack.folder(), Signal::SIGTERM)?;
    exporter.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
    let scraped = stack.folder().join("prometheus.yml");
    let first = format!("'127.0.0.1:{}'", stack.exporter_port);
    let text = std::fs::read_to_string(&scraped)?.replace(&first, &format!("{first}, '127.0.0.1:{port}'"));
    std::fs::write(&scraped, text)?;
    stack.prometheus.reload()?;
    has(stack, "checklist_check_passed{check=\"health\"} == 1", 2).await?;
    Ok((exporter, port))
}

/// Waits until a query has this number of results.
async fn has(stack: &Stack, query: &str, results: usize) -> anyhow::Result<()> {
    let what = format!("{query} has {results} results");
    eventually(&what, || async { Ok(stack.prometheus.query(query).await?.len() == results) }).await
}

async fn firing(stack: &Stack, alert: &str) -> anyhow::Result<usize> {
    Ok(stack.prometheus.firing().await?.iter().filter(|one| one["labels"]["alertname"] == alert).count())
}

async fn holds(port: u16) -> anyhow::Result<bool> {
    let (_, body) = request(&format!("http://127.0.0.1:{port}/metrics"), None, &[]).await?;
    Ok(String::from_utf8_lossy(&body).contains("\nchecklist_lease_held 1\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_give_one_alert_and_one_notification_and_lose_none_with_the_holder() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let (second, second_port) = second(&stack).await?;
    let before = stack.recorder.messages().len();
    // Both exporters report the first fault, and only the holder of the lease reports the second one.
    let (seen_by_both, costly) = (fault("backup"), fault("bloat"));
    stack.inject(seen_by_both).await?;
    stack.inject(costly).await?;
    for fault in [seen_by_both, costly] {
        stack.prometheus.wait(fault.alert, fault.severity, true).await?;
    }
    has(&stack, "checklist_backup_present == 0", 2).await?;
    has(&stack, "checklist_check_info{check=\"bloat\"}", 1).await?;
    let page = |m: &Message| m.receiver == "pagerduty" && m.fires(seen_by_both.alert);
    stack.recorder.wait("a page", page).await?;
    // A later alert is delivered, and no earlier notification was sent twice.
    notified(&stack, fault("roles")).await?;
    for fault in [seen_by_both, costly] {
        assert_eq!(firing(&stack, fault.alert).await?, 1, "{}", fault.alert);
    }
    assert_eq!(stack.recorder.messages().iter().skip(before).filter(|m| page(m)).count(), 1, "one page");
    // The holder is stopped: its alert keeps firing until the other exporter reports the same, and no check is reported
    // as missing.
    let (first_holds, second_holds) = (holds(stack.exporter_port).await?, holds(second_port).await?);
    assert_ne!(first_holds, second_holds, "one holds the lease");
    let (gone, stays) =
        if first_holds { (stack.exporter.id(), second_port) } else { (second.id(), stack.exporter_port) };
    kill(Pid::from_raw(i32::try_from(gone)?), Signal::SIGKILL)?;
    eventually("the other takes the lease", || async {
        for fault in [seen_by_both, costly] {
            assert_eq!(firing(&stack, fault.alert).await?, 1, "{} while nobody holds the lease", fault.alert);
        }
        holds(stays).await
    })
    .await?;
    notified(&stack, fault("secret")).await?;
    for fault in [seen_by_both, costly] {
        assert_eq!(firing(&stack, fault.alert).await?, 1, "{}", fault.alert);
    }
    for quiet in ["ChecklistCheckMissing", "ChecklistCheckOverdue", "ChecklistLeaseNotHeld", "ChecklistShardMissing"] {
        assert_eq!(firing(&stack, quiet).await?, 0, "{quiet}");
    }
    assert_eq!(stack.recorder.messages().iter().skip(before).filter(|m| page(m)).count(), 1, "still one page");
    // No exporter can hold the lease: that is reported, and so is every costly check.
    stack.application.change(Change::Unreachable).await?;
    stack.prometheus.wait("ChecklistLeaseNotHeld", "warning", true).await?;
    stack.prometheus.wait("ChecklistCheckMissing", "warning", true).await?;
    let missing = "ALERTS{alertname=\"ChecklistCheckMissing\", alertstate=\"firing\"}";
    for check in ["bloat", "retention", "permission_denied"] {
        has(&stack, &missing.replace('}', &format!(", check=\"{check}\"}}")), 1).await?;
    }
    Ok(())
}

/// Injects a fault that both exporters see, and waits for its notification.
async fn notified(stack: &Stack, fault: Fault) -> anyhow::Result<()> {
    stack.inject(fault).await?;
    let about = |m: &Message| m.receiver == fault.receiver() && m.fires(fault.alert);
    stack.recorder.wait(fault.alert, about).await.map(|_| ())
}
