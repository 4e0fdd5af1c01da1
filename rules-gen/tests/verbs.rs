//! The commands of rules-gen: what they print, and their documented exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rules-gen")).args(arguments).current_dir(folder).output().unwrap()
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("checklist.yaml"), EXAMPLE).unwrap();
    folder
}

#[test]
fn init_writes_a_valid_checklist_whose_commented_defaults_are_correct() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["init"]);
    let text = std::fs::read_to_string(folder.path().join("checklist.yaml")).unwrap();
    checklist::Config::parse("checklist.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let again = run(folder.path(), &["init"]);
    assert_eq!(again.status.code(), Some(2), "a file that is there is not written over");
    printed(folder.path(), &["init", "--force"]);
    // The commented keys under `alerting` are valid once they are uncommented.
    let offered: String = include_str!("../src/cli/init/alerting.yaml")
        .lines()
        .filter_map(|line| line.strip_prefix("# ").filter(|line| line.starts_with(' ') || line.ends_with(':')))
        .map(|line| format!("{line}\n"))
        .collect();
    let (alerting, rest) = offered.split_once("checks:\n").unwrap();
    let full = format!("{EXAMPLE}{alerting}checks:\n{rest}");
    checklist::Config::parse("checklist.yaml", &full).unwrap_or_else(|mistakes| panic!("{mistakes}\n{full}"));
}

#[test]
fn list_shows_every_alert_and_filters_by_cadence() {
    let folder = example();
    let all: Value = serde_json::from_str(&printed(folder.path(), &["list", "--output", "json"])).unwrap();
    let all = all.as_array().unwrap();
    assert!(all.len() > 150);
    let one = |name: &str, severity: &str| {
        let rule = all.iter().find(|rule| rule["alert"] == name && rule["severity"] == severity);
        rule.unwrap_or_else(|| panic!("{name} is not listed")).clone()
    };
    assert_eq!(one("ChecklistVolumeFilling", "warning")["threshold"]["value"], 0.7);
    assert_eq!(one("ChecklistErrorBudgetBurnsFast", "critical")["for"], "2m");
    let weekly = printed(folder.path(), &["list", "--cadence", "weekly"]);
    assert!(weekly.lines().skip(1).all(|line| line.contains(" weekly ")) && weekly.lines().count() > 20);
    assert!(!weekly.contains('\u{1b}'), "colours are for terminals");
    assert_eq!(run(folder.path(), &["list", "--cadence", "hourly"]).status.code(), Some(2));
}

