//! Real exporters that split the checks: each check runs on exactly one shard, and a missing shard is reported.

use nix::sys::signal::Signal;
use stack::http::{is_up, request};
use stack::process::{Process, free_port};
use stack::stack::program;
use stack::waiting::passes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Writes a checklist.yaml with forty checks that need no server: reports whose files are missing.
fn checklist(folder: &Path, first: u32) -> anyhow::Result<PathBuf> {
    let reports: String = (first..first + 40)
        .map(|n| format!("  - {{name: r{n}, format: cargo-audit, file: {}/r{n}.json}}\n", folder.display()))
        .collect();
    let path = folder.join("checklist.yaml");
    std::fs::write(&path, format!("reports:\n{reports}checks: {{advisories: {{interval: 1s}}}}\n"))?;
    Ok(path)
}

/// Starts an exporter for a part of the checks.
async fn shard(config: &Path, name: &str, arguments: &[&str], pod: &str) -> anyhow::Result<(Process, u16)> {
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.args(["run", "--web.enable-lifecycle", "--listen", &format!("127.0.0.1:{port}"), "--config"]).arg(config);
    command.args(arguments).env("POD_NAME", pod);
    let folder = config.parent().unwrap_or(config);
    let mut process = Process::start(&mut command, name, folder, Signal::SIGTERM)?;
    process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/ready")).await }).await?;
    Ok((process, port))
}

/// Returns the targets whose check an exporter has run, and its shard.
async fn made(port: u16) -> anyhow::Result<(Vec<String>, String)> {
    let (_, body) = request(&format!("http://127.0.0.1:{port}/metrics"), None, &[]).await?;
    let page = String::from_utf8(body.to_vec())?;
    let value =
        |name: &str| page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let of_line = |line: &str| {
        let target = line.strip_prefix("checklist_check_info{check=\"advisories\",target=\"")?.split('"').next()?;
        Some(target.to_owned())
    };
    let index = value("checklist_shard_index ");
    Ok((page.lines().filter_map(of_line).collect(), format!("{index}/{}", value("checklist_shards "))))
}

/// Returns which shard runs which check. Fails if a check runs on two shards or on none.
async fn split(ports: &[u16], first: u32) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut makers = BTreeMap::new();
    for (at, port) in ports.iter().enumerate() {
        for target in made(*port).await?.0 {
            anyhow::ensure!(makers.insert(target.clone(), at).is_none(), "{target} is made twice");
        }
    }
    let missing: Vec<String> =
        (first..first + 40).map(|n| format!("r{n}")).filter(|t| !makers.contains_key(t)).collect();
    anyhow::ensure!(missing.is_empty() && makers.len() == 40, "nobody makes {missing:?}");
    Ok(makers)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_runs_on_one_shard_for_every_way_to_configure_it_and_after_a_reload() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let config = checklist(folder.path(), 0)?;
    let by_ordinal = shard(&config, "zero", &["--shards", "3"], "checklist-exporter-0").await?;
    let by_flag = shard(&config, "one", &["--shard", "1/3"], "whatever").await?;
    let also_by_ordinal = shard(&config, "two", &["--shards", "3"], "checklist-exporter-2").await?;
    let ports = [by_ordinal.1, by_flag.1, also_by_ordinal.1];
    let before = split(&ports, 0).await?;
    for (at, port) in ports.iter().enumerate() {
        assert_eq!(made(*port).await?.1, format!("{at}/3"));
        assert!(before.values().filter(|maker| **maker == at).count() > 3, "{before:?}");
    }
    // Ten targets are replaced. The other checks stay on their shards.
    checklist(folder.path(), 10)?;
    for port in ports {
        assert_eq!(request(&format!("http://127.0.0.1:{port}/-/reload"), Some(""), &[]).await?.0, 200);
    }
    let after = passes(|| split(&ports, 10)).await?;
    for (target, maker) in after.iter().filter(|(target, _)| before.contains_key(*target)) {
        assert_eq!(before[target], *maker, "{target} moved");
    }
    // `check` and `validate` choose the same checks as `run`.
    let mut table = Command::new(program("checklist-exporter")?);
    let output = table.args(["check", "--shard", "1/3", "--config"]).arg(&config).output()?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(text.lines().count() - 1, after.values().filter(|maker| **maker == 1).count(), "{text}");
    Ok(())
}

#[test]
fn a_pod_without_a_valid_shard_index_does_not_start() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let config = checklist(folder.path(), 0)?;
    for (arguments, pod, part) in [
        (&["--shards", "3"][..], "checklist-exporter-3", "there are only 3 shards"),
        (&["--shards", "3"], "checklist-exporter-7f9c-x2k4p", "does not end in -ORDINAL"),
        (&["--shard", "3/3"], "p-0", "INDEX/TOTAL"),
        (&["--shard", "0/3", "--shards", "3"], "p-0", "cannot be used with"),
    ] {
        let mut command = Command::new(program("checklist-exporter")?);
        command
            .args(["run", "--web.enable-lifecycle", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .args(arguments);
        let output = command.env("POD_NAME", pod).output()?;
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && printed.contains(part), "{arguments:?} in {pod}: {printed}");
    }
    Ok(())
}
