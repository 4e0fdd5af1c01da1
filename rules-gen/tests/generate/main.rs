//! The generated files pass promtool and amtool, and the same input gives the same files.

mod contents;
mod external_sources;

use checklist::Config;
use rules_gen::outputs::file::{File, differences};
use std::io::Error;
use std::path::Path;
use std::process::{Command, Output};

const EXAMPLE: &str = include_str!("../../../examples/checklist.yaml");
/// Several targets of one kind, changed limits, and no links.
const OTHER: &str = "
backups:
  - {name: daily, bucket: bkt, format: pg_dump}
  - {name: weekly, bucket: bkt, every: 7d}
postgres:
  - {name: one, host: h, database: d, user: u, thresholds: {connections.usage: {warning: 60%, critical: 75%}}}
  - {name: two, host: h, database: d, user: u, skip: [auth_failures]}
  - {name: three, host: h, database: d, user: u}
kubernetes:
  - {name: a, namespaces: [x, y]}
  - {name: b, namespaces: [z], thresholds: {disk.usage: {warning: 50%}}}
alerting:
  alerts: {ChecklistPodStuck: {enabled: false}, ChecklistBackupShrunk: {for: 1h}}
";

/// Metrics of other exporters are used wherever the catalog allows it.
const EXTERNAL: &str = "
kubernetes:
  - name: prod
    namespaces: [app]
    sources: {pods: kube-state-metrics, restarts: kube-state-metrics, hpa: kube-state-metrics, pvc: kube-state-metrics, disk: kubelet}
    sourceSelector: cluster=\"prod\"
postgres:
  - name: db
    host: h
    database: d
    user: u
    sources: {connections: postgres_exporter, database_size: postgres_exporter, seq_scans: postgres_exporter}
health:
  - {name: web, url: 'https://web/', sources: {health: blackbox_exporter}, sourceSelector: 'instance=\"https://web/\"'}
thresholds: {database_size.limit: 1TiB}
queries:
  - {name: stuck_jobs, help: Jobs that wait, query: SELECT 1 AS value, above: {warning: 1, critical: 5}}
";

fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (make test installs it): {error}"))
}

fn succeeds(program: &str, arguments: &[&str], folder: &Path) {
    let output = run(program, arguments, folder);
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&printed));
}

fn generate(yaml: &str, folder: &Path) -> Vec<File> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
    rules_gen::outputs::file::write(&outputs, folder).unwrap_or_else(|error| panic!("{error:#}"));
    outputs
}

#[test]
fn large_groups_of_targets_give_distinguishable_rules() -> std::io::Result<()> {
    use std::fmt::Write as _;
    let mut yaml = "health:\n".to_owned();
    for n in 0..75 {
        let (limit, url) = (n / 25 + 1, format!("https://{n}.example.com/"));
        let _ = writeln!(yaml, "  - {{name: service-{n}, url: '{url}', thresholds: {{health.duration: {limit}s}}}}");
    }
    let folder = tempfile::tempdir()?;
    let outputs = generate(&yaml, folder.path());
    let lint = ["check", "rules", "--lint=all", "--lint-fatal", "rules/checklist.yaml"];
    succeeds("promtool", &lint, folder.path());
    let health = outputs.iter().find(|file| file.path == Path::new("tests/health.test.yaml"));
    let health: serde_json::Value =
        serde_yaml::from_str(&health.ok_or_else(|| Error::other("no test of health"))?.content)
            .map_err(Error::other)?;
    let names = health["tests"].as_array().into_iter().flatten().filter_map(|test| test["name"].as_str());
    let fires = names.filter(|name| name.starts_with("ChecklistHealthSlow.warning") && name.ends_with(": fires"));
    assert_eq!(fires.count(), 3, "a rule for each limit");
    succeeds("promtool", &["test", "rules", "tests/health.test.yaml"], folder.path());
    Ok(())
}

/// Runs the rule tests of three checklists with a promtool and an amtool.
fn are_accepted(promtool: &str, amtool: &str) -> std::io::Result<()> {
    for yaml in [EXAMPLE, OTHER, EXTERNAL] {
        let folder = tempfile::tempdir()?;
        let outputs = generate(yaml, folder.path());
        succeeds(promtool, &["check", "rules", "rules/checklist.yaml"], folder.path());
        succeeds(amtool, &["check-config", "alertmanager/alertmanager.yaml"], folder.path());
        let tests: Vec<&str> = outputs
            .iter()
            .filter_map(|output| output.path.to_str())
            .filter(|path| path.ends_with(".test.yaml"))
            .collect();
        assert!(tests.len() > 20);
        succeeds(promtool, &[&["test", "rules"], tests.as_slice()].concat(), folder.path());
    }
    Ok(())
}