#[test]
fn explain_shows_the_origin_of_each_threshold() {
    let folder = example();
    let own = EXAMPLE
        .replace("    user: checklist\n", "    user: checklist\n    thresholds: {connections.usage: {warning: 61%}}\n");
    std::fs::write(folder.path().join("checklist.yaml"), own).unwrap();
    let explain = |alert: &str| printed(folder.path(), &["explain", alert]);
    for (alert, part) in [
        ("ChecklistConnectionsHigh", "connections.usage 61%: the target's own"),
        ("ChecklistVolumeFilling", "disk.usage 70%: thresholds: in checklist.yaml"),
        ("ChecklistBackupStale", "backup.max_age 26h: the default"),
        ("ChecklistErrorBudgetBurnsFast", "error_rate.ratio 1%, times 14.4: the default"),
        ("ChecklistErrorRateHigh", "orchestrator: recorded: sum(rate(http_requests_total{job=\"orchestrator\"}[5m]))"),
        ("ChecklistPodStuck", "https://runbooks.example.com/ops-checklist/pods.md#checklistpodstuck"),
        ("checklistwatchdog", "vector(1)"),
    ] {
        let text = explain(alert);
        assert!(text.contains(part), "{part} is not in {text}");
        assert!(text.contains("\nExample\n  fires "), "{text}");
    }
    let wrong = run(folder.path(), &["explain", "ChecklistBackupStael"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean ChecklistBackupStale?"));
}

#[test]
fn generate_filters_by_kind_and_format_and_writes_to_stdout() {
    let folder = example();
    let files = |arguments: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let out_path = out.path().display().to_string();
        printed(folder.path(), &[&["generate", "--out", &out_path], arguments].concat());
        let mut found: Vec<String> = Vec::new();
        for entry in glob::glob(&format!("{out_path}/**/*")).unwrap().flatten().filter(|path| path.is_file()) {
            found.push(entry.strip_prefix(out.path()).unwrap().display().to_string());
        }
        found
    };
    assert_eq!(files(&["--only", "rules", "--target-format", "mimir"]), ["rules/mimir.yaml"]);
    assert_eq!(
        files(&["--only", "rules,alertmanager", "--target-format", "operator"]),
        ["alertmanager/alertmanagerconfig.yaml", "rules/prometheusrule.yaml"]
    );
    assert_eq!(
        files(&["--only", "rules,alertmanager", "--target-format", "prometheus"]),
        ["alertmanager/alertmanager.yaml", "rules/checklist.yaml"]
    );
    assert!(files(&["--only", "runbooks"]).iter().all(|path| path.starts_with("runbooks/")));
    let stream = printed(
        folder.path(),
        &["generate", "--out", "-", "--target-format", "operator", "--only", "rules,alertmanager,dashboards"],
    );
    let objects: Vec<Value> = serde_yaml::from_multiple(&stream).unwrap();
    let mut kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    kinds.dedup();
    assert_eq!(kinds, ["AlertmanagerConfig", "ConfigMap", "GrafanaDashboard", "PrometheusRule"]);
    let mimir = printed(folder.path(), &["generate", "--out", "-", "--target-format", "mimir", "--only", "rules"]);
    let mimir: Vec<Value> = serde_yaml::from_multiple(&mimir).unwrap();
    assert_eq!(mimir[0]["namespace"], "ops-checklist");
    let refused = run(folder.path(), &["generate", "--out", "-", "--check"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn test_exits_with_1_if_a_rule_fails_and_2_without_promtool() {
    let folder = example();
    printed(folder.path(), &["test", "--run", "ChecklistBackup", "--mutate", "--min-rate", "100"]);
    assert_eq!(printed(folder.path(), &["test", "--run", "ChecklistBackupStale", "--quiet"]), "");
    let missing = run(folder.path(), &["test", "--run", "ChecklistBackup", "--promtool", "./nothing"]);
    assert_eq!(missing.status.code(), Some(2));
    // A promtool that passes the control tests and refuses every generated rule.
    let refusing = "#!/bin/sh\ncase \"$*\" in *control-*) exec promtool \"$@\";; esac\necho refused >&2\nexit 1\n";
    let path = folder.path().join("refusing");
    std::fs::write(&path, refusing).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let failing = run(folder.path(), &["test", "--run", "ChecklistBackup", "--promtool", "./refusing"]);
    assert_eq!(failing.status.code(), Some(1), "{}", String::from_utf8_lossy(&failing.stderr));
    // A program that accepts every test shows nothing, so it is refused.
    let accepting = run(folder.path(), &["test", "--run", "ChecklistBackup", "--promtool", "true"]);
    assert_eq!(accepting.status.code(), Some(2), "{}", String::from_utf8_lossy(&accepting.stderr));
}

#[test]
fn every_verb_has_help_with_examples_a_manual_page_and_completions() {
    let folder = example();
    let help = printed(folder.path(), &["--help"]);
    assert!(help.contains("Exit codes:\n  0  clean"), "{help}");
    let verbs = [
        "init",
        "generate",
        "lint",
        "test",
        "list",
        "explain",
        "schema",
        "diff",
        "report",
        "docs",
        "backtest",
        "noise",
        "route-test",
        "completions",
        "man",
    ];
    printed(folder.path(), &["man", "--out", "man"]);
    for verb in verbs {
        assert!(printed(folder.path(), &[verb, "--help"]).contains("Examples:"), "{verb}");
        assert!(folder.path().join(format!("man/rules-gen-{verb}.1")).exists(), "{verb}");
        assert!(printed(folder.path(), &["completions", "bash"]).contains(&format!("rules__gen,{verb})")), "{verb}");
    }
    assert!(printed(folder.path(), &["man"]).contains("rules\\-gen"));
}

#[test]
fn bash_completes_the_options_of_a_verb() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("completions"), printed(folder.path(), &["completions", "bash"])).unwrap();
    let script = "source completions
COMP_WORDS=(rules-gen lint --o) COMP_CWORD=2 COMP_LINE='rules-gen lint --o' COMP_POINT=18
$(complete -p rules-gen | sed 's/.*-F \\([^ ]*\\).*/\\1/') rules-gen --o lint
printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(words.lines().any(|word| word == "--output-file"), "{words}");
}

/// Runs the commands of the CI workflow and hooks in a shell, on a repository with the example.
#[test]
fn the_ci_commands_pass_on_generated_files_and_fail_on_changed_ones() {
    let folder = example();
    printed(folder.path(), &["generate", "--out", "generated"]);
    let workflow: Value = serde_yaml::from_str(include_str!("../../deploy/ci/github-workflow.yaml")).unwrap();
    let hooks: Value = serde_yaml::from_str(include_str!("../../deploy/ci/pre-commit-hooks.yaml")).unwrap();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let steps = workflow["jobs"]["rules"]["steps"].as_array().unwrap().iter().filter_map(|step| text(&step["run"]));
    let mut commands: Vec<String> = steps.collect();
    // Another test runs the mutants, so a few tests are enough here.
    for command in &mut commands {
        *command = command.replace(" --mutate", " --run ChecklistBackup");
    }
    let rules = std::fs::read_dir(folder.path().join("generated/rules")).unwrap();
    let files: Vec<String> = rules.map(|file| file.unwrap().path().display().to_string()).collect();
    for hook in hooks["repos"][0]["hooks"].as_array().unwrap() {
        let entry = text(&hook["entry"]).unwrap();
        let entry = entry.replace("test --config checklist.yaml", "test --config checklist.yaml --run ChecklistBackup");
        commands.push(if hook["pass_filenames"] == false { entry } else { format!("{entry} {}", files.join(" ")) });
    }
    assert_eq!(commands.len(), 8);
    let bin = Path::new(env!("CARGO_BIN_EXE_rules-gen")).parent().unwrap().display().to_string();
    let shell = |command: &str| {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path())
            .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()))
            .envs([("CHECKLIST_CONFIG", "checklist.yaml"), ("GENERATED", "generated")])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    for command in &commands {
        let (code, printed) = shell(command);
        assert_eq!(code, Some(0), "{command}: {printed}");
    }
    let path = folder.path().join("generated/rules/checklist.yaml");
    let broken = std::fs::read_to_string(&path).unwrap().replace("rate(", "rat(");
    std::fs::write(&path, broken).unwrap();
    for command in commands.iter().filter(|command| command.contains("--check") || command.contains(" lint")) {
        assert_eq!(shell(command).0, Some(1), "{command}");
    }
}

