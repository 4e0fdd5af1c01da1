//! Each fault on the real stack reaches the right receiver, and its end does too.

use checklist::contract::{PER_CHECK, PER_PROCESS, STANDARD};
use stack::stack::{FAULTS, Fault, Stack};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// Series that say what is wrong are there only while it is.
const ONLY_WHEN_BROKEN: [&str; 3] = [
    "checklist_pod_not_ready",
    "checklist_container_last_termination_timestamp_seconds",
    "checklist_certificate_verification_failures",
];

const LONG: Duration = Duration::from_secs(90);

async fn breaks_and_mends(stack: &Stack, fault: Fault) -> anyhow::Result<()> {
    let before = stack.recorder.messages().len();
    let broken = stack.inject(fault).await?;
    let told = |resolved: bool| {
        let receiver = fault.receiver;
        async move {
            let mut messages;
            for _ in 0..900 {
                messages = stack.recorder.messages();
                let about = |m: &stack::recorder::Message| {
                    m.receiver == receiver && m.resolved == resolved && m.names(fault.alert)
                };
                let found = match fault.receiver {
                    // Slack messages carry the summary, not the alert's name.
                    "slack" => messages.iter().skip(before).any(|m| m.receiver == "slack" && m.resolved == resolved),
                    _ => messages.iter().skip(before).any(about),
                };
                if found {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            anyhow::bail!("{}: {receiver} was not told (resolved: {resolved})", fault.name)
        }
    };
    stack.prometheus.wait(fault.alert, fault.severity, true, LONG).await?;
    told(false).await?;
    same_verdict(stack, fault).await?;
    stack.mend(fault, broken).await?;
    stack.prometheus.wait(fault.alert, fault.severity, false, LONG).await?;
    told(true).await
}

/// What Prometheus judges bad, the exporter does too, unless it needs history.
async fn same_verdict(stack: &Stack, fault: Fault) -> anyhow::Result<()> {
    for signal in checklist::SIGNALS {
        let judged = |alert: &checklist::Alert| alert.name == fault.alert && !alert.when.needs_history();
        if signal.alerts.iter().any(judged) {
            let passed = stack.prometheus.query(&format!("checklist_check_passed{{check={:?}}}", signal.id)).await?;
            anyhow::ensure!(passed == [0.0], "{} fires, but the exporter says {passed:?}", fault.alert);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_pages_the_right_receiver_and_resolves() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    assert_eq!(stack.prometheus.broken_rules().await?, Vec::<String>::new());
    stack.prometheus.wait("ChecklistWatchdog", "none", true, LONG).await?;
    for fault in FAULTS {
        println!("fault {}", fault.name);
        breaks_and_mends(&stack, fault).await?;
    }
    assert!(stack.exporter.stop(), "SIGTERM ends the exporter with success");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_metric_is_exposed_and_no_other() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    // Without a client there is no connection to count, and no transaction to time.
    let client = stack.postgres.client().await?;
    client.batch_execute("BEGIN").await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let metrics = stack.metrics().await?;
    check_metrics(&metrics)?;
    let names: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let signals = checklist::SIGNALS.iter().flat_map(|signal| signal.metrics);
    let declared: BTreeSet<&str> =
        signals.chain(PER_CHECK).chain(PER_PROCESS).chain(STANDARD).map(|metric| metric.name).collect();
    let missing: Vec<_> = declared.difference(&names).filter(|name| !ONLY_WHEN_BROKEN.contains(name)).collect();
    assert!(missing.is_empty(), "declared and not exposed: {missing:?}");
    let undeclared: Vec<_> = names.difference(&declared).collect();
    assert!(undeclared.is_empty(), "exposed and not declared: {undeclared:?}");
    Ok(())
}

fn check_metrics(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    anyhow::ensure!(output.status.success(), "promtool check metrics: {}", String::from_utf8_lossy(&said));
    Ok(())
}