#[test]
fn promtool_and_amtool_accept_everything_and_every_rule_test_passes() -> std::io::Result<()> {
    are_accepted("promtool", "amtool")
}

/// Prometheus 3 leaves the first sample of a range out, so that counts over a range may differ by one.
#[test]
#[cfg_attr(
    not(all(has_newest_promtool, has_newest_amtool)),
    ignore = "no promtool 3 and amtool in target/parts (make parts)"
)]
fn the_newest_promtool_and_amtool_accept_everything_and_every_rule_test_passes() -> std::io::Result<()> {
    const PARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/parts/bin");
    are_accepted(&format!("{PARTS}/promtool"), &format!("{PARTS}/amtool"))
}

#[test]
fn requests_of_an_application_are_recorded_and_judged() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    generate(EXAMPLE, folder.path());
    std::fs::write(folder.path().join("requests.test.yaml"), include_str!("requests.test.yaml"))?;
    succeeds("promtool", &["test", "rules", "requests.test.yaml"], folder.path());
    Ok(())
}

#[test]
fn critical_alerts_go_to_pagerduty_and_warnings_to_slack() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    generate(EXAMPLE, folder.path());
    for (severity, receiver) in [("critical", "pagerduty"), ("warning", "slack"), ("none", "nobody")] {
        let label = format!("severity={severity}");
        let arguments = ["config", "routes", "test", "--config.file=alertmanager/alertmanager.yaml", &label];
        let output = run("amtool", &arguments, folder.path());
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), receiver);
    }
    Ok(())
}

#[test]
fn generation_is_deterministic_and_check_lists_differences() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("checklist.yaml");
    std::fs::write(&config, EXAMPLE)?;
    let program = env!("CARGO_BIN_EXE_rules-gen");
    let base = ["generate", "--config", "checklist.yaml", "--out", "out"];
    let check = ["generate", "--config", "checklist.yaml", "--out", "out", "--check"];
    assert_eq!(run(program, &check, folder.path()).status.code(), Some(1), "nothing is there yet");
    succeeds(program, &base, folder.path());
    succeeds(program, &check, folder.path());
    std::fs::write(folder.path().join("out/rules/checklist.yaml"), "groups: []\n")?;
    let output = run(program, &check, folder.path());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("out/rules/checklist.yaml differs from line 1 on"), "{printed}");
    std::fs::write(&config, "nonsense: 1\n")?;
    assert_eq!(run(program, &check, folder.path()).status.code(), Some(2), "a bad configuration is no drift");
    Ok(())
}

#[test]
fn committed_generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = Config::parse("checklist.yaml", EXAMPLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
    let (dashboards, others): (Vec<File>, Vec<File>) =
        outputs.into_iter().partition(|file| file.path.starts_with("dashboards"));
    assert!(dashboards.len() > 5 && others.len() > 100);
    let docs = [
        rules_gen::outputs::configuration::configuration(),
        rules_gen::outputs::docs::signals(),
        rules_gen::outputs::docs::lints(),
    ];
    let folders = [(others.as_slice(), "deploy/generated"), (&dashboards, ""), (&docs, "docs")];
    let differences: Vec<String> =
        folders.into_iter().flat_map(|(files, folder)| differences(files, &root.join(folder))).collect();
    assert!(differences.is_empty(), "run make generate: {differences:#?}");
}

/// A factor times a limit may leave seventeen digits in a float, which nobody chose.
#[test]
fn numbers_in_rules_and_runbooks_have_at_most_twelve_decimals() {
    for yaml in [EXAMPLE, OTHER, EXTERNAL] {
        let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let outputs =
            rules_gen::outputs::generate(&config, "checklist.yaml").unwrap_or_else(|error| panic!("{error:#}"));
        for output in
            outputs.iter().filter(|output| output.path.starts_with("rules") || output.path.starts_with("runbooks"))
        {
            let long = |word: &&str| {
                word.parse::<f64>().is_ok() && word.split_once('.').is_some_and(|(_, behind)| behind.len() > 12)
            };
            let found: Vec<&str> = output.content.split_whitespace().filter(long).collect();
            assert!(found.is_empty(), "{}: {found:?}", output.path.display());
        }
    }
}