#[test]
fn invalid_yaml_is_reported_with_file_line_and_column() {
    let folder = example();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("two.yaml", &format!("{EXAMPLE}---\na: b\n"));
    write("twice.yaml", "route: {receiver: a}\nroute: {receiver: b}\n");
    write("long.yaml", &format!("a: [{}x]\n", "x,".repeat(400_000)));
    write("routes.yaml", "route: {receiver: a}\nreceivers: [{name: a}]\n");
    let lines = EXAMPLE.lines().count();
    for (arguments, place) in [
        (&["list", "--config", "two.yaml"][..], format!("two.yaml:{}:1: a second document begins here", lines + 1)),
        (&["list", "--config", "long.yaml"], "long.yaml:1:".to_owned()),
        (&["diff", "--against", "dir=twice.yaml"], "twice.yaml:2:1: the key route is repeated".to_owned()),
        (&["backtest", "--prometheus", "http://127.0.0.1:1", "--rules", "twice.yaml"], "twice.yaml:2:1: ".to_owned()),
        (&["route-test", "--config", "twice.yaml", "--tests", "two.yaml"], "twice.yaml:2:1: the key".to_owned()),
        (
            &["route-test", "--config", "routes.yaml", "--tests", "routes.yaml"],
            "routes.yaml:1:1: unknown field".to_owned(),
        ),
    ] {
        let output = run(folder.path(), arguments);
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {printed}");
        assert!(printed.contains(&place) && printed.len() < 2000, "{arguments:?}: {printed}");
    }
}
