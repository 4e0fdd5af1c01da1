//! `make demo`: runs the whole stack on this machine. With the variable FAULT it also breaks something and prints the
//! notification.

#![expect(clippy::print_stdout, reason = "what the demo has to say")]

use stack::faults::FAULTS;
use stack::stack::Stack;
use std::process::Command;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // Dropping the stack ends all its programs, whatever signal arrives.
    tokio::select! {
        ended = demo() => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

async fn demo() -> anyhow::Result<()> {
    let wanted = std::env::var("FAULT").unwrap_or_default();
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    anyhow::ensure!(wanted.is_empty() || names.contains(&wanted.as_str()), "FAULT must be one of {}", names.join(", "));
    println!("Starting PostgreSQL, S3, TLS and HTTP endpoints, a Kubernetes cluster, Prometheus and Alertmanager ...");
    let stack = Stack::start().await?;
    table(&stack)?;
    println!("Kubernetes    {}", stack.application.server().await?);
    println!("exporter      http://127.0.0.1:{}/metrics", stack.exporter_port);
    println!("Prometheus    http://127.0.0.1:{}/alerts", stack.prometheus.port);
    println!("Alertmanager  http://127.0.0.1:{}/", stack.alertmanager.port);
    if let Some(fault) = FAULTS.iter().copied().find(|fault| fault.name == wanted) {
        println!("\nBreaking {wanted} ...");
        let begun = Instant::now();
        let broken = stack.inject(fault).await?;
        let message = stack.recorder.wait(fault.alert, |m| m.fires(fault.alert)).await?;
        let seconds = message.at.duration_since(begun).as_secs_f64();
        println!("{} was notified after {seconds:.1} s (waits are shortened to 2 s here):", message.receiver);
        println!("{}", serde_json::to_string_pretty(&message.body)?);
        table(&stack)?;
        if std::env::var_os("DEMO_ONCE").is_some() {
            return Ok(());
        }
        println!("Mending it ...");
        stack.mend(fault, broken).await?;
    } else if std::env::var_os("DEMO_ONCE").is_some() {
        return Ok(());
    }
    println!("\nCtrl-C ends everything.");
    std::future::pending().await
}

fn table(stack: &Stack) -> anyhow::Result<()> {
    let config = stack.folder().join("checklist.yaml");
    let output =
        Command::new(stack::stack::program("checklist-exporter")?).arg("check").arg("--config").arg(config).output()?;
    println!("\n{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
