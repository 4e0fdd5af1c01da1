//! The metrics that the exporter exposes are those that the catalog declares.

use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_SIGNAL, PER_TARGET, STANDARD};
use stack::stack::Stack;
use stack::waiting::passes;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn all_declared_metrics_and_no_others_are_exposed() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    // Without a client there is no connection to count and no transaction with an age.
    let client = stack.postgres.client().await?;
    client.batch_execute("BEGIN").await?;
    let own = "checklist_query_stuck_jobs";
    let signals = checklist::SIGNALS.iter().filter(|signal| signal.kind.is_probed()).flat_map(|signal| signal.metrics);
    let all: Vec<&checklist::Metric> = signals
        .chain(PER_CHECK)
        .chain(PER_SIGNAL)
        .chain(PER_TARGET)
        .chain(PER_PROCESS)
        .chain(STANDARD)
        .copied()
        .collect();
    let declared: BTreeSet<&str> = all.iter().map(|metric| metric.name).chain([own]).collect();
    let sparse: BTreeSet<&str> = all.iter().filter(|metric| metric.sparse).map(|metric| metric.name).collect();
    let names = passes(|| async {
        let metrics = stack.metrics().await?;
        let names = families(&metrics);
        let missing: Vec<_> =
            declared.iter().filter(|name| !names.contains(**name) && !sparse.contains(*name)).collect();
        anyhow::ensure!(missing.is_empty(), "declared and not exposed: {missing:?}");
        check_metrics(&metrics)?;
        Ok(names)
    })
    .await?;
    let undeclared: Vec<_> = names.iter().filter(|name| !declared.contains(name.as_str())).collect();
    assert!(undeclared.is_empty(), "exposed and not declared: {undeclared:?}");
    Ok(())
}

/// Returns the names of the metrics in an exposition. The series of a histogram count as one metric.
fn families(text: &str) -> BTreeSet<String> {
    let family = |name| {
        let mut parts = ["_bucket", "_sum", "_count"].into_iter().filter_map(|part| str::strip_suffix(name, part));
        parts.find(|family| PER_SIGNAL.iter().any(|metric| metric.name == *family)).unwrap_or(name)
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(['{', ' ']).next()).map(|name| family(name).to_owned()).collect()
}

fn check_metrics(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut child = stack::monitoring::Release::chosen()
        .tool("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let printed = [output.stdout, output.stderr].concat();
    anyhow::ensure!(output.status.success(), "promtool check metrics: {}", String::from_utf8_lossy(&printed));
    Ok(())
}
