//! The files and messages of `generate`.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

/// Generates from a text. Returns the exit code and everything that was printed.
fn generate(folder: &Path, yaml: &str, more: &[&str]) -> (Option<i32>, String) {
    std::fs::write(folder.join("checklist.yaml"), yaml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    let output = command.current_dir(folder).args(["generate", "--out", "out"]).args(more).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn files_of_removed_targets_are_reported_and_deleted_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let here = |path: &str| folder.path().join("out").join(path);
    assert_eq!(generate(folder.path(), EXAMPLE, &[]).0, Some(0));
    std::fs::write(here("rules/mine.yaml"), "groups: []\n").unwrap();
    let old =
        ["tests/backup.test.yaml", "runbooks/backup.md", "access/s3-policy.json", "access/postgres-orchestrator.sql"];
    let small = "health: [{name: a, url: 'http://a/'}]\nalerting: {slack: {webhookUrlFile: /s/slack}}\n";
    let (code, printed) = generate(folder.path(), small, &["--check"]);
    assert_eq!(code, Some(1));
    for path in old {
        assert!(
            printed.contains(&format!("out/{path} was written by an earlier run and is no longer generated")),
            "{path}: {printed}"
        );
    }
    // With `--only`, files of other kinds are left alone.
    let (code, printed) = generate(folder.path(), small, &["--only", "runbooks"]);
    assert!(code == Some(0) && printed.contains("removed out/runbooks/backup.md"), "{printed}");
    assert!(!here("runbooks/backup.md").exists() && here(old[0]).exists());
    let (code, printed) = generate(folder.path(), small, &[]);
    assert!(code == Some(0) && !old.iter().any(|path| here(path).exists()), "{printed}");
    assert!(here("rules/mine.yaml").exists());
    assert_eq!(generate(folder.path(), small, &["--check"]), (Some(0), String::new()));
}

#[test]
fn alerts_without_receivers_and_windows_missing_in_an_object_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let health = "health: [{name: a, url: 'http://a/'}]\n";
    let nobody = |severity: &str| format!("{severity} alerts notify nobody");
    let (code, printed) = generate(folder.path(), health, &[]);
    assert!(
        code == Some(0) && printed.contains(&nobody("critical")) && printed.contains(&nobody("warning")),
        "{printed}"
    );
    let half = format!("{health}alerting: {{webhook: {{url: 'http://w/', severities: [critical]}}}}\n");
    let (_, printed) = generate(folder.path(), &half, &[]);
    assert!(!printed.contains(&nobody("critical")) && printed.contains(&nobody("warning")), "{printed}");
    assert_eq!(generate(folder.path(), &half, &["--only", "rules"]), (Some(0), String::new()));
    let window = "maintenance: [{name: night, times: [{from: '01:00', to: '02:00'}], timeZone: Europe/Berlin}]";
    let late = format!("{health}alerting: {{slack: {{webhookUrlFile: /s}}, {window}}}\n");
    let (_, printed) = generate(folder.path(), &late, &[]);
    assert!(printed.contains("the maintenance window night is in Europe/Berlin"), "{printed}");
    assert_eq!(generate(folder.path(), &late, &["--target-format", "prometheus"]), (Some(0), String::new()));
}

#[test]
fn texts_that_break_templates_are_reported_before_any_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (alerting, messages, why) in [
        ("labels: {team: '{{ bad'}", "team of Checklist", "not a template"),
        // The reader refuses it first, because an address cannot contain braces.
        ("runbookBaseUrl: 'https://x/{{ foo'", "checklist.yaml:2", "runbookBaseUrl must be an address"),
        ("slack: {webhookUrlFile: /s, channel: '#{{ops'}", "alerting: slack: channel", "not a valid template"),
    ] {
        let yaml = format!("health: [{{name: a, url: 'http://a/'}}]\nalerting: {{{alerting}}}\n");
        let (code, printed) = generate(folder.path(), &yaml, &[]);
        assert!(
            code == Some(2) && printed.contains(messages) && printed.contains(why),
            "{alerting}: {code:?} {printed}"
        );
    }
    let query = "postgres: [{name: o, host: h, database: d, user: u}]\nqueries: [{name: q, help: 'jobs {{ foo }}', query: SELECT 1 AS value, above: {warning: 1}}]\n";
    let (code, printed) = generate(folder.path(), query, &[]);
    assert!(code == Some(2) && printed.contains("ChecklistQueryQ"), "{printed}");
    assert!(!folder.path().join("out").exists());
    let fine = "health: [{name: a, url: 'http://a/'}]\nalerting: {labels: {team: '{{ $labels.target }}'}}\n";
    assert_eq!(generate(folder.path(), fine, &["--only", "rules"]), (Some(0), String::new()));
}
