//! The commands that verify a backup and the path of alerts, and the alerts about their results.

use super::notified;
use stack::faults::Fault;
use stack::stack::Stack;
use std::process::Command;

/// Runs `verify-backup` on the stack's backup. Returns the exit code and the output.
fn verify(stack: &Stack) -> anyhow::Result<(Option<i32>, String)> {
    let mut command = Command::new(stack::stack::program("checklist-exporter")?);
    let output = command
        .args(["verify-backup", "daily", "--config"])
        .arg(stack.folder().join("checklist.yaml"))
        .env("TMPDIR", stack.folder())
        .output()?;
    Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_dump_is_restored_and_a_broken_one_is_detected_and_alerts() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let dump = stack.postgres.dump()?;
    let key = "daily/backup-real.dump.gz";
    let upload = |bytes: &[u8]| stack.s3.put("llm-orchestrator-backups", key, bytes);
    let gzip = |bytes: &[u8]| -> anyhow::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes)?;
        Ok(encoder.finish()?)
    };
    let good = gzip(&dump)?;
    upload(&good)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(0) && printed.contains("users 200"), "{printed}");
    let left = std::fs::read_dir(stack.folder())?
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with("checklist-restore"));
    assert_eq!(left.count(), 0, "something temporary was left behind");
    let before = stack.recorder.messages().len();
    // A truncated dump, a dump with a changed byte, and a dump without content.
    upload(&good[..good.len() / 2])?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("NOT good"), "{printed}");
    stack.prometheus.wait("ChecklistRestoreFailed", "critical", true).await?;
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    upload(&flipped)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("NOT good"), "{printed}");
    upload(&gzip(b"PGDMP and nothing behind it")?)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("the dump cannot be read"), "{printed}");
    // A good dump with too few rows.
    stack.postgres.execute("DELETE FROM user_roles; DELETE FROM api_keys; DELETE FROM users WHERE id > 50").await?;
    upload(&gzip(&stack.postgres.dump()?)?)?;
    let (code, printed) = verify(&stack)?;
    assert!(code == Some(1) && printed.contains("check users returned 50, expected at least 100"), "{printed}");
    let fault = Fault { name: "restore", alert: "ChecklistRestoreFailed", severity: "critical", round: 1 };
    notified(&stack, fault, false, before).await?;
    upload(&good)?;
    assert_eq!(verify(&stack)?.0, Some(0));
    stack.prometheus.wait("ChecklistRestoreFailed", "critical", false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alert_path_is_verified_and_a_broken_receiver_is_detected() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let verify = || -> anyhow::Result<(Option<i32>, String)> {
        let mut command = Command::new(stack::stack::program("checklist-exporter")?);
        command.args(["verify-alerts", "--within", "120", "--config"]).arg(stack.folder().join("checklist.yaml"));
        let output = command.output()?;
        Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
    };
    let (code, printed) = verify()?;
    assert!(code == Some(0) && printed.matches(": delivered after").count() == 2, "{printed}");
    let arrived = |receiver: &'static str, text: &'static str| {
        stack.recorder.wait(text, move |message| message.receiver == receiver && message.has(text))
    };
    arrived("pagerduty", "ChecklistRoutingTest").await?;
    arrived("slack", "Test of the alert path.").await?;
    // With a wrong webhook address, no warning would be delivered.
    std::fs::write(stack.folder().join("slack-url"), "http://127.0.0.1:9/nowhere")?;
    let (code, printed) = verify()?;
    assert!(code == Some(1) && printed.contains("main warning: NOT delivered"), "{printed}");
    stack.prometheus.wait("ChecklistAlertPathBroken", "critical", true).await
}
