//! The Debian package, installed into a folder, and the commands of the operations guide.

use anyhow::Context;
use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_SIGNAL, PER_TARGET};
use nix::sys::signal::Signal;
use serde_json::Value;
use stack::http::{is_up, request};
use stack::process::{Process, free_port};
use stack::stack::program;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a program and fails if it does.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}: make tools installs it"))?;
    let printed = [output.stdout, output.stderr].concat();
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&printed));
    Ok(())
}

/// Returns the example with every address replaced by a local one at which nothing responds.
fn on_loopback(example: &str, folder: &Path) -> String {
    let hosts = [
        ("https://orchestrator.example.com", "https://127.0.0.1:1"),
        ("orchestrator.example.com:443", "127.0.0.1:1"),
        ("http://alertmanager.monitoring.svc:9093", "http://127.0.0.1:1"),
        ("http://prometheus.monitoring.svc:9090", "http://127.0.0.1:1"),
        ("host: postgres.llm-orchestrator.svc", "host: 127.0.0.1"),
        ("host: scratch.db.svc", "host: 127.0.0.1"),
        ("/var/lib/checklist", &folder.display().to_string()),
        (
            "bucket: llm-orchestrator-backups",
            "endpoint: 'http://127.0.0.1:1', accessKeyIdEnv: ID, secretAccessKeyEnv: KEY, bucket: bkt",
        ),
    ];
    // One backup is written in block style, the others in flow style.
    let lines =
        "\n    endpoint: http://127.0.0.1:1\n    accessKeyIdEnv: ID\n    secretAccessKeyEnv: KEY\n    bucket: bkt\n";
    let text = example.replace("\n    bucket: llm-orchestrator-backups\n", lines);
    hosts.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

#[tokio::test]
#[cfg_attr(not(has_cargo_deb), ignore = "no cargo-deb (make cargo-deb)")]
async fn the_debian_package_installs_and_its_exporter_responds() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let package = folder.path().join("ops-checklist.deb");
    let binaries = program("checklist-exporter")?;
    let profile = if binaries.parent().is_some_and(|parent| parent.ends_with("release")) { "release" } else { "dev" };
    let mut command = Command::new("cargo");
    command.current_dir(root()).args([
        "deb",
        "--no-build",
        "--no-strip",
        "--fast",
        "--offline",
        "--package",
        "exporter",
    ]);
    run(command.args(["--profile", profile, "--output"]).arg(&package))?;

    // Installed as dpkg does it, with a separate database and without the maintainer scripts.
    let system = folder.path().join("system");
    std::fs::create_dir_all(system.join("var/lib/dpkg/info"))?;
    std::fs::create_dir_all(system.join("var/lib/dpkg/updates"))?;
    std::fs::write(system.join("var/lib/dpkg/status"), "")?;
    let mut unpack = Command::new("dpkg");
    unpack.arg("--root").arg(&system).args(["--force-not-root", "--force-depends", "--unpack"]).arg(&package);
    run(&mut unpack)?;
    for script in ["postinst", "prerm", "postrm"] {
        run(Command::new("sh").arg("-n").arg(system.join(format!("var/lib/dpkg/info/ops-checklist.{script}"))))?;
    }
    let unit = std::fs::read_to_string(system.join("usr/lib/systemd/system/checklist-exporter.service"))?;
    let started =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")).context("the unit starts something")?;
    let (installed, arguments) = started.split_once(' ').context("with arguments")?;
    run(Command::new(system.join("usr/bin/rules-gen")).arg("--version"))?;

    let example = std::fs::read_to_string(system.join("usr/share/doc/ops-checklist/examples/checklist.yaml"))?;
    let config = folder.path().join("checklist.yaml");
    let text = on_loopback(&example, folder.path());
    anyhow::ensure!(!text.contains(".svc") && !text.contains("url: https://orch"), "an address is left: {text}");
    std::fs::write(&config, text)?;
    let port = free_port()?;
    let mut command = Command::new(system.join(installed));
    command.args(arguments.split(' ')).env("CHECKLIST_CONFIG", &config);
    command.env("CHECKLIST_LISTEN", format!("127.0.0.1:{port}")).env("ID", "id").env("KEY", "key");
    let mut process = Process::start(&mut command, "exporter", folder.path(), Signal::SIGTERM)?;
    process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await }).await?;
    let (_, body) = request(&format!("http://127.0.0.1:{port}/metrics"), None, &[]).await?;
    let page = String::from_utf8(body.to_vec())?;
    assert!(page.contains("checklist_build_info{") && page.contains("checklist_check_info{check=\"pods\""), "{page}");
    assert!(process.stop(), "it ends with success");
    Ok(())
}

#[test]
#[cfg_attr(not(has_systemd), ignore = "no systemd-analyze")]
fn systemd_accepts_the_unit() -> anyhow::Result<()> {
    let unit = root().join("deploy/systemd/checklist-exporter.service");
    let output =
        Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=15"]).arg(&unit).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "its exposure is more than 1.5: {printed}");
    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output()?;
    let printed = String::from_utf8_lossy(&verified.stderr);
    // The program is not installed in the system; every other message is a mistake.
    assert!(printed.lines().all(|line| line.contains("is not executable")), "{printed}");
    Ok(())
}

#[test]
fn the_commands_in_the_guides_work() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for part in ["dashboards", "deploy", "examples"] {
        run(Command::new("cp").arg("-r").arg(root().join(part)).arg(folder.path()))?;
    }
    let guide = |name: &str| std::fs::read_to_string(root().join("docs").join(name));
    let text = guide("operations.md")? + &guide("high-availability.md")?;
    let blocks: Vec<&str> = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(blocks.len() >= 5, "{blocks:?}");
    let programs = program("checklist-exporter")?.parent().context("it is in a folder")?.to_owned();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
    for block in blocks {
        run(Command::new("sh").args(["-euc", block]).current_dir(folder.path()).env("PATH", &path))?;
    }
    Ok(())
}

/// The operations guide has a row for every metric of the exporter itself.
#[test]
fn the_guide_describes_every_self_metric_of_the_exporter() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root().join("docs/operations.md"))?;
    let own = PER_CHECK.iter().chain(PER_SIGNAL).chain(PER_TARGET).chain(PER_PROCESS);
    let missing: Vec<&str> = own.map(|metric| metric.name).filter(|name| !text.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let access: Value = serde_yaml::from_str(&std::fs::read_to_string(
        root().join("deploy/generated/access/kubernetes-production.yaml"),
    )?)?;
    let rules = access["items"].as_array().into_iter().flatten().filter_map(|item| item["rules"].as_array()).flatten();
    for resource in rules.filter_map(|rule| rule["resources"][0].as_str()) {
        assert!(text.contains(&format!("`{resource}`")), "no word about the right on {resource}");
    }
    Ok(())
}

/// The shipped workflow queries the advisory database, and a failure of that is not ignored.
#[test]
fn the_ci_workflow_checks_for_known_vulnerabilities() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root().join("deploy/ci/exporter-workflow.yaml"))?;
    let workflow: Value = serde_yaml::from_str(&text)?;
    let steps = workflow["jobs"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(_, job)| job["steps"].as_array().into_iter().flatten());
    let commands: Vec<(&str, bool)> =
        steps.filter_map(|step| Some((step["run"].as_str()?, step["continue-on-error"] == true))).collect();
    for command in ["make test", "make supply-chain", "cargo deny check advisories", "cargo audit"] {
        assert!(commands.contains(&(command, false)), "{command} is not run: {commands:?}");
    }
    assert!(workflow["on"]["schedule"].is_array(), "a vulnerability may be found in what has not changed");
    Ok(())
}
