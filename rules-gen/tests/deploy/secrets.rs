//! The secrets that the pods mount.

use crate::{NAMESPACE, compare, generated, helm, kustomize, schema};
use std::process::Command;

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn each_job_mounts_only_the_secrets_that_it_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "
backups:
  - {name: one, bucket: bkt, format: pg_dump, restore: {checks: [{name: n, query: SELECT 1}]}, region: r, accessKeyIdEnv: ONE_ID, secretAccessKeyFile: /etc/checklist/secrets/one-key}
  - {name: two, bucket: bkt, format: pg_dump, restore: {server: {host: scratch, database: d, user: u, passwordEnv: SCRATCH}, checks: [{name: n, query: SELECT 1}]}, region: r, accessKeyIdEnv: TWO_ID, secretAccessKeyEnv: TWO_KEY}
postgres: [{name: db, host: db, database: d, user: u, passwordFile: /etc/checklist/secrets/pw}]
prometheus: [{name: main, url: 'https://prometheus', bearerTokenFile: /etc/checklist/secrets/prometheus}]
alertmanagers: [{name: main, url: 'https://alertmanager', bearerTokenEnv: ALERTMANAGER}]
reports: [{name: r, format: trivy, directory: /var/lib/checklist/reports}]
alerting:
  slack: {webhookUrlFile: /etc/alertmanager/secrets/slack-url, channel: '#ops'}
  reports: {webhookUrlFile: /etc/checklist/secrets/slack-reports, directory: /var/lib/checklist/written}
tasks: {since: 2026-01-01, s3: {bucket: bkt, prefix: r/, region: r, accessKeyIdEnv: RECORDS_ID, secretAccessKeyEnv: RECORDS_KEY}}
";
    let objects = kustomize(&generated(config, folder.path()));
    objects.values().for_each(schema::check);
    compare(&objects, &helm(&folder.path().join("generated")));
    let held = |name: &str| {
        let key = ("CronJob".to_owned(), NAMESPACE.to_owned(), format!("checklist-exporter-{name}"));
        let pod = &objects[&key]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let mut held: Vec<String> = Vec::new();
        for volume in pod["volumes"].as_array().unwrap() {
            let keeps = !volume["persistentVolumeClaim"].is_null();
            assert!(!keeps || name.contains("report"), "a proof keeps nothing in folders: {volume}");
            if !volume["secret"].is_null() {
                let items = volume["secret"]["items"].as_array().expect("single keys are mounted");
                held.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
            }
        }
        let env = pod["containers"][0]["env"].as_array().cloned().unwrap_or_default();
        held.extend(env.iter().map(|variable| variable["name"].as_str().unwrap().to_owned()));
        held.sort();
        held.join(" ")
    };
    assert_eq!(held("restore-one"), "ONE_ID RECORDS_ID RECORDS_KEY one-key");
    assert_eq!(held("restore-two"), "RECORDS_ID RECORDS_KEY SCRATCH TWO_ID TWO_KEY pw");
    assert_eq!(held("alert-path"), "ALERTMANAGER RECORDS_ID RECORDS_KEY");
    assert_eq!(held("report-daily"), "RECORDS_ID RECORDS_KEY prometheus slack-reports");
    let report = &objects[&("CronJob".to_owned(), NAMESPACE.to_owned(), "checklist-exporter-report-daily".to_owned())];
    let command = report["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"].to_string();
    for option in [
        r#""--out","/var/lib/checklist/written""#,
        r#""--webhook-file","/etc/checklist/secrets/slack-reports""#,
        r#""--at","hour""#,
    ] {
        assert!(command.contains(option), "{command}");
    }
    // The command uses the server in checklist.yaml, with its token and certificate authorities.
    assert!(!command.contains("--prometheus"), "{command}");
}

#[test]
fn unmountable_paths_are_reported_only_if_pods_are_generated() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "postgres: [{name: db, host: db, database: d, user: u, passwordFile: /etc/pw}]\n";
    std::fs::write(folder.path().join("checklist.yaml"), config).expect("written");
    let generate = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
        let command = command.current_dir(folder.path()).args(["generate", "--out", "generated"]).args(more);
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, messages) = generate(&[]);
    assert!(
        code == Some(2) && messages.contains("/etc: a pod cannot start") && messages.contains("--target-format"),
        "{messages}"
    );
    assert_eq!(generate(&["--target-format", "prometheus"]).0, Some(0));
}
